/** Several nodes under any schedule: what clients are answered is as it must be, whatever happens to nodes and ways. */
import { describe, expect, test } from 'vitest';
import { createSessionSupervisor, type SessionStore } from '../../src/index.ts';
import { ClusterFailure, simulateCluster } from '../../src/testing/index.ts';

const SEED = Number(process.env['CLUSTER_SEED'] ?? 1);
const RUNS = Number(process.env['CLUSTER_RUNS'] ?? 3);
/** Shorter than by default: `npm run test:scale` has time for more. */
const STEPS = Number(process.env['CLUSTER_STEPS'] ?? 40);

test('nothing acknowledged is lost, one node answers, and everybody is answered', { timeout: 600_000 }, async () => {
  for (let n = 0; n < RUNS; n++)
    expect((await simulateCluster({ seed: SEED + n, steps: STEPS })).length).toBeGreaterThan(0);
});

describe('a simulation', () => {
  test('comes again with its seed', async () => {
    const [first, second] = [
      await simulateCluster({ seed: 7, steps: 15 }),
      await simulateCluster({ seed: 7, steps: 15 }),
    ];
    expect(second).toEqual(first);
  });

  test('finds a node that does not keep its word, and says how', async () => {
    // It has no owners in its records, so that whoever is asked for a session takes it.
    const create: typeof createSessionSupervisor = ({ sessionStore, ...options }) =>
      createSessionSupervisor({ ...options, sessionStore: withoutOwners(sessionStore as SessionStore) });
    const failure = await simulateCluster({ seed: 1, create }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ClusterFailure);
    const { message, seed, trace } = failure as ClusterFailure;
    expect(message).toContain('in a life that is over (seed 1)');
    expect(seed).toBe(1);
    expect(trace.at(-1)).toContain('BROKEN');
  });
});

function withoutOwners(store: SessionStore): SessionStore {
  return { ...store, create: ({ owner: _, ...record }, limits) => store.create(record, limits) };
}
