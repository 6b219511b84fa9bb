/**
 * What the machine says of a supervisor's sessions, all of which have it alike: how long they may be idle, and whether they
 * have records. It is read from any session's actor; where none lives yet, it is asked again when one does.
 */
import type { SessionSupervisor } from '../index.ts';
import type { SessionMachineContext, SessionTimeouts } from '../machines/index.ts';

interface Actor {
  getSnapshot(): unknown;
}

const childrenOf = (actor: Actor): Actor[] =>
  Object.values((actor.getSnapshot() as { children: Record<string, Actor> }).children);

export class Timeouts {
  readonly #supervisor: SessionSupervisor;
  #known: SessionTimeouts | undefined;

  constructor(supervisor: SessionSupervisor) {
    this.#supervisor = supervisor;
    this.learn();
  }

  /** How long a session may be idle, in ms; null for ever, and as long as no session was there to ask. */
  get idle(): number | null {
    return this.learn()?.sessionIdleTimeout ?? null;
  }

  /** Whether there is a session store, so that sessions are parked and restored; false as long as nobody knows. */
  get keepsRecords(): boolean {
    // Without a store no actor is told when to park, not even that it never is to.
    return this.learn()?.parkAfter !== undefined;
  }

  /** A session lives: whoever asks when none does any more is to know what it said. */
  learn(): SessionTimeouts | undefined {
    this.#known ??= timeoutsOf(this.#supervisor);
    return this.#known;
  }
}

function timeoutsOf({ actor }: SessionSupervisor): SessionTimeouts | undefined {
  for (const partition of childrenOf(actor)) {
    for (const session of childrenOf(partition)) {
      const { context } = session.getSnapshot() as { context: SessionMachineContext };
      if (context.handle === undefined) return context.timeouts; // the times of handles are their own
    }
  }
  return undefined;
}
