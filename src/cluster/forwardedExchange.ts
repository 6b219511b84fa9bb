/** A request that another node has admitted, as an exchange: its own in all, but that the answer goes by way of that node. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { BodyResult, Exchange, Reply, RequestHeaders, ResponseHeaders } from '../transport/exchange.ts';
import type { OpenedEnvelope } from './envelopes.ts';
import { PEER_HEADER } from './peerNetwork.ts';

export class ForwardedExchange implements Exchange {
  onRefused: Exchange['onRefused'];
  readonly method: string;
  readonly headers: RequestHeaders;
  readonly authInfo: AuthInfo | undefined;
  /** The edge has read it; undefined where there is none. */
  readonly parsedBody: string | undefined;
  readonly #url: string;
  readonly #reply: Reply;
  readonly #proof: string;
  #requestInfo: Exchange['requestInfo'] | undefined;

  /** `proof` goes with the answer. */
  constructor({ envelope, body }: OpenedEnvelope, reply: Reply, proof: string) {
    this.method = envelope.method;
    this.headers = envelope.headers;
    this.authInfo = envelope.authInfo;
    this.parsedBody = body;
    this.#url = envelope.url;
    this.#reply = reply;
    this.#proof = proof;
  }

  get hosts(): readonly string[] {
    const { host } = this.headers;
    return host === undefined ? [this.requestInfo.url.host] : [String(host)];
  }

  get requestInfo(): Exchange['requestInfo'] {
    this.#requestInfo ??= infoOf(this.headers, this.#url);
    return this.#requestInfo;
  }

  get request(): Request {
    const headers = new Headers();
    for (const [name, value] of Object.entries(this.headers)) {
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
    return new Request(this.requestInfo.url, { method: this.method, headers });
  }

  /** There is none besides `parsedBody`. */
  async readBody(): Promise<BodyResult> {
    return { text: '', size: 0 };
  }

  get closed(): boolean {
    return this.#reply.closed;
  }

  get answerable(): boolean {
    return this.#reply.answerable;
  }

  get buffered(): number {
    return this.#reply.buffered;
  }

  get progress(): number {
    return this.#reply.progress;
  }

  onTaken(listener: () => void): void {
    this.#reply.onTaken(listener);
  }

  onClose(listener: () => void): void {
    this.#reply.onClose(listener);
  }

  setHeader(name: string, value: string): void {
    this.#reply.setHeader(name, value);
  }

  respond(status: number, headers: ResponseHeaders, body?: string | Uint8Array): void {
    this.#reply.respond(status, { ...headers, [PEER_HEADER]: this.#proof }, body);
  }

  open(headers: ResponseHeaders): void {
    this.#reply.open({ ...headers, [PEER_HEADER]: this.#proof });
  }

  flush(): void {
    this.#reply.flush();
  }

  write(chunk: string | Uint8Array): void {
    this.#reply.write(chunk);
  }

  end(chunk?: string): void {
    this.#reply.end(chunk);
  }

  destroy(): void {
    this.#reply.destroy();
  }
}

/** Members of its own, so that it can be copied; most handlers never ask for the URL. */
function infoOf(headers: RequestHeaders, url: string): Exchange['requestInfo'] {
  let made: URL | undefined;
  return {
    headers,
    get url() {
      made ??= new URL(url);
      return made;
    },
  };
}
