/** Attacks by the simulation: the scripts that are known to find something, and a number of seeds, each by itself. */
import type { Attack, Kit } from './attacks.ts';
import { KNOWN_SCRIPTS } from './knownScripts.ts';

const SEEDS = 300;

type Options = NonNullable<Parameters<Kit['runScript']>[1]>;

function simulation(name: string, simulate: (kit: Kit, options: Options) => Promise<unknown>): Attack {
  return {
    name,
    async run(kit, { createSessionSupervisor: create, toNodeHandler }) {
      await simulate(kit, { create, toNodeHandler });
    },
  };
}

export const SCRIPT_ATTACKS: readonly Attack[] = KNOWN_SCRIPTS.map(({ what, seed, script }, n) =>
  simulation(`script ${n + 1}: ${what}${seed === undefined ? '' : `, seed ${seed}`}`, (kit, options) =>
    kit.runScript(script, options),
  ),
);

export const SIMULATION_ATTACKS: readonly Attack[] = Array.from({ length: SEEDS }, (_, index) =>
  simulation(`simulation, seed ${index + 1}`, (kit, options) => kit.simulate({ ...options, seed: index + 1 })),
);
