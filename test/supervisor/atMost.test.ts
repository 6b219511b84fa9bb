/** Waiting with a bound, on a simulated clock. */
import { expect, test } from 'vitest';
import { atMost } from '../../src/supervisor/atMost.ts';
import { turns, until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

/** What a promise has settled to by now; 'pending' while it has not. */
async function now(promise: Promise<boolean>): Promise<boolean | 'pending'> {
  await turns(1);
  return Promise.race([promise, Promise.resolve('pending' as const)]);
}

test.each([
  ['resolves', () => Promise.resolve('any')],
  ['rejects', () => Promise.reject(new Error('any'))],
])('true when the promise %s, and no timer is left', async (_, settle) => {
  const clock = new WatchedClock();
  expect(await until(atMost(clock, 1_000, settle()))).toBe(true);
  expect(clock.pending).toEqual([]);
});

test('false when the time is up: not before, and once', async () => {
  const clock = new WatchedClock();
  let settle = () => {};
  const result = atMost(clock, 1_000, new Promise<void>((resolve) => (settle = resolve)));
  clock.increment(999);
  expect(await now(result)).toBe('pending');
  clock.increment(1);
  expect(await now(result)).toBe(false);
  settle();
  expect(await now(result)).toBe(false);
  expect(clock.pending).toEqual([]);
});

test('a promise that rejects after its time is no unhandled rejection', async () => {
  const clock = new WatchedClock();
  let fail = (_: Error) => {};
  const result = atMost(clock, 1, new Promise<void>((_, reject) => (fail = reject)));
  clock.increment(1);
  fail(new Error('late'));
  await turns(2); // Node would tell of an unhandled rejection by now, which fails the run
  expect(await now(result)).toBe(false);
});
