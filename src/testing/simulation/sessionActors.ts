/** The session actors of a supervisor, as they can be reached from outside. */
import type { SessionSupervisor } from '../../index.ts';

export interface ActorLike {
  readonly id: string;
  subscribe(next: () => void): unknown;
  getSnapshot(): {
    readonly value?: unknown;
    readonly status: string;
    readonly context?: { readonly sessionId?: string; readonly inFlight?: number };
    readonly children?: Record<string, ActorLike | undefined>;
  };
}

/** The children of the root's children. */
export function sessionActors({ supervisor }: { readonly supervisor: SessionSupervisor }): ActorLike[] {
  const sessions: ActorLike[] = [];
  for (const partition of childrenOf(supervisor.actor as unknown as ActorLike)) sessions.push(...childrenOf(partition));
  return sessions;
}

function childrenOf(actor: ActorLike): ActorLike[] {
  return Object.values(actor.getSnapshot().children ?? {}).filter((child) => child !== undefined);
}
