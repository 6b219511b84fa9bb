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
    error = new TypeError(`It returned ${principal instanceof Promise ? 'a promise' : typeof principal}`);
  } catch (thrown) {
    error = thrown;
  }
  supervisor.log({
    level: 'error',
    event: 'principal.failed',
    message: 'The principal option must return a string or undefined; the request is refused',
    error,
  });
  return NO_PRINCIPAL;
}
