/** CORS for browser clients (WHATWG Fetch, section 3.3): off unless the `cors` option names origins. */
import type { CorsOptions } from '../options.ts';
import type { Exchange } from '../transport/exchange.ts';

type Cors = readonly string[] | '*' | CorsOptions;

/** Request headers of MCP's clients. */
const HEADERS =
  'Content-Type, Accept, Authorization, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID, Mcp-Method, Mcp-Name';

/** Those whose names have a part that the server's tools choose (MCP 2026-07-28). */
const PARAMETER = /^mcp-param-[\w-]{1,100}$/i;

/** So many of them are allowed at a time. */
const MAX_PARAMETERS = 100;

/** Adds what a browser wants to see to whatever answer is sent. */
export function applyCors(exchange: Pick<Exchange, 'headers' | 'setHeader'>, cors: Cors): void {
  const origins = typeof cors === 'object' && 'origins' in cors ? cors.origins : cors;
  const origin = exchange.headers['origin'];
  if (origins !== '*') exchange.setHeader('Vary', 'Origin');
  if (typeof origin !== 'string' || !(origins === '*' || origins.includes(origin))) return;
  exchange.setHeader('Access-Control-Allow-Origin', origins === '*' ? '*' : origin);
  exchange.setHeader('Access-Control-Expose-Headers', 'Mcp-Session-Id');
}

/** Answers the question that a browser asks before it sends the request proper. */
export function answerPreflight(exchange: Exchange, cors: Cors): void {
  const own = typeof cors === 'object' && 'origins' in cors ? (cors.headers ?? []) : [];
  exchange.respond(204, {
    'Access-Control-Allow-Methods': 'GET, POST, DELETE',
    'Access-Control-Allow-Headers': [HEADERS, ...own, ...parametersOf(exchange)].join(', '),
    'Access-Control-Max-Age': '86400',
  });
}

/** Names can't be allowed by a pattern, so those that are asked for are said again. */
function parametersOf({ headers }: Exchange): string[] {
  const asked = String(headers['access-control-request-headers'] ?? '').split(',');
  return asked
    .map((name) => name.trim())
    .filter((name) => PARAMETER.test(name))
    .slice(0, MAX_PARAMETERS);
}
