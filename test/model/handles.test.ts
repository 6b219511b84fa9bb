/** Handles under any schedule: what can be seen of them is as it must be, whatever happens in which order. */
import { describe, expect, test } from 'vitest';
import { createSessionSupervisor } from '../../src/index.ts';
import { HandleFailure, simulateHandles } from '../../src/testing/index.ts';

const SEEDS = 60;

test.each(Array.from({ length: SEEDS }, (_, index) => index + 1))('seed %i', async (seed) => {
  expect((await simulateHandles({ seed })).length).toBeGreaterThan(0);
});

describe('a simulation', () => {
  test('comes again with its seed, but for the ids', async () => {
    const normal = (trace: readonly string[]) => trace.map((line) => line.replaceAll(/\b[0-9a-f]{4}\b/g, 'id'));
    const [first, second] = [await simulateHandles({ seed: 7 }), await simulateHandles({ seed: 7 })];
    expect(normal(second)).toEqual(normal(first));
  });

  test('finds a supervisor that does not keep its word, and says how', async () => {
    // Its handles live for as long as they like.
    const create: typeof createSessionSupervisor = (options) => {
      const supervisor = createSessionSupervisor(options);
      const { handles } = supervisor;
      const lasting: typeof handles = (name, given) =>
        handles(name, { ...given, idleTimeout: Number.POSITIVE_INFINITY });
      return Object.assign(supervisor, { handles: lasting });
    };
    const failure = await findFailure(create);
    expect(failure.message).toContain('is idle for too long');
    expect(failure.trace.length).toBeGreaterThan(1);
  });
});

async function findFailure(create: typeof createSessionSupervisor): Promise<HandleFailure> {
  for (let seed = 1; seed <= 20; seed++) {
    try {
      await simulateHandles({ seed, create });
    } catch (error) {
      if (error instanceof HandleFailure) return error;
      throw error;
    }
  }
  throw new Error('No seed found it');
}
