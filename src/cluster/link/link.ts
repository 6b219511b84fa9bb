/**
 * One connection between two nodes, which carries all that one of them sends to the other: a WebSocket. What is said in one
 * turn of the event loop leaves in one message, and long contents and answers take turns. A link on which nothing comes is
 * tried, and cut when nothing answers.
 */
import type { RawData, WebSocket } from 'ws';
import { afterwards, nextTurn, notAfterwards } from '../../clock.ts';
import { type FrameKind, Message, readFrames } from './frames.ts';
import type { Outflow } from './outflow.ts';

/** A message takes up to so many bytes, and a single content or answer at its turn; in bytes. */
const FULL = 128 * 1024;
const TURN = 32 * 1024;

/** So many bytes are handed to the connection before it has taken them. */
const AHEAD = 256 * 1024;

/** What a message may have at most, in bytes: ours were not full before their last frame, which is one of 64 KiB at most. */
const MAX_MESSAGE = 1024 * 1024;

/** How often a link is looked at, in ms; and after how many times on which it had nothing to do it is closed. */
const LOOK_EVERY = 1_000;
export const IDLE_LOOKS = 30;

/** `readyState` of a socket; above it are those that are being closed. */
export const OPEN = 1;

/** Options of either end. `closeTimeout`: how long the other end may take to close its side, in ms. */
export const SOCKET_OPTIONS = {
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE,
  closeTimeout: 2_000,
  autoPong: false, // `Link` answers pings, but not without end to somebody who does not read
} as const;

export interface LinkEnd {
  readonly reason: 'broken' | 'timeout';
  readonly error?: unknown;
}

export interface LinkEvents {
  frame(kind: number, id: number, bytes: Buffer): void;
  /** All frames of a message were handed on. */
  read?(): void;
  /** Whether the other end has anything to say: only then silence means something. */
  readonly busy: boolean;
  /** It had nothing to do at so many looks, one a second, and nothing has come. */
  idle(looks: number): void;
  /** It is over, whichever way. */
  ended(end: LinkEnd): void;
}

export class Link {
  /** When the other end has said something, by `performance.now`. */
  heard = performance.now();
  readonly #socket: WebSocket;
  readonly #events: LinkEvents;
  readonly #maxSilence: number;
  readonly #message = new Message();
  /** What has something to be sent, in its order. */
  readonly #flows = new Set<Outflow>();
  /** Bytes that the connection has not taken yet. */
  #unsent = 0;
  #scheduled = false;
  #silent = 0;
  #idle = 0;
  #over = false;
  #why: LinkEnd = { reason: 'broken' };
  readonly #looking: NodeJS.Timeout;

  /** `socket` is open. `silenceTimeout`: ms. */
  constructor(socket: WebSocket, events: LinkEvents, silenceTimeout: number) {
    this.#socket = socket;
    this.#events = events;
    this.#maxSilence = Math.max(1, Math.round(silenceTimeout / LOOK_EVERY));
    socket.on('message', (data) => this.#said(data));
    socket.on('pong', () => this.#hear());
    socket.on('ping', (data) => {
      if (socket.bufferedAmount < AHEAD) socket.pong(data);
    });
    socket.on('error', (error) => {
      this.#why = { reason: 'broken', error };
    });
    socket.on('close', () => this.#end());
    this.#looking = afterwards(look, LOOK_EVERY, this).unref();
  }

  /** Says something, with what else is said in this turn. */
  send(kind: FrameKind, id: number, bytes?: Uint8Array): void {
    if (this.#over) return;
    this.#message.add(kind, id, bytes);
    this.#schedule();
  }

  /** Has something sent when it is its turn. */
  flow(flow: Outflow): void {
    if (this.#over || !flow.ready) return;
    this.#flows.add(flow);
    this.#schedule();
  }

  drop(flow: Outflow): void {
    flow.stop();
    this.#flows.delete(flow);
  }

  /** Ends it when all that was said has gone out. */
  close(): void {
    if (this.#over) return;
    this.#flush();
    this.#socket.close(1000);
  }

  /** Ends it now. */
  cut(end: LinkEnd = { reason: 'broken' }): void {
    if (this.#over) return;
    this.#why = end;
    this.#socket.terminate();
    this.#end();
  }

  get #isClosing(): boolean {
    return this.#socket.readyState > OPEN;
  }

  look(): void {
    this.#looking.refresh();
    if (!this.#events.busy) {
      this.#silent = 0;
      if (++this.#idle >= IDLE_LOOKS) this.#events.idle(this.#idle);
      return;
    }
    this.#idle = 0;
    // Counted by looks, not by time: where this process stood still, it has not listened either.
    if (++this.#silent > this.#maxSilence) return this.cut({ reason: 'timeout' });
    if (this.#silent > 1) this.#socket.ping();
  }

  #said(data: RawData): void {
    if (this.#isClosing) return; // what comes now can't be answered
    this.#hear();
    const whole = readFrames(data as Buffer, (kind, id, bytes) => {
      if (!this.#over) this.#events.frame(kind, id, bytes);
    });
    if (!whole) return this.cut();
    if (!this.#over) this.#events.read?.();
  }

  #hear(): void {
    this.heard = performance.now();
    this.#silent = 0;
    this.#idle = 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    nextTurn(flush, this);
  }

  flush(): void {
    this.#scheduled = false;
    this.#flush();
  }

  #flush(): void {
    // What is given to one that is being closed does not go out, and was not delivered.
    while (!this.#over && this.#unsent < AHEAD && !this.#isClosing) {
      for (const flow of this.#flows) {
        if (this.#message.size >= FULL) break;
        this.#flows.delete(flow);
        flow.moveTo(this.#message, TURN);
        if (flow.ready) this.#flows.add(flow); // behind the others
      }
      if (this.#message.size === 0) return;
      const message = this.#message.take(FULL);
      this.#unsent += message.length;
      this.#socket.send(message, () => this.#taken(message.length));
    }
  }

  #taken(bytes: number): void {
    const waited = this.#unsent >= AHEAD;
    this.#unsent -= bytes;
    if (waited) this.#flush();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    notAfterwards(this.#looking);
    this.#flows.clear();
    this.#events.ended(this.#why);
  }
}

function flush(link: Link): void {
  link.flush();
}

function look(link: Link): void {
  link.look();
}
