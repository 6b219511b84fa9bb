/** The answer to a request that came on a link, as whoever gives it sees it. */
import { Closing } from '../../http/closing.ts';
import type { LogEntry } from '../../options.ts';
import type { Reply, ResponseHeaders } from '../../transport/exchange.ts';
import { PEER_HEADER, type PeerAnswer } from '../peerNetwork.ts';
import { FRAME, WINDOW } from './frames.ts';
import type { Link } from './link.ts';
import { Outflow } from './outflow.ts';

/** When less than so many bytes wait, more can be written. */
const ENOUGH = 16 * 1024;

export interface ReplyHost {
  readonly link: Link;
  log(entry: LogEntry): void;
  /** Its answer has gone out, or never will; `last`: with `Connection: close`. */
  answered(id: number, last: boolean): void;
}

export class LinkReply implements Reply {
  onRefused: Reply['onRefused'];
  readonly #id: number;
  readonly #host: ReplyHost;
  readonly #body: Outflow;
  readonly #closing: Closing;
  #headers: Record<string, string> | undefined;
  #onTaken: (() => void)[] = [];
  #begun = false;
  #last = false;

  constructor(id: number, host: ReplyHost) {
    this.#id = id;
    this.#host = host;
    this.#body = new Outflow(FRAME.data, id, WINDOW, () => this.#moved());
    this.#closing = new Closing(false, host);
  }

  get closed(): boolean {
    return this.#closing.over;
  }

  get answerable(): boolean {
    return !this.#begun && !this.closed;
  }

  get buffered(): number {
    return this.#body.queued;
  }

  get progress(): number {
    return this.#body.progress;
  }

  onTaken(listener: () => void): void {
    if (this.buffered < ENOUGH) listener();
    else this.#onTaken.push(listener);
  }

  onClose(listener: () => void): void {
    this.#closing.add(listener);
  }

  setHeader(name: string, value: string): void {
    this.#headers = { ...this.#headers, [name]: value };
  }

  respond(status: number, headers: ResponseHeaders, body?: string | Uint8Array): void {
    if (!this.answerable) return;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    this.#begin(status, headers, bytes?.length ?? 0);
    if (bytes !== undefined) this.#body.add(bytes);
    this.#body.end();
    this.#host.link.flow(this.#body);
  }

  open(headers: ResponseHeaders): void {
    if (this.answerable) this.#begin(200, headers, undefined);
  }

  flush(): void {
    // What is written leaves in this turn, as far as the peer takes it.
  }

  write(chunk: string | Uint8Array): void {
    if (this.closed || !this.#begun) return;
    this.#body.add(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    this.#host.link.flow(this.#body);
  }

  end(chunk?: string): void {
    if (this.closed) return;
    if (chunk !== undefined) this.write(chunk);
    this.#body.end();
    this.#host.link.flow(this.#body);
  }

  destroy(): void {
    if (this.closed) return;
    this.#host.link.send(FRAME.reset, this.#id);
    this.ended();
  }

  // --- for the link

  granted(bytes: number): void {
    this.#body.grant(bytes);
    this.#host.link.flow(this.#body);
  }

  /** Nothing more is sent, or wanted. */
  ended(): void {
    if (this.closed) return;
    this.#host.link.drop(this.#body);
    this.#onTaken = [];
    this.#host.answered(this.#id, this.#last);
    this.#closing.end();
  }

  // --- within

  #begin(status: number, given: ResponseHeaders, length: number | undefined): void {
    this.#begun = true;
    const { [PEER_HEADER]: peer, Connection: connection, ...headers } = { ...this.#headers, ...given };
    this.#last = connection === 'close';
    const answer: PeerAnswer = { status, headers, length, peer };
    this.#host.link.send(FRAME.answer, this.#id, Buffer.from(JSON.stringify(answer)));
  }

  #moved(): void {
    if (this.#body.over) return this.ended();
    if (this.buffered >= ENOUGH || this.#onTaken.length === 0) return;
    const listeners = this.#onTaken;
    this.#onTaken = [];
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        const message = 'What was to be written next of an answer failed';
        this.#host.log({ level: 'error', event: 'response.failed', message, error });
      }
    }
  }
}
