/** The simulation: the scripts that are known to find something, and then a number of seeds. */
import type { Attack } from './attacks.ts';
import { KNOWN_SCRIPTS } from './knownScripts.ts';

const SEEDS = 300;

export const SIMULATION_ATTACK: Attack = {
  name: 'simulation',
  async run(kit, { createSessionSupervisor: create, toNodeHandler }) {
    for (const { script } of KNOWN_SCRIPTS) await kit.runScript(script, { create, toNodeHandler });
    for (let seed = 1; seed <= SEEDS; seed++) await kit.simulate({ seed, create, toNodeHandler });
    return undefined;
  },
};
