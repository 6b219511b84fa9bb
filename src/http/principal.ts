/** Who sent a request, as the `principal` option says. */
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Exchange } from '../transport/exchange.ts';

/** The resolver failed: nobody must be let in as somebody else. */
export const NO_PRINCIPAL = Symbol('no principal');

export function principalOf(supervisor: Supervisor, exchange: Exchange): string | undefined | typeof NO_PRINCIPAL {
  const { headers, authInfo } = exchange;
  let error: unknown;
  try {
    const principal: unknown = supervisor.options.principal({ headers, authInfo });
    if (principal === undefined || typeof principal === 'string') return principal;
    error = new TypeError(`It returned ${isPromise(principal) ? 'a promise' : typeof principal}`);
  } catch (thrown) {
    error = thrown;
  }
  supervisor.log({
    level: 'error',
    event: 'principal.failed',
    message: 'The option principal did not say who sent a request: it must return a string or undefined; 403',
    error,
  });
  return NO_PRINCIPAL;
}

/** Nobody waits for a promise here; should it reject, nobody has to hear of that either. */
function isPromise(value: unknown): boolean {
  if (typeof (value as PromiseLike<unknown> | null)?.then !== 'function') return false;
  Promise.resolve(value).catch(() => {});
  return true;
}
