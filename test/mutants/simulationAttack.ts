/** The simulation, over a number of seeds. */
import type { Attack } from './attacks.ts';

const SEEDS = 300;

export const SIMULATION_ATTACK: Attack = {
  name: 'simulation',
  async run(kit, { createSessionSupervisor: create, toNodeHandler }) {
    for (let seed = 1; seed <= SEEDS; seed++) await kit.simulate({ seed, create, toNodeHandler });
    return undefined;
  },
};
