/** Several nodes under many schedules, each of them an attack. */
import type { Attack } from './attacks.ts';

const SEEDS = 30;

export const CLUSTER_ATTACKS: readonly Attack[] = Array.from({ length: SEEDS }, (_, index) => ({
  name: `cluster, seed ${index + 1}`,
  async run(kit, { createSessionSupervisor: create }) {
    await kit.simulateCluster({ seed: index + 1, create });
    return undefined;
  },
}));
