/** What the inspector answers to plain HTTP requests: the page and its files, and the one that shows Stately's. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access } from './access.ts';
import type { PageFile } from './pageFiles.ts';
import { statelyPage, statelyPolicy } from './statelyPage.ts';

const HEADERS = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer', // the URL holds the token
  'X-Content-Type-Options': 'nosniff',
} as const;

const NOT_BUILT = 'The page is not there: this is not a built package. In a clone, run `npm run build`.\n';
const NO_TOKEN = 'Open the URL that was printed, with its token.\n';

/** A request's target as a URL. What stands before its path tells nothing. */
export function targetOf({ url = '/' }: IncomingMessage): URL {
  const target = url.startsWith('/') ? `http://localhost${url}` : url;
  return URL.canParse(target) ? new URL(target) : new URL('http://localhost/');
}

export class Pages {
  readonly #access: Access;
  readonly #files: ReadonlyMap<string, PageFile>;

  constructor(access: Access, files: ReadonlyMap<string, PageFile>) {
    this.#access = access;
    this.#files = files;
  }

  answer(req: IncomingMessage, res: ServerResponse): void {
    req.resume(); // a body is nothing to us, but the connection can't be used again before it has passed
    for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value);
    const { pathname, searchParams } = targetOf(req);
    if (!this.#access.knowsHost(req)) return text(res, 403, 'This host is not served here.\n');
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD');
      return text(res, 405, 'Only GET and HEAD.\n');
    }
    const isPage = pathname === '/' || pathname === '/index.html';
    // The page's other files hold nothing that is not published with the package.
    const needsToken = isPage || pathname === '/stately';
    if (needsToken && !this.#access.knowsToken(searchParams.get('token'))) return text(res, 403, NO_TOKEN);
    const socketOrigin = `ws://${req.headers.host}`;
    if (pathname === '/stately') {
      const nonce = randomBytes(16).toString('base64');
      res.setHeader('Content-Security-Policy', statelyPolicy(nonce, socketOrigin));
      return send(res, 'text/html; charset=utf-8', statelyPage(nonce));
    }
    const file = this.#files.get(isPage ? '/index.html' : pathname);
    if (file !== undefined) {
      res.setHeader('Content-Security-Policy', pagePolicy(socketOrigin));
      return send(res, file.type, file.body);
    }
    if (isPage) return text(res, 503, NOT_BUILT);
    text(res, 404, 'Not found.\n');
  }
}

/** Nothing comes from anywhere but this server. */
function pagePolicy(socketOrigin: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self' ${socketOrigin}`, // some browsers take 'self' for http alone
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function text(res: ServerResponse, status: number, body: string): void {
  res.statusCode = status;
  send(res, 'text/plain; charset=utf-8', body);
}

/** Sends the whole; node:http leaves the body out where the method is HEAD. */
function send(res: ServerResponse, type: string, body: string | Buffer): void {
  res.setHeader('Content-Type', type);
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}
