/** Sessions over the lives of their processes, and along the paths of one that is parked. */
import type { Attack } from './attacks.ts';

const SEEDS = 150;

export const RESTART_ATTACK: Attack = {
  name: 'restarts',
  async run(kit, { createSessionSupervisor: create }) {
    for (let seed = 1; seed <= SEEDS; seed++) await kit.simulateRestarts({ seed, create });
    return undefined;
  },
};
