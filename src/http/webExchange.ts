/** The web-standard adapter: an exchange over `Request` and `Response`. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { type Clock, nextTurn } from '../clock.ts';
import { invalid } from '../errors.ts';
import { isObject } from '../protocol/messages.ts';
import type { FetchOptions } from '../supervisor/sessionSupervisor.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { BodyLimits, BodyResult, Exchange, RequestHeaders, ResponseHeaders } from '../transport/exchange.ts';
import { BEGINNING } from '../transport/sse.ts';
import { Closing } from './closing.ts';
import { handle } from './handle.ts';
import { readWebBody } from './webBody.ts';

/** Answers one web-standard request. Rejects with a `SupervisorError` `INVALID_OPTION` where it is none. */
export function handleWeb(
  supervisor: Supervisor,
  request: Request,
  options: FetchOptions | undefined,
): Promise<Response> {
  return new Promise((resolve) => {
    if (!isRequest(request)) invalid('What fetch answers', request, 'a web-standard Request');
    checkFetchOptions(options);
    void handle(supervisor, new WebExchange(request, options ?? {}, resolve, supervisor));
  });
}

/** By what is used of it: a host may have a Request of its own. */
function isRequest(request: unknown): request is Request {
  if (request instanceof Request) return true;
  const { method, url, headers, signal } = (request ?? {}) as { [K in keyof Request]?: unknown };
  if (typeof method !== 'string' || typeof url !== 'string') return false;
  return isObject(headers) && Symbol.iterator in headers && isObject(signal) && 'addEventListener' in signal;
}

/** A host that calls `fetch` as its handler passes an object or a function of its own in second place, or null. */
function checkFetchOptions(options: unknown): void {
  if (options === undefined || typeof options === 'object' || typeof options === 'function') return;
  invalid('The options of fetch', options, 'an object');
}

const encoder = new TextEncoder();

/** What the stream of a response holds before `buffered` counts it as waiting; it only shifts the count. */
const strategy = new ByteLengthQueuingStrategy({ highWaterMark: 0 });

class WebExchange implements Exchange {
  onRefused: Exchange['onRefused'];
  readonly request: Request;
  readonly headers: RequestHeaders;
  readonly #options: FetchOptions;
  readonly #clock: Clock;
  readonly #closing: Closing;
  readonly #answer: (response: Response) => void;
  readonly #extraHeaders: Record<string, string> = {};
  /** Null until it was read. */
  #authInfo: AuthInfo | undefined | null = null;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #answered = false;
  #ending = false;
  /** Something was written. */
  #begun = false;
  /** Bytes written in this turn of the event loop. */
  #recent = 0;
  /** Who waits for all of that to be taken. */
  readonly #taken: (() => void)[] = [];

  constructor(request: Request, options: FetchOptions, answer: (response: Response) => void, supervisor: Supervisor) {
    this.request = request;
    this.#options = options;
    this.#answer = answer;
    this.#clock = supervisor.options.clock;
    this.#closing = new Closing(false, supervisor);
    this.headers = Object.fromEntries(request.headers);
    const { signal } = request;
    if (signal.aborted) this.#leave();
    else signal.addEventListener('abort', () => this.#abandoned(signal), { once: true });
  }

  get method(): string {
    return this.request.method;
  }

  /** As on Node: throws what reading it throws, and is read once. */
  get authInfo(): AuthInfo | undefined {
    if (this.#authInfo === null) this.#authInfo = this.#options.authInfo ?? undefined;
    return this.#authInfo;
  }

  /** Throws what reading it throws. */
  get parsedBody(): unknown {
    return this.#options.parsedBody;
  }

  get hosts(): readonly string[] {
    return [String(this.headers['host'] ?? new URL(this.request.url).host)];
  }

  get requestInfo(): Exchange['requestInfo'] {
    const { headers, request } = this;
    let made: URL | undefined;
    return {
      headers,
      get url() {
        made ??= new URL(request.url);
        return made;
      },
    };
  }

  readBody(limits: BodyLimits): Promise<BodyResult> {
    return readWebBody(this.request, limits, this.#clock, this.#closing);
  }

  get closed(): boolean {
    return this.#closing.over;
  }

  get answerable(): boolean {
    return !this.#answered;
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

  onTaken(listener: () => void): void {
    if (this.#queued === 0) listener();
    else this.#taken.push(listener);
  }

  onClose(listener: () => void): void {
    this.#closing.add(listener);
  }

  setHeader(name: string, value: string): void {
    this.#extraHeaders[name] = value;
  }

  respond(status: number, headers: ResponseHeaders, body?: string | Uint8Array): void {
    if (this.#answered) return;
    this.#answered = true;
    const text = this.method === 'HEAD' ? null : ((body ?? null) as string | null); // node:http leaves it out by itself
    this.#answer(new Response(text, { status, headers: { ...this.#extraHeaders, ...headers } }));
    this.#closing.end();
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
          // All that was queued has been taken.
          if (this.#ending) this.#finish();
          else if (this.#taken.length > 0) for (const listener of this.#taken.splice(0)) listener();
        },
        cancel: () => this.#closing.end(),
      },
      strategy,
    );
    this.#answer(new Response(body, { status: 200, headers: { ...this.#extraHeaders, ...headers } }));
  }

  /**
   * Some hosts (Bun, Next.js) keep the head of an answer until its first bytes are there: a client would wait for it as
   * long as the stream has nothing to say.
   */
  flush(): void {
    if (!this.#begun) this.write(BEGINNING);
  }

  write(chunk: string | Uint8Array): void {
    if (this.closed || this.#ending || this.#controller === undefined) return;
    this.#begun = true;
    const bytes = typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
    this.#controller.enqueue(bytes);
    if (this.#recent === 0) nextTurn(() => (this.#recent = 0));
    this.#recent += bytes.length;
  }

  end(chunk?: string): void {
    if (this.closed || this.#ending) return;
    if (chunk !== undefined) this.write(chunk);
    this.#ending = true;
    if (this.#queued === 0) this.#finish();
  }

  destroy(): void {
    if (this.closed) return;
    this.#controller?.error(new DOMException('The connection was ended', 'AbortError'));
    this.#leave();
  }

  #finish(): void {
    this.#controller?.close();
    this.#closing.end();
  }

  /**
   * The client is gone. Whoever still reads its answer is told, unless it stops by itself in the same moment: hosts that
   * do both would report an error for each client that leaves.
   */
  #abandoned(signal: AbortSignal): void {
    if (this.closed) return;
    this.#leave();
    void Promise.resolve().then(() => this.#controller?.error(signal.reason));
  }

  /** The client is gone, or is to go. */
  #leave(): void {
    if (!this.#answered) {
      this.#answered = true;
      this.#answer(new Response(null, { status: 408 })); // for a host that still waits
    }
    this.#closing.end();
  }
}
