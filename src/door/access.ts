/**
 * Who may look. The token is in the URL that was printed, or in a header; Host and Origin are checked as well, because a web
 * page that a person has open elsewhere can send requests to this machine, but can't choose those two headers.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** A Host header (RFC 9110, 7.2) without what a URL may have beside it: name and port. */
const HOST = /^(\[[\da-f:.]+\]|[\w.~%-]+)(?::\d+)?$/i;

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

export interface AccessOptions {
  readonly token: string;
  /** What the server is bound to. */
  readonly host: string;
  /** Further names, without a port. */
  readonly allowedHosts: readonly string[];
  /** Origins, besides its own, whose pages may connect. */
  readonly allowedOrigins: readonly string[];
}

export class Access {
  readonly #digest: Buffer;
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  constructor({ token, host, allowedHosts, allowedOrigins }: AccessOptions) {
    this.#digest = digest(token);
    this.#hosts = new Set([...LOOPBACK_NAMES, host, ...allowedHosts].map((name) => name.toLowerCase()));
    this.#origins = new Set(allowedOrigins);
  }

  /** Whether the request names a host that this server is known by. An address can't be made to lead elsewhere. */
  knowsHost({ headers: { host } }: IncomingMessage): boolean {
    if (host === undefined || !HOST.test(host) || !URL.canParse(`http://${host}`)) return false;
    const { hostname } = new URL(`http://${host}`);
    return this.#hosts.has(hostname) || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
  }

  /** Whether the page that sent the request is our own, or allowed. Whoever is no browser names no origin. */
  knowsOrigin({ headers: { origin, host } }: IncomingMessage): boolean {
    if (origin === undefined || this.#origins.has(origin)) return true;
    return URL.canParse(origin) && host !== undefined && new URL(origin).host === new URL(`http://${host}`).host;
  }

  /** Whether the request has the token as its credentials (RFC 6750, 2.1). */
  hasCredentials({ headers: { authorization } }: IncomingMessage): boolean {
    const [, token = null] = /^Bearer +([^ ]+) *$/i.exec(authorization ?? '') ?? [];
    return this.knowsToken(token);
  }

  /** Whether the token is the right one; it takes the same time whatever it is. */
  knowsToken(token: string | null): boolean {
    return token !== null && timingSafeEqual(digest(token), this.#digest);
  }
}

function digest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
