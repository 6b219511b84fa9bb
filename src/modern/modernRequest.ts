/**
 * What SDK v2's handler takes for the web-standard Request that it serves. Real ones are made only when something of them is
 * asked for that is not here: few handlers do, and they cost about as much as all the rest of the HTTP.
 */
import type { Exchange, RequestHeaders } from '../transport/exchange.ts';

/** Whoever has the server built for the request. */
export interface ServerBuilder<S> {
  build(): Promise<S>;
}

/** Something that stands for another one until more is asked of it than it has itself. */
interface Light {
  readonly whole: object;
}

class LightHeaders implements Light {
  readonly #given: RequestHeaders;
  #whole: Headers | undefined;

  constructor(given: RequestHeaders) {
    this.#given = given;
  }

  get whole(): Headers {
    this.#whole ??= headersOf(this.#given);
    return this.#whole;
  }

  get(name: string): string | null {
    const lower = String(name).toLowerCase();
    const value = Object.hasOwn(this.#given, lower) ? this.#given[lower] : undefined;
    return value === undefined ? null : typeof value === 'string' ? value : value.join(', ');
  }
}

class LightRequest<S> implements Light {
  readonly signal: AbortSignal;
  readonly builder: ServerBuilder<S>;
  readonly headers: LightHeaders;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, signal: AbortSignal, builder: ServerBuilder<S>) {
    this.#exchange = exchange;
    this.signal = signal;
    this.builder = builder;
    this.headers = new LightHeaders(exchange.headers);
  }

  get method(): string {
    return 'POST';
  }

  get url(): string {
    return this.#exchange.requestInfo.url.href;
  }

  /** Without its body, as sessions' handlers get it. */
  get whole(): Request {
    return this.#exchange.request;
  }
}

delegate(LightHeaders.prototype, Headers.prototype, []);
delegate(LightRequest.prototype, Request.prototype, ['signal', 'headers']);

/** Gives the light ones what the real ones have besides, `instanceof` included. `fields` are their own. */
function delegate(light: Light, real: object, fields: readonly string[]): void {
  for (const name of Reflect.ownKeys(real)) {
    if (Object.hasOwn(light, name) || fields.includes(name as string)) continue;
    Object.defineProperty(light, name, {
      configurable: true,
      get(this: Light) {
        const member: unknown = Reflect.get(this.whole, name);
        return typeof member === 'function' ? member.bind(this.whole) : member;
      },
    });
  }
  Object.setPrototypeOf(light, real);
}

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
