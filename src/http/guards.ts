/** What can be refused by looking at the method and the headers alone: a flat ladder, cheapest rung first. */
import type { RefusalName } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { isSupportedVersion } from '../protocol/versions.ts';
import type { Exchange, RequestHeaders } from '../transport/exchange.ts';

type Policy = Pick<ResolvedOptions, 'allowedHosts' | 'allowedOrigins' | 'stateless' | 'maxRequestBodySize'>;

/** Returns why the request is refused, if it is. */
export function guard(exchange: Exchange, policy: Policy): RefusalName | undefined {
  const { method, headers, parsedBody } = exchange;
  if (policy.allowedHosts !== undefined && !hostsAllowed(exchange.hosts, policy.allowedHosts)) return 'hostNotAllowed';
  if (policy.allowedOrigins !== undefined && !originAllowed(headers['origin'], policy.allowedOrigins)) {
    return 'originNotAllowed';
  }
  const version = headers['mcp-protocol-version'];
  if (method === 'POST') {
    if (!acceptsBoth(headers['accept'])) return 'notAcceptable';
    if (!isJson(headers['content-type'])) return 'unsupportedMediaType';
    const encoding = headers['content-encoding'];
    if (parsedBody === undefined && encoding !== undefined && encoding !== 'identity') return 'unsupportedEncoding';
    if (Number(headers['content-length']) > bodyLimit(exchange, policy)) return 'bodyTooLarge';
  } else if (policy.stateless) {
    return 'postOnly';
  } else if (method === 'GET') {
    if (!accepts(headers['accept'], 'text/event-stream')) return 'streamNotAcceptable';
  } else if (method !== 'DELETE') {
    return 'methodNotAllowed';
  }
  if (version !== undefined && !isSupportedVersion(version)) return 'unsupportedVersion';
  return undefined;
}

/**
 * The longest first message, in bytes. Anybody may send one, and what a client says of itself in it is kept for as long
 * as the session lives; icons as data URLs have room.
 */
const MAX_FIRST_MESSAGE = 256 * 1024;

/** How long the body of this request may be, in bytes. */
export function bodyLimit({ headers }: Exchange, { stateless, maxRequestBodySize }: Policy): number {
  const isFirst = !stateless && headers['mcp-session-id'] === undefined;
  return isFirst ? Math.min(maxRequestBodySize, MAX_FIRST_MESSAGE) : maxRequestBodySize;
}

/** A header that must come once at most; `null` if it came with several values. */
export function single(headers: RequestHeaders, name: string): string | undefined | null {
  const value = headers[name];
  if (typeof value !== 'object') return value;
  return value.length === 1 ? (value[0] ?? null) : null;
}

/** Whoever stands before us may have gone by another of several hosts than we would: all have to be allowed. */
function hostsAllowed(hosts: readonly string[], allowed: readonly string[]): boolean {
  return hosts.length > 0 && hosts.every((host) => hostAllowed(host.toLowerCase(), allowed));
}

function hostAllowed(host: string, allowed: readonly string[]): boolean {
  const name = host.replace(/:\d*$/, '');
  return allowed.some((entry) => {
    const wanted = entry.toLowerCase();
    return wanted === host || wanted === name;
  });
}

/** Only browsers send an Origin; a client without one can't be driven by a foreign page. */
function originAllowed(origin: string | string[] | undefined, allowed: readonly string[]): boolean {
  return origin === undefined || (typeof origin === 'string' && allowed.includes(origin));
}

/** What the SDK's clients send; no need to take it apart. */
const USUAL_ACCEPT = 'application/json, text/event-stream';

function acceptsBoth(accept: string | string[] | undefined): boolean {
  return accept === USUAL_ACCEPT || (accepts(accept, 'application/json') && accepts(accept, 'text/event-stream'));
}

/** Whether an Accept header names a media type, or a range that covers it, without refusing it by `q=0`. */
function accepts(accept: string | string[] | undefined, type: string): boolean {
  if (accept === undefined) return false;
  const range = `${type.slice(0, type.indexOf('/'))}/*`;
  return String(accept)
    .toLowerCase()
    .split(',')
    .some((part) => {
      const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim());
      if (name !== type && name !== range && name !== '*/*') return false;
      return !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    });
}

function isJson(contentType: string | string[] | undefined): boolean {
  if (contentType === 'application/json') return true;
  if (typeof contentType !== 'string') return false;
  return /^application\/json\s*(;[^,]*)?$/i.test(contentType.trim());
}
