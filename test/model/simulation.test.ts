/** Our own supervisor under thousands of schedules, others each time. `test/scale` tries more, the same each time. */
import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { INVARIANTS, runScript, SimulationClock, simulate, simulationProperty } from '../../src/testing/index.ts';
import { search } from './search.ts';

describe('the invariants hold', () => {
  test('in 2 000 steps from a random seed', { timeout: 60_000 }, async () => {
    const seed = Number(process.env['SIMULATION_SEED'] ?? randomInt(2 ** 31));
    console.log(`simulated from seed ${seed}; again with SIMULATION_SEED=${seed}`);
    expect(await search(seed, 2_000)).toBeGreaterThanOrEqual(2_000);
  });

  test('for scripts that fast-check draws', { timeout: 60_000 }, async () => {
    const result = await fc.check(simulationProperty(fc, { maxCommands: 60 }), { numRuns: 100 });
    expect(result.errorInstance, `seed ${result.seed}, path ${result.counterexamplePath}`).toBeNull();
  });
});

describe('a script replays', () => {
  test('what its seed did, and the same seed does it again', async () => {
    const first = await simulate({ seed: 7, steps: 300 });
    expect((await simulate({ seed: 7, steps: 300 })).trace).toEqual(first.trace);
    expect((await runScript(first.script)).trace).toEqual(first.trace);
    expect((await simulate({ seed: 8, steps: 300 })).trace).not.toEqual(first.trace);
  });

  test('each of many seeds, to the turn of a promise', { timeout: 120_000 }, async () => {
    for (const seed of [3_002_616, ...Array.from({ length: 15 }, (_, index) => index + 1)]) {
      const { script, trace } = await simulate({ seed });
      expect((await runScript(script)).trace, `seed ${seed}`).toEqual(trace);
    }
  });
});

test('a simulation meets what can happen to a session', { timeout: 60_000 }, async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    for (const line of (await simulate({ seed })).trace) {
      const [, ending] = /has ended: (\w+)/.exec(line) ?? [];
      const [, status] = /#\d+ ← (\d+)/.exec(line) ?? [];
      if (ending !== undefined) seen.add(ending);
      if (status !== undefined) seen.add(status);
    }
  }
  const endings = ['closed', 'crashed', 'deleted', 'drained', 'evicted', 'idle', 'initializeTimeout', 'lifetime'];
  const statuses = ['200', '202', '204', '400', '403', '404', '408', '413', '429', '500', '503', '504'];
  expect([...seen].sort()).toEqual([...statuses, ...endings, 'terminated'].sort());
});

test('every invariant has a name and a sentence of its own', () => {
  expect(new Set(INVARIANTS.map(({ name }) => name)).size).toBe(INVARIANTS.length);
  for (const { says } of INVARIANTS) expect(says).toMatch(/^[A-Z].*\.$/);
});

describe('the clock', () => {
  test('fires timers one moment after the other, those set meanwhile included', () => {
    const clock = new SimulationClock();
    const fired: number[] = [];
    const everyTen = () => {
      clock.setTimeout(() => {
        fired.push(clock.now());
        everyTen();
      }, 10);
    };
    everyTen();
    clock.setTimeout(() => fired.push(-clock.now()), 25);
    clock.increment(30);
    expect({ fired, now: clock.now() }).toEqual({ fired: [10, 20, -25, 30], now: 30 });
    expect(clock.pending.map(({ delay, due }) => ({ delay, due }))).toEqual([{ delay: 10, due: 40 }]);
  });

  test('fires late after a blocked moment, and a delay that Node can’t take at once', () => {
    const clock = new SimulationClock();
    const fired: string[] = [];
    clock.setTimeout(() => fired.push('late'), 10);
    clock.setTimeout(() => fired.push('infinite'), Number.POSITIVE_INFINITY);
    clock.clearTimeout(clock.setTimeout(() => fired.push('cleared'), 1));
    clock.block(50);
    expect(fired).toEqual([]);
    clock.increment(0);
    expect({ fired, now: clock.now() }).toEqual({ fired: ['infinite', 'late'], now: 50 });
  });
});
