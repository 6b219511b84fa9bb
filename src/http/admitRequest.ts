/**
 * Whether a request is let in, and as whose: CORS, guards, principal. Looks at the method and the headers alone, so that
 * whoever has passed here can be dispatched here or elsewhere.
 */
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Exchange } from '../transport/exchange.ts';
import { refuse } from '../transport/refuse.ts';
import { answerPreflight, applyCors } from './cors.ts';
import { guard } from './guards.ts';
import { NO_PRINCIPAL, principalOf } from './principal.ts';

/** A request that was let in. */
export interface AdmittedRequest {
  readonly exchange: Exchange;
  /** Who sent it; undefined for nobody in particular. */
  readonly principal: string | undefined;
}

/** Lets a request in; undefined where it was answered already. */
export function admitRequest(supervisor: Supervisor, exchange: Exchange): AdmittedRequest | undefined {
  const { options } = supervisor;
  if (options.cors !== undefined) {
    applyCors(exchange, options.cors);
    if (exchange.method === 'OPTIONS') return void answerPreflight(exchange, options.cors);
  }
  const refusal = guard(exchange, options);
  if (refusal !== undefined) return void refuse(exchange, refusal);
  const principal = principalOf(supervisor, exchange);
  if (principal === NO_PRINCIPAL) return void refuse(exchange, 'principalFailed');
  return { exchange, principal };
}
