/**
 * One SSE response to one client: opens late, keeps itself alive, holds a bounded amount for a slow reader, and finds
 * out when the peer is dead. Knows nothing of what the events say.
 */
import { afterwards, type Clock, nextTurn, notAfterwards } from '../clock.ts';
import type { Reply, ResponseHeaders } from './exchange.ts';
import { KEEP_ALIVE, retryFrame } from './sse.ts';

export interface ConnectionLimits {
  readonly clock: Clock;
  /** ms between comments; a peer that takes nothing of what waits for it in that time is dead. */
  readonly keepAliveInterval: number;
  /** Bytes that one stream may hold for a slow reader. */
  readonly maxStreamBuffer: number;
}

/** Why a stream was cut off: its reader was too slow for `maxStreamBuffer`, or took nothing any more. */
export type StreamDrop = 'slow' | 'dead';

/** How long an ended answer may take nothing before its connection is destroyed, in ms. */
const STALL_TIMEOUT = 30_000;

function openNow(connection: Connection): void {
  connection.open();
}

export class Connection {
  readonly #reply: Reply;
  readonly #headers: () => ResponseHeaders;
  readonly #limits: ConnectionLimits;
  readonly #emptyStatus: number;
  readonly #retry: number | undefined;
  /** Why it was cut off, if it was. */
  dropped: StreamDrop | undefined;
  #opened = false;
  /** Bytes that the stream began with, before any frame. */
  #greeting = 0;
  #ended = false;
  #opening: NodeJS.Timeout | undefined;
  #timer: unknown;
  /** The progress when a comment was due and something else waited; undefined if nothing did. */
  #waiting: number | undefined;

  /**
   * `emptyStatus` is that of a response that is ended before anything was sent. `retry` is when the client is to come
   * back once the stream has ended, in ms: a stream that is opened begins with it, so that a client knows it whatever
   * ends the stream. What leaves in one write has its end already, and goes without.
   */
  constructor(
    reply: Reply,
    headers: () => ResponseHeaders,
    limits: ConnectionLimits,
    emptyStatus = 200,
    retry?: number,
  ) {
    this.#reply = reply;
    this.#headers = headers;
    this.#limits = limits;
    this.#emptyStatus = emptyStatus;
    this.#retry = retry;
  }

  /** Nothing can be written any more. */
  get closed(): boolean {
    return this.#ended || this.#reply.closed;
  }

  /** The peer is gone, or has all that there was. */
  get gone(): boolean {
    return this.#reply.closed;
  }

  /** The peer has taken nothing since the last time that a comment was due. */
  get stalled(): boolean {
    return this.#reply.buffered > 0 && this.#reply.progress === this.#waiting;
  }

  /** Sends the headers now, and a comment from time to time. */
  open(): void {
    if (this.#opened || this.closed) return;
    this.#head();
    this.#reply.flush();
  }

  /**
   * Sends the headers with the next turn of the event loop, unless the answer comes first: most answers do, and then
   * leave in one write. With `patience` only after so many ms: for an answer that can't come within the turn.
   */
  openSoon(patience = 0): void {
    if (patience === 0) nextTurn(openNow, this);
    else this.#opening = afterwards(openNow, patience, this).unref();
  }

  /** Writes a frame, unless the reader is so slow that it would have to be held beyond the bound: then it ends. */
  write(frame: string): void {
    if (this.closed) return;
    if (!this.#opened) this.#head();
    if (this.#overflows(frame)) {
      // What is sent within one turn of the event loop waits on our side whoever reads: let it go before judging.
      this.#reply.flush();
      if (this.#overflows(frame)) {
        this.dropped = 'slow';
        return this.end();
      }
    }
    this.#reply.write(frame);
  }

  /** One frame larger than the bound still goes out whole, as long as no other waits before it. */
  #overflows(frame: string): boolean {
    const { buffered } = this.#reply;
    return buffered > this.#greeting && buffered + Buffer.byteLength(frame) > this.#limits.maxStreamBuffer;
  }

  /** Ends the response, with a last frame where it still fits. */
  end(frame?: string): void {
    if (frame !== undefined && this.#opened) this.write(frame);
    if (this.closed) return;
    this.#ended = true;
    this.#limits.clock.clearTimeout(this.#timer);
    if (this.#opened) {
      this.#reply.end();
    } else {
      notAfterwards(this.#opening);
      this.#reply.respond(frame === undefined ? this.#emptyStatus : 200, this.#headers(), frame);
    }
    destroyWhenStalled(this.#reply, this.#limits.clock);
  }

  /** Ends the response if it was begun; one that was not is left to be answered otherwise. */
  abandon(): void {
    if (this.#opened) this.end();
    else this.#ended = true;
  }

  #head(): void {
    this.#opened = true;
    this.#reply.open(this.#headers());
    if (this.#retry !== undefined) this.#greet(retryFrame(this.#retry));
    if (this.#limits.keepAliveInterval === Number.POSITIVE_INFINITY) return;
    this.#reply.onClose(() => this.#limits.clock.clearTimeout(this.#timer));
    this.#keepAlive();
  }

  #greet(frame: string): void {
    this.#greeting = frame.length; // all of it ASCII
    this.#reply.write(frame);
  }

  /** A comment when nothing is on its way; when something is, the peer has until the next time to take some of it. */
  #keepAlive(): void {
    this.#timer = this.#limits.clock.setTimeout(() => {
      if (this.closed) return; // ended by the clock itself, while it was asked for the timer
      const { buffered, progress } = this.#reply;
      if (buffered > 0 && progress === this.#waiting) {
        this.dropped = 'dead';
        return this.#reply.destroy();
      }
      this.#waiting = buffered > 0 ? progress : undefined;
      if (buffered === 0) this.write(KEEP_ALIVE);
      this.#keepAlive();
    }, this.#limits.keepAliveInterval);
    if (this.closed) this.#limits.clock.clearTimeout(this.#timer); // a clock of the embedder's may have ended it just now
  }
}

/** Watches an ended answer whose reader has not taken it all: one that takes nothing for a while is cut off. */
export function destroyWhenStalled(reply: Reply, clock: Clock): void {
  if (reply.closed || reply.buffered === 0) return;
  const { progress } = reply;
  const timer = clock.setTimeout(() => {
    if (reply.progress === progress) reply.destroy();
    else destroyWhenStalled(reply, clock);
  }, STALL_TIMEOUT);
  reply.onClose(() => clock.clearTimeout(timer));
}
