/** Draws what happens to the handles of a supervisor, and has it happen, step by step. */
import { random } from '../random.ts';
import { TracedFailure } from '../tracedFailure.ts';
import { type Create, type Deed, HandleWorld, PRINCIPALS } from './handleWorld.ts';
import type { HandleSettings } from './seenHandle.ts';

/** Options of `simulateHandles`. */
export interface HandleSimulationOptions {
  /** The same seed gives the same simulation, but for the ids. */
  readonly seed: number;
  /** How many things happen, besides what comes of them. Default 150. */
  readonly steps?: number | undefined;
  /** Makes the supervisor. Default: `createSessionSupervisor`. */
  readonly create?: Create | undefined;
}

/** Something was not as it must be with handles; the message has all that led to it. */
export class HandleFailure extends TracedFailure {
  override readonly name = 'HandleFailure';
}

const DEEDS: readonly Deed[] = ['uses it', 'ends it', 'ends it', 'creates one', 'throws', 'throws', 'drains'];
const PLACES = [
  'handle.opened',
  'handle.active',
  'handle.idle',
  'handle.terminated',
  'open',
  'close',
  'a use',
  'the logger',
];
const SPANS = [1, 500, 5_000, 10_000, 20_000, 60_000, 150_000];

function settingsOf(number: number): HandleSettings {
  return {
    idleTimeout: 60_000,
    openTimeout: 20_000,
    shutdownTimeout: 10_000,
    maxLifetime: (number & 1) === 0 ? Number.POSITIVE_INFINITY : 150_000,
    maxPerPrincipal: (number & 2) === 0 ? 2 : 8,
    maxHandles: (number & 4) === 0 ? 4 : 12,
    whenFull: (number & 8) === 0 ? 'evict-idle' : 'reject',
  };
}

/**
 * Simulates handles: whoever creates, uses and ends them, in any order and at the same time, `open`, `close` and uses that
 * take as long as they like, throw or call back, time, and a drain. After each step and at the end what can be seen is held
 * against what must be. Resolves to what happened, in readable lines.
 * @throws {HandleFailure}
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { simulateHandles } from 'mcp-session-supervisor/testing';
 *
 * for (const seed of [1, 2, 3]) test(`handles, seed ${seed}`, () => simulateHandles({ seed }).then(() => {}));
 * ```
 */
export async function simulateHandles({
  seed,
  steps = 150,
  create,
}: HandleSimulationOptions): Promise<readonly string[]> {
  const numbers = random(seed);
  const upTo = (bound: number) => Math.floor(numbers() * bound);
  const pick = <T>(all: readonly T[]): T | undefined => all[upTo(all.length)];
  const world = new HandleWorld(settingsOf(upTo(16)), create);
  const someone = () => pick(PRINCIPALS);
  /** Mostly one that is there. */
  const one = () => {
    const all = [...world.seen.values()].slice(-12);
    return pick(upTo(6) === 0 ? all : all.filter(({ endedAt, known }) => endedAt === undefined && known));
  };
  const ownerOf = (principal: string | undefined) => (upTo(8) === 0 ? someone() : principal);
  const commands: readonly [weight: number, run: () => void | Promise<void>][] = [
    [8, () => world.create(someone())],
    [
      14,
      () => {
        const handle = one();
        if (handle !== undefined) world.use(handle, ownerOf(handle.principal));
      },
    ],
    [
      2,
      () => {
        const handle = one();
        if (handle !== undefined) world.end(handle, ownerOf(handle.principal));
      },
    ],
    [12, () => pick(world.gates.waiting)?.release()],
    [2, () => pick(world.gates.waiting)?.release(new Error('as the schedule wants it'))],
    [6, () => world.pass(pick(SPANS) ?? 1)],
    [
      3,
      () => {
        const { nextDue } = world.clock;
        if (nextDue !== undefined) return world.pass(Math.max(0, nextDue - world.now - upTo(2)));
        return undefined;
      },
    ],
    [
      2,
      () => {
        const what = pick(['open', 'use', 'close'] as const) ?? 'use';
        world.waits[what] = !world.waits[what];
      },
    ],
    [2, () => void world.deeds.set(pick(PLACES) ?? 'open', pick(DEEDS.slice(0, upTo(10) === 0 ? 7 : 6)) ?? 'throws')],
    [0.1, () => world.drain()],
  ];
  const total = commands.reduce((sum, [weight]) => sum + weight, 0);
  for (let step = 0; step < steps && world.broken === undefined && !world.drained; step++) {
    let left = numbers() * total;
    const command = commands.find(([weight]) => {
      left -= weight;
      return left < 0;
    });
    await command?.[1]();
    if (upTo(3) === 0) continue; // in the same turn as the next
    await world.settle();
    world.check();
  }
  await finish(world);
  if (world.broken !== undefined) throw new HandleFailure(seed, world.broken, world.trace);
  return world.trace;
}

/** Drains while whoever waits goes on waiting; then lets them all go on. Nothing may be left. */
async function finish(world: HandleWorld): Promise<void> {
  world.deeds.clear();
  await world.settle();
  world.check();
  world.drain();
  await world.settle();
  for (let n = 0; n < 6 && world.broken === undefined; n++) await world.pass(10_000);
  if (!world.drained) world.break('The drain does not come to an end');
  world.waits.open = false;
  world.waits.close = false;
  while (world.gates.waiting.length > 0) {
    world.gates.waiting[0]?.release();
    await world.settle();
  }
  if (world.broken === undefined) world.checkLeft();
}
