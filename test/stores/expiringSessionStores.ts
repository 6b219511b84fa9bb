/** Session stores that remove sessions by themselves, in simulated time: one that does it right, and breaks of it. */
import { createMemorySessionStore, type SessionStore } from 'mcp-session-supervisor';
import type { OpenedSessionStore } from 'mcp-session-supervisor/testing';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { methodsOf } from './brokenSessionStores.ts';

/** How it goes wrong: its deadlines are others, it tells of them, or it loses changes of them. */
interface Break {
  readonly late?: number;
  readonly tells?: true;
  readonly ignoresChanges?: true;
}

/** What such a store does wrong, and the case that has to find it. */
export const EXPIRY_BREAKS: Readonly<Record<string, readonly [Break, string]>> = {
  'tells of sessions that have expired': [{ tells: true }, 'tells of no session that has expired'],
  'removes them too early': [{ late: -120_000 }, 'keeps a session until its deadline'],
  'goes by the deadline that a session began with': [{ ignoresChanges: true }, 'keeps a session whose deadline'],
  'removes none': [{ late: Number.POSITIVE_INFINITY }, 'removes a session within a day'],
};

/** A store that removes what has expired before it does anything. */
export function expiringStore({ late = 60_000, tells, ignoresChanges }: Break = {}): OpenedSessionStore {
  const clock = new SimulatedClock();
  clock.increment(1_700_000_000_000);
  const good = createMemorySessionStore();
  const begun = new Map<string, number>();
  const sweep = async () => {
    if (late === Number.POSITIVE_INFINITY) return;
    for (const { id, epoch } of await good.expired(clock.now() - late, 1_000)) {
      // What is of long ago is what a case began with: a store gives each write some grace.
      const since = begun.get(id) ?? 0;
      if (clock.now() - since > Math.max(late, 0)) await good.remove(id, epoch);
    }
  };
  const after =
    <A extends unknown[], T>(operate: (...given: A) => Promise<T>) =>
    async (...given: A): Promise<T> => {
      await sweep();
      return operate(...given);
    };
  const { create, load, claim, update, park, remove, expired, ...rest } = methodsOf(good);
  const without = <T extends { readonly idleDeadline?: number | null }>(change: T): T => {
    const { idleDeadline: _, ...others } = change;
    return (ignoresChanges === true ? others : change) as T;
  };
  const store: SessionStore = {
    ...rest,
    expires: true,
    create: after(async (record, limits) => {
      begun.set(record.id, clock.now());
      return create(record, limits);
    }),
    load: after(load),
    claim: after(claim),
    update: after((id, epoch, change) => update(id, epoch, without(change))),
    park: after((id, epoch, parking) => park(id, epoch, { ...parking, change: without(parking.change ?? {}) })),
    remove: after(remove),
    expired: async (...given) => {
      const told = await expired(...given);
      return tells === true ? told : [];
    },
  };
  return { store, time: { now: () => clock.now(), pass: (ms) => clock.increment(ms) } };
}
