/**
 * The straight line that every request walks, whatever the adapter: it is let in (`admitRequest`), then finds its session
 * and is answered (`dispatch`). Every refusal leaves through `refuse`.
 */
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Exchange } from '../transport/exchange.ts';
import { refuse } from '../transport/refuse.ts';
import { admitRequest } from './admitRequest.ts';
import { dispatch } from './dispatch.ts';

/** Answers one exchange. Never rejects. */
export async function handle(supervisor: Supervisor, exchange: Exchange): Promise<void> {
  try {
    // Somebody asks from within a transition, whose outcome is not there yet; it is over before this goes on.
    if (supervisor.outbox.inTransition) await null;
    supervisor.track(exchange);
    const admitted = admitRequest(supervisor, exchange);
    if (admitted !== undefined) await dispatch(supervisor, admitted);
  } catch (error) {
    // Nothing is known to come here; should it, the client gets an answer and the operator the error.
    supervisor.log({ level: 'error', event: 'request.failed', message: 'A request failed unexpectedly', error });
    refuse(exchange, 'serverFailed');
  }
}
