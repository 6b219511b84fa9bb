/** A request of a simulation by the web-standard adapter, `supervisor.fetch`. */
import type { Wire, WireAnswer, WireRequest, WireUser } from './wire.ts';

type Fetch = (request: Request) => Promise<Response>;

export class WebWire implements Wire {
  readonly before = [];
  readonly shared = false;
  readonly #fetch: Fetch;
  readonly #user: WireUser;
  readonly #abort = new AbortController();
  #upload: ReadableStreamDefaultController<Uint8Array> | undefined;
  #answer: WebAnswer | undefined;

  constructor(fetch: Fetch, user: WireUser) {
    this.#fetch = fetch;
    this.#user = user;
  }

  async send({ body, headers, method, slowly }: WireRequest): Promise<WireAnswer> {
    const request = new Request('http://127.0.0.1/mcp', {
      method,
      headers,
      signal: this.#abort.signal,
      body: slowly ? this.#stream() : (body ?? null),
      ...(slowly && { duplex: 'half' as const }),
    });
    this.#answer = new WebAnswer(await this.#fetch(request));
    return this.#answer;
  }

  upload(chunk: Uint8Array, last: boolean): void {
    this.#upload?.enqueue(chunk);
    if (last) this.#upload?.close();
    if (last) this.#upload = undefined;
  }

  leave(readerFirst: boolean): void {
    if (readerFirst) this.#answer?.cancel();
    this.#abort.abort(GONE);
    this.#upload?.error(GONE);
    if (!readerFirst) this.#answer?.cancel();
  }

  #stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#upload = controller;
      },
      cancel: () => {
        this.#upload = undefined;
        this.#user.stopUpload();
      },
    });
  }
}

const GONE = new Error('The client has gone');

class WebAnswer implements WireAnswer {
  readonly #response: Response;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(response: Response) {
    this.#response = response;
  }

  get status(): number {
    return this.#response.status;
  }

  get headers(): Headers {
    return this.#response.headers;
  }

  text(): Promise<string> {
    return this.#response.text();
  }

  async read(): Promise<Uint8Array | undefined> {
    this.#reader ??= this.#response.body?.getReader();
    try {
      return (await this.#reader?.read())?.value;
    } catch {
      return undefined; // it was cut
    }
  }

  /** Stops reading. */
  cancel(): void {
    void this.#reader?.cancel().catch(() => {});
  }
}
