/** The answer to a peer's request, as whoever gives it sees it. */
import type { IncomingPeerRequest } from '../../index.ts';

type Reply = IncomingPeerRequest['reply'];
type Headers = Readonly<Record<string, string>>;

/** Where an answer goes. */
export interface AnswerWay {
  head(status: number, headers: Headers, length: number | undefined): void;
  data(bytes: Buffer): void;
  end(): void;
  /** The connection is ended, whatever is on its way. */
  cut(): void;
}

export class WireReply implements Reply {
  onRefused: Reply['onRefused'];
  closed = false;
  buffered = 0;
  progress = 0;
  readonly #way: AnswerWay;
  readonly #extra: Record<string, string> = {};
  #begun = false;
  #onClose: (() => void)[] = [];
  #onTaken: (() => void)[] = [];

  constructor(way: AnswerWay) {
    this.#way = way;
  }

  get answerable(): boolean {
    return !this.#begun && !this.closed;
  }

  onTaken(listener: () => void): void {
    if (this.buffered === 0) listener();
    else this.#onTaken.push(listener);
  }

  onClose(listener: () => void): void {
    if (this.closed) listener();
    else this.#onClose.push(listener);
  }

  setHeader(name: string, value: string): void {
    this.#extra[name] = value;
  }

  respond(status: number, headers: Headers, body?: string | Uint8Array): void {
    if (!this.answerable) return;
    this.#begun = true;
    const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body as string);
    this.#way.head(status, { ...this.#extra, ...headers }, bytes.length);
    if (bytes.length > 0) this.#way.data(bytes);
    this.#finish();
  }

  open(headers: Headers): void {
    if (!this.answerable) return;
    this.#begun = true;
    this.#way.head(200, { ...this.#extra, ...headers }, undefined);
  }

  flush(): void {
    // What is written is on its way.
  }

  write(chunk: string | Uint8Array): void {
    if (this.closed || !this.#begun) return;
    const bytes = Buffer.from(chunk as string);
    this.buffered += bytes.length;
    this.#way.data(bytes);
  }

  end(chunk?: string): void {
    if (this.closed) return;
    if (chunk !== undefined) this.write(chunk);
    this.#finish();
  }

  destroy(): void {
    if (this.closed) return;
    this.#way.cut();
    this.ended();
  }

  /** The peer has taken so much. */
  taken(bytes: number): void {
    this.buffered = Math.max(0, this.buffered - bytes);
    this.progress++;
    if (this.buffered === 0) for (const listener of this.#onTaken.splice(0)) listener();
  }

  /** The answer has ended, or its peer has gone. */
  ended(): void {
    if (this.closed) return;
    this.closed = true;
    this.#onTaken = [];
    for (const listener of this.#onClose.splice(0).reverse()) listener();
  }

  #finish(): void {
    this.#way.end();
    this.ended();
  }
}
