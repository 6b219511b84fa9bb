/** What the inspector answers to plain HTTP requests: the page and its files, and the one that shows Stately's. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access } from '../door/access.ts';
import { prepare, send, sendText, targetOf } from '../door/answer.ts';
import type { PageFile } from './pageFiles.ts';
import { statelyPage, statelyPolicy } from './statelyPage.ts';

const NOT_BUILT = 'The page is not there: this is not a built package. In a clone, run `npm run build`.\n';
const NO_TOKEN = 'Open the URL that was printed, with its token.\n';

export class Pages {
  readonly #access: Access;
  readonly #files: ReadonlyMap<string, PageFile>;

  constructor(access: Access, files: ReadonlyMap<string, PageFile>) {
    this.#access = access;
    this.#files = files;
  }

  /** Answers a request for what is at this path below the page's own. */
  answer(req: IncomingMessage, res: ServerResponse, pathname: string): void {
    prepare(req, res);
    const { searchParams } = targetOf(req);
    if (!this.#access.knowsHost(req)) return sendText(res, 403, 'This host is not served here.\n');
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD');
      return sendText(res, 405, 'Only GET and HEAD.\n');
    }
    const isPage = pathname === '/' || pathname === '/index.html';
    // The page's other files hold nothing that is not published with the package.
    const needsToken = isPage || pathname === '/stately';
    if (needsToken && !this.#access.knowsToken(searchParams.get('token'))) return sendText(res, 403, NO_TOKEN);
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
    if (isPage) return sendText(res, 503, NOT_BUILT);
    sendText(res, 404, 'Not found.\n');
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
