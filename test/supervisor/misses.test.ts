/** Ids that nobody has a session by: for how long they are remembered, how many, and for whom. */
import { expect, test } from 'vitest';
import { Misses } from '../../src/supervisor/misses.ts';
import { WatchedClock } from '../support/watchedClock.ts';

function misses() {
  const clock = new WatchedClock();
  return { clock, misses: new Misses(clock) };
}

test('for a second, for the principal that asked', () => {
  const { clock, misses: known } = misses();
  known.add('a', 'ada');
  known.add('b', undefined);
  expect([known.has('a', 'ada'), known.has('a', 'bob'), known.has('a', undefined)]).toEqual([true, false, false]);
  expect([known.has('b', undefined), known.has('b', ''), known.has('b', 'ada')]).toEqual([true, false, false]);
  clock.increment(999);
  expect(known.has('a', 'ada')).toBe(true);
  clock.increment(1);
  expect([known.has('a', 'ada'), known.has('b', undefined)]).toEqual([false, false]);
});

test('10 000 of them: the oldest makes room', () => {
  const { misses: known } = misses();
  for (let n = 0; n <= 10_000; n++) known.add(`${n}`, undefined);
  expect([known.has('0', undefined), known.has('1', undefined), known.has('10000', undefined)]).toEqual([
    ...[false, true, true],
  ]);
});

test('not once there is a session of that id, whoever asked', () => {
  const { misses: known } = misses();
  for (const principal of ['ada', undefined, 'b c']) known.add('a', principal);
  known.add('ab', 'ada');
  known.forget('a');
  for (const principal of ['ada', undefined, 'b c']) expect(known.has('a', principal)).toBe(false);
  expect(known.has('ab', 'ada')).toBe(true);
});
