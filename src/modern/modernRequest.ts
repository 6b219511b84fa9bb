/**
 * What SDK v2's handler takes for the web-standard Request that it serves. A real one is made only when something of it is
 * asked for that is not here: few handlers do, and it costs about as much as all the rest of the HTTP.
 */
import type { Exchange, RequestHeaders } from '../transport/exchange.ts';

/** Whoever has the server built for the request. */
export interface ServerBuilder<S> {
  build(): Promise<S>;
}

class LightRequest<S> {
  readonly method = 'POST';
  readonly signal: AbortSignal;
  readonly builder: ServerBuilder<S>;
  readonly #exchange: Exchange;
  #headers: Headers | undefined;

  constructor(exchange: Exchange, signal: AbortSignal, builder: ServerBuilder<S>) {
    this.#exchange = exchange;
    this.signal = signal;
    this.builder = builder;
  }

  get url(): string {
    return this.#exchange.requestInfo.url.href;
  }

  get headers(): Headers {
    this.#headers ??= headersOf(this.#exchange.headers);
    return this.#headers;
  }

  /** The same, without its body, as web streams and undici have it. */
  get whole(): Request {
    return this.#exchange.request;
  }
}

for (const name of Object.getOwnPropertyNames(Request.prototype)) {
  if (Object.hasOwn(LightRequest.prototype, name) || name === 'method' || name === 'signal') continue;
  Object.defineProperty(LightRequest.prototype, name, {
    configurable: true,
    get(this: LightRequest<unknown>) {
      const { whole } = this;
      const member: unknown = Reflect.get(whole, name);
      return typeof member === 'function' ? member.bind(whole) : member;
    },
  });
}
Object.setPrototypeOf(LightRequest.prototype, Request.prototype);

/** The header values of an exchange as the web has them. */
function headersOf(given: RequestHeaders): Headers {
  const headers = new Headers();
  for (const name in given) {
    const value = given[name];
    if (value === undefined || name.startsWith(':')) continue;
    headers.set(name, typeof value === 'string' ? value : value.join(', '));
  }
  return headers;
}

/** The request of an exchange, whose server `builder` builds. */
export function modernRequest<S>(exchange: Exchange, signal: AbortSignal, builder: ServerBuilder<S>): Request {
  return new LightRequest(exchange, signal, builder) as unknown as Request;
}

/** Has the server built for a request that was made here. */
export function buildFor<S>(request: Request | undefined): Promise<S> {
  return (request as unknown as LightRequest<S>).builder.build();
}
