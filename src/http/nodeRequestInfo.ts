/** What a handler is told of a node:http request: its headers and its URL, as members of its own that can be copied. */
import type { IncomingMessage } from 'node:http';
import type { Exchange } from '../transport/exchange.ts';

/** The URL is made when asked for: most handlers never do. */
export function nodeRequestInfo(request: IncomingMessage): Exchange['requestInfo'] {
  let made: URL | undefined;
  return {
    headers: request.headers,
    get url() {
      made ??= urlOf(request);
      return made;
    },
  };
}

function urlOf({ headers, socket, url = '/' }: IncomingMessage): URL {
  const scheme = 'encrypted' in socket ? 'https' : 'http';
  const base = `${scheme}://${String(headers.host ?? headers[':authority'] ?? 'localhost')}`;
  const origin = URL.canParse(base) ? new URL(base).origin : `${scheme}://localhost`;
  // A path may begin with two slashes, which a URL would take for another host.
  const target = url.startsWith('/') ? origin + url : url;
  const whole = new URL(/^https?:\/\//i.test(target) && URL.canParse(target) ? target : origin);
  whole.username = ''; // a Request can't be made from a URL with credentials
  whole.password = '';
  return whole;
}
