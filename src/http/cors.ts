/** CORS for browser clients (WHATWG Fetch, section 3.3): off unless the `cors` option names origins. */
import type { Exchange } from '../transport/exchange.ts';

/** Adds what a browser wants to see to whatever answer is sent. */
export function applyCors(exchange: Exchange, allowed: readonly string[] | '*'): void {
  const origin = exchange.headers['origin'];
  if (allowed !== '*') exchange.setHeader('Vary', 'Origin');
  if (typeof origin !== 'string' || !(allowed === '*' || allowed.includes(origin))) return;
  exchange.setHeader('Access-Control-Allow-Origin', allowed === '*' ? '*' : origin);
  exchange.setHeader('Access-Control-Expose-Headers', 'Mcp-Session-Id');
}

/** Answers the question that a browser asks before it sends the request proper. */
export function answerPreflight(exchange: Exchange): void {
  exchange.respond(204, {
    'Access-Control-Allow-Methods': 'GET, POST, DELETE',
    'Access-Control-Allow-Headers':
      'Content-Type, Accept, Authorization, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID',
    'Access-Control-Max-Age': '86400',
  });
}
