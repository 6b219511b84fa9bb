/** Which headers of a request are for its end, and which for the next hop alone (RFC 9110, section 7.6.1). */
import type { RequestHeaders } from '../transport/exchange.ts';

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'mcp-peer', // what a client says to us in the words of our nodes
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What the owner goes by is for the end, whatever `Connection` says of it. */
const NEEDED = /^(?:mcp-|last-event-id$|content-type$|accept$|host$)/;

/** Headers by lower-case name, without those for the next hop and those that `Connection` names. */
export function endToEnd(headers: RequestHeaders): RequestHeaders {
  const { connection } = headers;
  const named = connection === undefined || connection === 'keep-alive' ? undefined : namesIn(String(connection));
  const kept: RequestHeaders = {};
  for (const name in headers) {
    if (HOP_BY_HOP.has(name) || name.startsWith(':') || (named?.has(name) && !NEEDED.test(name))) continue;
    kept[name] = headers[name];
  }
  return kept;
}

function namesIn(list: string): ReadonlySet<string> {
  return new Set(list.split(',').map((name) => name.trim().toLowerCase()));
}
