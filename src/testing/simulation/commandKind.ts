/** What a command of a simulation can be, and whom it is about. */
import type { SeenSession } from './observed.ts';
import type { ClientSession, SimulatedClient } from './simulatedClient.ts';
import { HOLD, type ServedCall } from './simulatedServer.ts';
import type { SimulationWorld } from './simulationWorld.ts';

/** Has it happen. Returns what happens, for the trace; undefined where it can't. */
export type Run = (world: SimulationWorld, client: SimulatedClient, which: number, how: number) => string | undefined;

export interface CommandKind {
  readonly name: string;
  /** How often it is drawn, relative to the others. */
  readonly weight: number;
  readonly run: Run;
}

/** What waits: each of it one time in four. */
export const holdsOf = (how: number, which = 0xff): number => how & (how >> 8) & which;

const HELD = Object.entries(HOLD);

export function describeHolds(holds: number): string {
  const names = HELD.filter(([, bit]) => (holds & bit) !== 0).map(([name]) => name);
  return names.length === 0 ? '' : `; what may wait: ${names.join(', ')}`;
}

export function pick<T>(all: readonly T[], which: number): T | undefined {
  return all.length === 0 ? undefined : all[which % all.length];
}

/** Mostly the client's latest session that is still there. */
export function sessionOf(
  { supervisor }: SimulationWorld,
  { sessions }: SimulatedClient,
  which: number,
): ClientSession | undefined {
  if (which % 8 === 7) return pick(sessions, which >> 3);
  return sessions.findLast(({ id }) => supervisor.session(id) !== undefined);
}

/** One of the client's sessions that have not ended, initializing ones included. */
export function seenOf({ sessions }: SimulationWorld, client: SimulatedClient, which: number): SeenSession | undefined {
  return pick(
    [...sessions.values()].filter((session) => session.client === client.index && session.state !== 'terminated'),
    which,
  );
}

/** A call that its server has not answered. */
export function servedCall(session: SeenSession | undefined, which: number): ServedCall | undefined {
  return session && pick([...session.server.calls.values()], which >> 3);
}
