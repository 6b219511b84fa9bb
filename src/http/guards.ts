/** What can be refused by looking at the method and the headers alone: a flat ladder, cheapest rung first. */
import type { RefusalName } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { isModern } from '../protocol/era.ts';
import { isSupportedVersion } from '../protocol/versions.ts';
import type { Exchange, RequestHeaders } from '../transport/exchange.ts';

type Policy = Pick<
  ResolvedOptions,
  'allowedHosts' | 'allowedOrigins' | 'stateless' | 'enableJsonResponse' | 'maxRequestBodySize' | 'modern'
>;

/** Returns why the request is refused, if it is. */
export function guard(exchange: Exchange, policy: Policy): RefusalName | undefined {
  const { method, headers } = exchange;
  if (policy.allowedHosts !== undefined && !hostsAllowed(exchange.hosts, policy.allowedHosts)) return 'hostNotAllowed';
  if (policy.allowedOrigins !== undefined && !originAllowed(headers['origin'], policy.allowedOrigins)) {
    return 'originNotAllowed';
  }
  if (method === 'POST') {
    const refusal = guardPost(exchange, policy);
    if (refusal !== undefined) return refusal;
    // Its body is judged first: an initialize negotiates by that, whatever the header says.
    if (policy.stateless || isFirst(headers)) return undefined;
  } else if (policy.stateless) {
    return 'postOnly';
  } else if (method === 'GET') {
    if (!accepts(headers['accept'], 'text/event-stream')) return 'streamNotAcceptable';
  } else if (method !== 'DELETE') {
    return 'methodNotAllowed';
  }
  const version = headers['mcp-protocol-version'];
  if (version === undefined || isSupportedVersion(version)) return undefined;
  // A modern request has no use for a session, whatever its headers name; GET and DELETE are of sessions alone.
  return method === 'POST' && policy.modern === 'serve' && isModern(version) ? undefined : refusalOf(version, policy);
}

/** Why a version can't be spoken here. */
export function refusalOf(version: unknown, { modern }: Pick<Policy, 'modern'>): RefusalName {
  return modern === 'refuse' && isModern(version) ? 'modernRefused' : 'unsupportedVersion';
}

function guardPost({ headers, parsedBody }: Exchange, policy: Policy): RefusalName | undefined {
  const accept = headers['accept'];
  if (policy.enableJsonResponse) {
    if (accept !== USUAL_ACCEPT && !accepts(accept, 'application/json')) return 'jsonNotAcceptable';
  } else if (!acceptsBoth(accept)) {
    return 'notAcceptable';
  }
  if (!isJson(headers['content-type'])) return 'unsupportedMediaType';
  const encoding = headers['content-encoding'];
  if (parsedBody === undefined && encoding !== undefined && encoding !== 'identity') return 'unsupportedEncoding';
  if (Number(headers['content-length']) > policy.maxRequestBodySize) return 'bodyTooLarge';
  return undefined;
}

/** The request names no session. */
function isFirst(headers: RequestHeaders): boolean {
  return single(headers, 'mcp-session-id') === undefined;
}

/** A header that must come once at most; an empty one counts as none. `null` if it came with several values. */
export function single(headers: RequestHeaders, name: string): string | undefined | null {
  const value = headers[name];
  if (value === '') return undefined;
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
export function accepts(accept: string | string[] | undefined, type: string): boolean {
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
