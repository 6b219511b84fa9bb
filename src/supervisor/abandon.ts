/** How a process lets go of a session that may be another one's by now. */
import type { Session } from './session.ts';

/** Its record stays as it is, and nothing is written any more; one that has none yet was never opened. At once. */
export function abandon(session: Session, error: unknown): void {
  if (session.hasLeft) return;
  session.memory?.abandon();
  session.transport.detach(); // nor is anything written of its streams
  session.error ??= error;
  void (session.memory?.exists === true ? session.park() : session.terminate('drained', error));
}
