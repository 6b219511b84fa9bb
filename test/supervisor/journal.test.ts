/** What an incarnation writes: what is told of a write that was not done, and why. */
import { expect, test } from 'vitest';
import { Journal } from '../../src/supervisor/journal.ts';
import { persistently } from '../../src/supervisor/persistence.ts';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';

test('what was still to be written when a session is parked is not stored where the parking is fenced', async () => {
  const store = controlledSessionStore();
  const told: unknown[] = [];
  const host = {
    mayWrite: true,
    awaited: <T>(writing: Promise<T>) => writing,
    lost: (error: unknown) => told.push(error),
    gone: () => told.push('gone'),
  };
  const journal = new Journal(store, new SimulatedClock(), 'session-1', 1, host);
  let go = () => {};
  store.before.update = () => new Promise<void>((resolve) => (go = resolve));
  store.instead.update = () => 'updated';
  store.instead.park = () => ({ verdict: 'fenced' });
  journal.change({ initialized: true });
  await Promise.resolve();
  journal.change({ logLevel: 'debug' }); // waits for the first
  const stored = journal.stored();
  const parked = journal.park({ at: 0 });
  go();
  expect(await parked).toEqual({ verdict: 'fenced' });
  expect(await stored).toBe(false);
  expect(told).toEqual([]);
});

test('a write that is tried until its time is up says why it failed', async () => {
  const clock = new SimulatedClock();
  const cause = new Error('the disk is full');
  const writing = persistently(clock, () => Promise.reject(cause));
  const failed = expect(writing).rejects.toMatchObject({ code: 'STORE_FAILED', cause });
  await advance(clock, 100);
  await advance(clock, 5_000);
  await failed;
});
