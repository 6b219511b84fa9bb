/** The one way out for every refusal: a JSON-RPC error with the HTTP status that the table says. */
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { REFUSALS, type Refusal, type RefusalName } from '../errors.ts';
import type { Refused } from './exchange.ts';

/**
 * Refuses an exchange, and tells whoever watches it; `id` is that of the request where one is known, `detail` what its client
 * is told besides.
 */
export function refuse(refused: Refused, name: RefusalName, id: RequestId | null = null, detail?: string): void {
  const { status, code, message, headers }: Refusal = REFUSALS[name];
  const body = JSON.stringify({ jsonrpc: '2.0', id, error: { code, message: withDetail(message, detail) } });
  refused.respond(status, { 'Content-Type': 'application/json', ...headers }, body);
  refused.onRefused?.(name, refused);
}

/** A message for a client, and what is added to it. */
export function withDetail(message: string, detail: string | undefined): string {
  return detail === undefined ? message : `${message}: ${detail}`;
}
