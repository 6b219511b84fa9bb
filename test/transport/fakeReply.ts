/** A reply whose peer takes what the test says, and that remembers what was done to it. */
import type { Reply, ResponseHeaders } from '../../src/transport/exchange.ts';

export class FakeReply implements Reply {
  closed = false;
  answerable = true;
  /** Bytes that the peer has not taken. */
  buffered = 0;
  /** How often the peer has taken something. */
  progress = 0;
  /** What was called, in order. */
  readonly calls: string[] = [];
  /** The peer takes everything at once. */
  takesAll = true;
  /** The peer takes everything with a flush only: what was written waits for the end of the turn. */
  takesOnFlush = false;
  #listeners: (() => void)[] = [];
  readonly #taken: (() => void)[] = [];
  #ended = false;

  onTaken(listener: () => void): void {
    if (this.buffered === 0) listener();
    else this.#taken.push(listener);
  }

  onClose(listener: () => void): void {
    if (this.closed) listener();
    else this.#listeners.push(listener);
  }

  setHeader(name: string): void {
    this.calls.push(`setHeader ${name}`);
  }

  respond(status: number, headers: ResponseHeaders, body?: string): void {
    this.calls.push(`respond ${status} ${JSON.stringify(headers)} ${body}`);
    this.answerable = false;
    this.#ended = true;
    this.#hold(body ?? '');
  }

  open(headers: ResponseHeaders): void {
    this.calls.push(`open ${JSON.stringify(headers)}`);
    this.answerable = false;
  }

  flush(): void {
    this.calls.push('flush');
    if (this.takesOnFlush) this.take();
  }

  write(chunk: string): void {
    this.calls.push(`write ${chunk}`);
    this.#hold(chunk);
  }

  end(chunk?: string): void {
    this.calls.push(chunk === undefined ? 'end' : `end ${chunk}`);
    this.#ended = true;
    this.#hold(chunk ?? '');
  }

  destroy(): void {
    this.calls.push('destroy');
    this.close();
  }

  /** The peer takes so many bytes, or all that there are. */
  take(bytes = this.buffered): void {
    this.buffered -= bytes;
    if (bytes > 0) this.progress++;
    if (this.buffered === 0) for (const listener of this.#taken.splice(0)) listener();
    if (this.#ended && this.buffered === 0) this.close();
  }

  close(): void {
    this.closed = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }

  /** The calls since the last look. */
  look(): string[] {
    return this.calls.splice(0);
  }

  #hold(chunk: string): void {
    this.buffered += Buffer.byteLength(chunk);
    if (this.takesAll) this.take();
  }
}
