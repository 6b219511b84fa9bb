/** Draws what happens to a cluster, and has it happen, step by step. */
import { random } from '../random.ts';
import { TracedFailure } from '../tracedFailure.ts';
import { clusterCommands, draw } from './clusterCommands.ts';
import { finishCluster } from './clusterEnd.ts';
import { settingsOf } from './clusterSettings.ts';
import { ClusterWorld, type Create } from './clusterWorld.ts';

export interface ClusterSimulationOptions {
  /** The same seed gives the same simulation, but for the ids. */
  readonly seed: number;
  /** How many things happen, besides what comes of them. Default 80. */
  readonly steps?: number | undefined;
  /** Makes the supervisors. Default: `createSessionSupervisor`. */
  readonly create?: Create | undefined;
}

/** Something was not as it must be in a cluster; the message has all that led to it. */
export class ClusterFailure extends TracedFailure {
  override readonly name = 'ClusterFailure';
}

/**
 * Simulates a cluster of two to four nodes: their processes are drained, killed, paused and started anew, the ways between
 * them and to what they share are slow, cut or lose what is sent, the directory fails over, clocks differ; and clients ask
 * any of them. After each step and at the end what can be seen is held against what must be. Resolves to what happened, in
 * readable lines.
 * @throws {ClusterFailure}
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { simulateCluster } from 'mcp-session-supervisor/testing';
 *
 * for (const seed of [1, 2, 3]) test(`cluster, seed ${seed}`, () => simulateCluster({ seed }).then(() => {}));
 * ```
 */
export async function simulateCluster({
  seed,
  steps = 80,
  create,
}: ClusterSimulationOptions): Promise<readonly string[]> {
  const numbers = random(seed);
  const world = new ClusterWorld(settingsOf(Math.floor(numbers() * 2_048)), numbers, create);
  world.note(JSON.stringify(world.settings));
  const commands = clusterCommands(world);
  for (let step = 0; step < steps && world.broken === undefined; step++) {
    draw(commands, numbers)();
    const idle = Math.floor(numbers() * 8);
    await world.pass([0, 0, 1, 5, 50, 300, 1_200, 4_000][idle] ?? 0);
  }
  await finishCluster(world);
  if (world.broken !== undefined) throw new ClusterFailure(seed, world.broken, world.trace);
  return world.trace;
}
