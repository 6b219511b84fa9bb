/**
 * What can happen in a simulation, as data: a command is five numbers, and means something in every world (or nothing,
 * and then it is left out). So one script can be drawn at random, shortened, printed, and run again.
 */
import { CLIENT_COMMANDS } from './clientCommands.ts';
import { pick } from './commandKind.ts';
import { EMBEDDER_COMMANDS } from './embedderCommands.ts';
import { HOSTILE_COMMANDS } from './hostileCommands.ts';
import { MODERN_COMMANDS } from './modernCommands.ts';
import type { SimulationWorld } from './simulationWorld.ts';
import { WORLD_COMMANDS } from './worldCommands.ts';

/**
 * The kind by its number, whose it is, which one, how, and what comes after it: 0, everything that goes on by itself;
 * else less than that, so that the next command happens in the middle of it.
 */
export type Command = readonly [kind: number, who: number, which: number, how: number, rest: number];

/** Scripts name them by number: new ones come last. */
const KINDS = [...WORLD_COMMANDS, ...CLIENT_COMMANDS, ...EMBEDDER_COMMANDS, ...HOSTILE_COMMANDS, ...MODERN_COMMANDS];

/** The numbers of all kinds, each as often as it is to be drawn. */
export const KIND_TABLE: readonly number[] = KINDS.flatMap(({ weight }, kind) =>
  Array<number>(Math.ceil(weight)).fill(kind),
);

/** How many kinds of commands there are, and the bounds of a command's other numbers. */
export const BOUNDS = { kinds: KINDS.length, who: 5, which: 1 << 8, how: 1 << 27, rest: 1 << 8 } as const;

/** How much more often, or less, one simulation draws a kind than another does. */
const FACTORS = [0.2, 0.5, 1, 1, 2, 4];

/**
 * Draws commands; `random` gives numbers from 0 to 1, 1 excluded. Each simulation prefers other kinds: so some meet
 * often what comes rarely on the whole.
 */
export class CommandDraw {
  readonly #random: () => number;
  readonly #weights: readonly number[];
  readonly #total: number;

  constructor(random: () => number) {
    this.#random = random;
    this.#weights = KINDS.map(({ weight }) => weight * (FACTORS[Math.floor(random() * FACTORS.length)] ?? 1));
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0);
  }

  next(): Command {
    let left = this.#random() * this.#total;
    const kind = this.#weights.findIndex((weight) => {
      left -= weight;
      return left < 0;
    });
    const upTo = (bound: number) => Math.floor(this.#random() * bound);
    // The first clients do most, so that much happens to few sessions.
    const who = Math.min(upTo(BOUNDS.who), upTo(BOUNDS.who));
    return [Math.max(0, kind), who, upTo(BOUNDS.which), upTo(BOUNDS.how), upTo(BOUNDS.rest)];
  }
}

/** Does what a command says. Returns what that is; undefined where it means nothing. */
export function run(world: SimulationWorld, [kind, who, which, how]: Command): string | undefined {
  const client = pick(world.clients, who);
  const what = client && KINDS[kind % KINDS.length]?.run(world, client, which, how);
  return what === undefined || client === undefined ? undefined : `client ${client.index}: ${what}`;
}

/** How a command leaves the world: settled, or so many turns of promises later, or a turn of the event loop later. */
export async function rest(world: SimulationWorld, [, , , , how]: Command): Promise<void> {
  const manner = how % 8;
  if (manner < 5) return world.settle();
  world.unsettle();
  if (manner === 6) for (let turns = how >> 3; turns > 0; turns--) await undefined;
  if (manner === 7) await new Promise((resolve) => setImmediate(resolve));
}
