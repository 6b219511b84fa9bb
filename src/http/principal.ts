/** Who sent a request, as the `principal` option says. */
import { askPrincipal } from '../supervisor/principal.ts';
import { oftenBefore, Repetition } from '../supervisor/repetition.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Exchange } from '../transport/exchange.ts';

/** The resolver failed: nobody must be let in as somebody else. */
export const NO_PRINCIPAL = Symbol('no principal');

export function principalOf(supervisor: Supervisor, exchange: Exchange): string | undefined | typeof NO_PRINCIPAL {
  try {
    const { headers, authInfo } = exchange; // which an authentication middleware may have made a getter that throws
    return askPrincipal(supervisor.options.principal, { headers, authInfo });
  } catch (error) {
    tell(supervisor, error);
    return NO_PRINCIPAL;
  }
}

const failures = new WeakMap<Supervisor, Repetition>();

/** Anybody can make it fail, as often as they like. */
function tell(supervisor: Supervisor, error: unknown): void {
  let repetition = failures.get(supervisor);
  if (repetition === undefined) {
    repetition = new Repetition(supervisor.options.clock);
    failures.set(supervisor, repetition);
  }
  const count = repetition.happened();
  if (count === undefined) return;
  supervisor.log({
    level: 'error',
    event: 'principal.failed',
    count,
    message:
      'The option principal did not say who sent a request: it must return a string or undefined; ' +
      `403${oftenBefore(count)}`,
    error,
  });
}
