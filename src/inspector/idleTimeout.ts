/** How long a session of this supervisor may be idle: the machine's own word, read from any session's actor. */
import type { SessionSupervisor } from '../index.ts';
import type { SessionMachineContext } from '../machines/index.ts';

interface Actor {
  getSnapshot(): unknown;
}

const childrenOf = (actor: Actor): Actor[] =>
  Object.values((actor.getSnapshot() as { children: Record<string, Actor> }).children);

/** In ms, null for ever; undefined while there is no session to ask. It is the same for all, so it is asked for once. */
export function idleTimeoutOf({ actor }: SessionSupervisor): number | null | undefined {
  for (const partition of childrenOf(actor)) {
    for (const session of childrenOf(partition)) {
      const { context } = session.getSnapshot() as { context: SessionMachineContext };
      return context.timeouts.sessionIdleTimeout;
    }
  }
  return undefined;
}
