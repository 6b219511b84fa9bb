/**
 * One viewer behind a WebSocket, and what it may do: say little, not often, and only what is expected of it; be sent no
 * more than it takes; and show from time to time that it is still there.
 */
import { randomBytes } from 'node:crypto';
import { CLOSE_CODES, type ResultFrame } from './protocol.ts';

/** Frames that a viewer may send at once, and for how many ms one of them counts. */
const BURST = 30;
const FRAME_EVERY = 100;

/** How long a viewer that is told to leave may take to do so, in ms. */
const LEAVING = 1_000;

/** What is needed of a WebSocket of the package ws, whose types users of this package may not have. */
export interface Socket {
  readonly bufferedAmount: number;
  send(data: Buffer, options: { binary: boolean }): void;
  ping(data: string): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: 'message', listener: (data: { toString(): string }, isBinary: boolean) => void): unknown;
  on(event: 'pong', listener: (data: Buffer) => void): unknown;
  on(event: 'error' | 'close', listener: () => void): unknown;
}

export interface ViewerOptions {
  /** What may be waiting to be sent before a viewer counts as slow, in bytes. */
  readonly maxBuffer: number;
  /** In ms. A viewer that did not answer the last ping is gone. */
  readonly pingInterval: number;
}

/** What came of a viewer's wish that a session ends; without an id where none is known by the key. */
export interface TerminatedByViewer {
  readonly key: string;
  readonly id: string | undefined;
  readonly outcome: ResultFrame['outcome'];
}

export class Viewer {
  /** Hears what the viewer says. Returns whether that was expected. */
  onFrame: (text: string) => boolean = () => false;
  onGone: () => void = () => {};
  /** Hears what came of its wish that a session ends. */
  onTerminated: (told: TerminatedByViewer) => void = () => {};
  /** Resolves when it is gone, and `onGone` was called. */
  readonly gone: Promise<void>;
  readonly #socket: Socket;
  readonly #options: ViewerOptions;
  readonly #pings: NodeJS.Timeout;
  /** What the answer to the last ping has to say: one who reads nothing can't know it. */
  #awaited: string | undefined;
  /** How many frames it may still send, as of `#since`. */
  #allowance = BURST;
  #since = performance.now();
  #leaving: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ViewerOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#pings = setInterval(() => this.#ping(), options.pingInterval);
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('pong', (data) => {
      if (data.toString() === this.#awaited) this.#awaited = undefined;
    });
    socket.on('error', () => {}); // a frame that is too long, or none: ws closes by itself
    this.gone = new Promise((resolve) => {
      socket.on('close', () => {
        clearInterval(this.#pings);
        clearTimeout(this.#leaving);
        this.onGone();
        resolve();
      });
    });
  }

  /** Whether more is waiting to be sent than it should. */
  get slow(): boolean {
    return this.#socket.bufferedAmount > this.#options.maxBuffer;
  }

  /** Whether nearly nothing is waiting to be sent. */
  get drained(): boolean {
    return this.#socket.bufferedAmount <= this.#options.maxBuffer / 4;
  }

  /** Sends a frame of text, encoded by whoever sends it to many. */
  send(frame: Buffer): void {
    if (this.#leaving === undefined) this.#socket.send(frame, { binary: false });
  }

  /** Asks the viewer to leave, and throws it out if it does not. */
  leave(code: number, reason: string): void {
    if (this.#leaving !== undefined) return;
    this.#socket.close(code, reason);
    this.#leaving = setTimeout(() => this.#socket.terminate(), LEAVING);
  }

  #receive(data: { toString(): string }, isBinary: boolean): void {
    if (this.#leaving !== undefined) return;
    if (!this.#mayTalk()) this.leave(CLOSE_CODES.badFrame, 'too many frames');
    else if (isBinary || !this.onFrame(String(data))) this.leave(CLOSE_CODES.badFrame, 'not a frame');
  }

  #mayTalk(): boolean {
    const now = performance.now();
    this.#allowance = Math.min(BURST, this.#allowance + (now - this.#since) / FRAME_EVERY) - 1;
    this.#since = now;
    return this.#allowance >= 0;
  }

  #ping(): void {
    if (this.#awaited !== undefined) {
      this.#socket.terminate();
      return;
    }
    this.#awaited = randomBytes(4).toString('hex');
    this.#socket.ping(this.#awaited);
  }
}
