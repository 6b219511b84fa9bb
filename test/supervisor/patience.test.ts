/** How long a drain waits for a session store that gets nothing done. */
import { expect, test } from 'vitest';
import { Patience, STORE_PATIENCE } from '../../src/supervisor/patience.ts';
import { turns } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const NEVER = new Promise<never>(() => {});

/** What a promise has come to by now. */
function seen<T>(promise: Promise<T>): { outcome: unknown } {
  const seen: { outcome: unknown } = { outcome: 'pending' };
  promise.then(
    (value) => {
      seen.outcome = value;
    },
    (error: { code?: string }) => {
      seen.outcome = error.code;
    },
  );
  return seen;
}

function given() {
  const clock = new WatchedClock();
  return { clock, patience: new Patience(clock) };
}

test('before a drain a store may take any time', async () => {
  const { clock, patience } = given();
  void patience.note(NEVER);
  const [waiting, writing] = [seen(patience.wait(60_000, NEVER)), seen(patience.written(NEVER))];
  clock.increment(59_999);
  await turns(1);
  expect([waiting.outcome, writing.outcome]).toEqual(['pending', 'pending']);
  clock.increment(1);
  await turns(1);
  expect(waiting.outcome).toBe(false);
});

test('in a drain one that answers nothing is waited for a second, whoever waits, and whoever waits later not at all', async () => {
  const { clock, patience } = given();
  void patience.note(NEVER);
  const early = seen(patience.wait(60_000, NEVER));
  patience.limit();
  const writing = seen(patience.written(NEVER));
  clock.increment(STORE_PATIENCE - 1);
  await turns(1);
  expect([early.outcome, writing.outcome]).toEqual(['pending', 'pending']);
  clock.increment(1);
  await turns(1);
  expect([early.outcome, writing.outcome]).toEqual([false, 'STORE_FAILED']);
  const late = [seen(patience.wait(60_000, NEVER)), seen(patience.written(NEVER))];
  await turns(1);
  expect(late.map(({ outcome }) => outcome)).toEqual([false, 'STORE_FAILED']);
  expect(clock.pending).toEqual([]);
});

test('one that gets something done within each second is waited for', async () => {
  const { clock, patience } = given();
  patience.limit();
  const waiting = seen(patience.wait(60_000, NEVER));
  void patience.note(NEVER);
  for (let n = 0; n < 10; n++) {
    clock.increment(STORE_PATIENCE - 1);
    await patience.note(Promise.resolve());
    await turns(1);
  }
  expect(waiting.outcome).toBe('pending');
  clock.increment(STORE_PATIENCE);
  await turns(1);
  expect(waiting.outcome).toBe(false);
});

test('one that fails, however often, gets nothing done', async () => {
  const { clock, patience } = given();
  patience.limit();
  const waiting = seen(patience.wait(60_000, NEVER));
  for (let n = 0; n < STORE_PATIENCE / 100; n++) {
    await patience.note(Promise.reject(new Error('away'))).catch(() => {});
    clock.increment(100);
    await turns(1);
  }
  expect(waiting.outcome).toBe(false);
});

test('one that works again is waited for again', async () => {
  const { clock, patience } = given();
  patience.limit();
  void patience.note(NEVER);
  clock.increment(STORE_PATIENCE);
  expect(patience.isUsedUp).toBe(true);
  await patience.note(Promise.resolve());
  expect(patience.isUsedUp).toBe(false);
  const waiting = seen(patience.wait(60_000, NEVER));
  clock.increment(STORE_PATIENCE - 1);
  await turns(1);
  expect(waiting.outcome).toBe('pending');
});

test('what settles in time leaves nothing behind, and neither does the end of the drain', async () => {
  const { clock, patience } = given();
  patience.limit();
  expect(await patience.wait(60_000, Promise.resolve())).toBe(true);
  expect(await patience.wait(60_000, Promise.reject(new Error('failed')))).toBe(true);
  expect(await patience.written(Promise.resolve('updated'))).toBe('updated');
  await expect(patience.written(Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  void patience.note(NEVER);
  patience.end();
  expect(clock.pending).toEqual([]);
});
