/** What a handler is told of a node:http request: its headers and its URL, as members of its own that can be copied. */
import type { IncomingMessage } from 'node:http';
import type { RequestHeaders } from '../transport/exchange.ts';

/** Every request that a handler answers has one, whether it looks at it or not. */
export class NodeRequestInfo {
  /** One getter for all: an object literal with one of its own takes four times as long. */
  static readonly #URL: PropertyDescriptor & ThisType<NodeRequestInfo> = {
    enumerable: true,
    configurable: true,
    get() {
      this.#url ??= urlOf(this.#request); // most handlers never ask
      return this.#url;
    },
  };

  readonly headers: RequestHeaders;
  declare readonly url: URL;
  readonly #request: IncomingMessage;
  #url: URL | undefined;

  constructor(request: IncomingMessage) {
    this.headers = request.headers;
    this.#request = request;
    Object.defineProperty(this, 'url', NodeRequestInfo.#URL);
  }
}

/** What was last made a URL of, and its text: nearly all requests of a server ask for the same. */
let last = { base: '', url: '', text: '' };

function urlOf({ headers, socket, url = '/' }: IncomingMessage): URL {
  const scheme = 'encrypted' in socket ? 'https' : 'http';
  const base = `${scheme}://${String(headers.host ?? headers[':authority'] ?? 'localhost')}`;
  if (base === last.base && url === last.url) return new URL(last.text);
  const made = makeUrl(scheme, base, url);
  last = { base, url, text: made.href };
  return made;
}

function makeUrl(scheme: string, base: string, url: string): URL {
  const origin = URL.canParse(base) ? new URL(base).origin : `${scheme}://localhost`;
  // A path may begin with two slashes, which a URL would take for another host.
  const target = url.startsWith('/') ? origin + url : url;
  const whole = new URL(/^https?:\/\//i.test(target) && URL.canParse(target) ? target : origin);
  whole.username = ''; // a Request can't be made from a URL with credentials
  whole.password = '';
  return whole;
}
