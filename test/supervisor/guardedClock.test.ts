/** A clock of the embedder's that fails: nobody waits longer for it, and nothing breaks. */
import { expect, test } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { guardedClock } from '../../src/supervisor/guardedClock.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { withTimeout } from '../support/until.ts';

const broken = () => {
  throw new Error('broken');
};

function guarded(clock: Partial<Clock>) {
  const errors: unknown[] = [];
  const whole = { ...plain(), ...clock } as Clock;
  return { errors, clock: guardedClock(whole, (error) => errors.push(error)) };
}

function plain(): Clock {
  const clock = new SimulatedClock();
  return {
    setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
    clearTimeout: (handle) => clock.clearTimeout(handle),
    now: () => clock.now(),
  };
}

test('a timer that it can’t set goes off all the same, and can be cleared', async () => {
  const { clock, errors } = guarded({ setTimeout: broken });
  const cleared = clock.setTimeout(broken, 0);
  clock.clearTimeout(cleared);
  await withTimeout(new Promise<void>((resolve) => clock.setTimeout(resolve, 1)), { what: 'the timer' });
  expect(errors).toHaveLength(2);
});

test.each([
  ['throws', broken, 'broken'],
  ['tells NaN', () => Number.NaN, 'The clock tells NaN instead of a time'],
  ['tells a string', () => '12' as unknown as number, 'The clock tells 12 instead of a time'],
])('a time that it can’t tell is the system’s: it %s', (_, now, told) => {
  const { clock, errors } = guarded({ now });
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
  expect(errors).toEqual([expect.objectContaining({ message: told })]);
});

test('a timer that it can’t clear is told of', () => {
  const { clock, errors } = guarded({ clearTimeout: broken });
  clock.clearTimeout(clock.setTimeout(() => {}, 1));
  expect(errors).toHaveLength(1);
});
