/** The web-standard adapter: an exchange over `Request` and `Response`. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { BodyFailure, BodyResult, Exchange, RequestHeaders, ResponseHeaders } from '../transport/exchange.ts';
import { handle } from './handle.ts';

/** Answers one web-standard request. Never rejects. */
export function handleWeb(supervisor: Supervisor, request: Request, authInfo: AuthInfo | undefined): Promise<Response> {
  return new Promise((resolve) => {
    void handle(supervisor, new WebExchange(request, authInfo, resolve, supervisor));
  });
}

const encoder = new TextEncoder();

/** What the stream of a response holds before `buffered` counts it as waiting; it only shifts the count. */
const strategy = new ByteLengthQueuingStrategy({ highWaterMark: 0 });

class WebExchange implements Exchange {
  readonly authInfo: AuthInfo | undefined;
  onRefused: Exchange['onRefused'];
  readonly parsedBody: unknown = undefined;
  readonly request: Request;
  readonly headers: RequestHeaders;
  readonly #clock: Supervisor['options']['clock'];
  readonly #answer: (response: Response) => void;
  readonly #extraHeaders: Record<string, string> = {};
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #answered = false;
  #ending = false;
  /** Bytes written in this turn of the event loop. */
  #recent = 0;
  #closed = false;
  #listeners: (() => void)[] = [];

  constructor(
    request: Request,
    authInfo: AuthInfo | undefined,
    answer: (response: Response) => void,
    { options }: Supervisor,
  ) {
    this.request = request;
    this.authInfo = authInfo;
    this.#answer = answer;
    this.#clock = options.clock;
    this.headers = Object.fromEntries(request.headers);
    const { signal } = request;
    if (signal.aborted) this.#leave();
    else signal.addEventListener('abort', () => this.#abandoned(signal), { once: true });
  }

  get method(): string {
    return this.request.method;
  }

  get hosts(): readonly string[] {
    return [String(this.headers['host'] ?? new URL(this.request.url).host)];
  }

  get requestInfo(): Exchange['requestInfo'] {
    const { headers, request } = this;
    return {
      headers,
      get url() {
        return new URL(request.url);
      },
    };
  }

  async readBody(limit: number, timeout: number): Promise<BodyResult> {
    if (this.request.bodyUsed) return { failure: 'bodyAborted' };
    const reader = this.request.body?.getReader();
    if (reader === undefined) return { text: '' };
    let failure: BodyFailure | undefined;
    const giveUp = (why: BodyFailure) => {
      failure ??= why;
      void reader.cancel().catch(() => {});
    };
    const timer = this.#clock.setTimeout(() => giveUp('bodyTimeout'), timeout);
    this.onClose(() => giveUp('bodyAborted')); // nobody is left who could be answered
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let text = '';
    let size = 0;
    try {
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        size += chunk.value.byteLength;
        if (size > limit) giveUp('bodyTooLarge');
        if (failure === undefined) text += decoder.decode(chunk.value, { stream: true });
      }
      return failure === undefined ? { text: text + decoder.decode() } : { failure };
    } catch (error) {
      failure ??= error instanceof TypeError && size > 0 ? 'parseError' : 'bodyAborted';
      return { failure };
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * What waits since an earlier turn of the event loop. A host can take nothing within the turn that brings it, so what
   * was just written says nothing about the reader. Once it has ended, all that has not been taken.
   */
  get buffered(): number {
    return Math.max(0, this.#ending ? this.#queued : this.#queued - this.#recent);
  }

  get #queued(): number {
    return this.#controller === undefined ? 0 : -(this.#controller.desiredSize ?? 0);
  }

  get progress(): number {
    return this.buffered;
  }

  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#listeners.push(listener);
  }

  setHeader(name: string, value: string): void {
    this.#extraHeaders[name] = value;
  }

  respond(status: number, headers: ResponseHeaders, body?: string): void {
    if (this.#answered) return;
    this.#answered = true;
    const text = this.method === 'HEAD' ? null : (body ?? null); // node:http leaves it out by itself
    this.#answer(new Response(text, { status, headers: { ...this.#extraHeaders, ...headers } }));
    this.#close();
  }

  open(headers: ResponseHeaders): void {
    if (this.#answered) return;
    this.#answered = true;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          if (this.#ending) this.#finish(); // all that was queued has been taken
        },
        cancel: () => this.#close(),
      },
      strategy,
    );
    this.#answer(new Response(body, { status: 200, headers: { ...this.#extraHeaders, ...headers } }));
  }

  flush(): void {}

  write(chunk: string): void {
    if (this.#closed || this.#ending || this.#controller === undefined) return;
    const bytes = encoder.encode(chunk);
    this.#controller.enqueue(bytes);
    if (this.#recent === 0) setImmediate(() => (this.#recent = 0));
    this.#recent += bytes.length;
  }

  end(chunk?: string): void {
    if (this.#closed || this.#ending) return;
    if (chunk !== undefined) this.write(chunk);
    this.#ending = true;
    if (this.#queued === 0) this.#finish();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#controller?.error(new DOMException('The connection was ended', 'AbortError'));
    this.#leave();
  }

  #finish(): void {
    this.#controller?.close();
    this.#close();
  }

  /**
   * The client is gone. Whoever still reads its answer is told, unless it stops by itself in the same moment: hosts that
   * do both would report an error for each client that leaves.
   */
  #abandoned(signal: AbortSignal): void {
    if (this.#closed) return;
    this.#leave();
    void Promise.resolve().then(() => this.#controller?.error(signal.reason));
  }

  /** The client is gone, or is to go. */
  #leave(): void {
    if (!this.#answered) {
      this.#answered = true;
      this.#answer(new Response(null, { status: 408 })); // for a host that still waits
    }
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners.reverse()) listener();
  }
}
