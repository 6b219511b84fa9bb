/** Several nodes under many schedules, each of them an attack. */
import type { Attack } from './attacks.ts';

/** The first ones, and two that find what none of them does: a request that is held for ever, and an answer under a lease that is over. */
const SEEDS = [...Array.from({ length: 20 }, (_, index) => index + 1), 37, 38];

export const CLUSTER_ATTACKS: readonly Attack[] = SEEDS.map((seed) => ({
  name: `cluster, seed ${seed}`,
  async run(kit, { createSessionSupervisor: create }) {
    await kit.simulateCluster({ seed, create });
    return undefined;
  },
}));
