/** Draws what happens to sessions over several lives of their server, and has it happen, step by step. */
import { random } from '../random.ts';
import { TracedFailure } from '../tracedFailure.ts';
import { type Create, RestartWorld } from './restartWorld.ts';

/** Options of `simulateRestarts`. */
export interface RestartSimulationOptions {
  /** The same seed gives the same simulation. */
  readonly seed: number;
  /** How many things happen, besides what comes of them. Default 100. */
  readonly steps?: number | undefined;
  /** Makes the supervisors. Default: `createSessionSupervisor`. */
  readonly create?: Create | undefined;
}

/** A session was lost, or something that was acknowledged, or something came back; the message has all that led to it. */
export class RestartFailure extends TracedFailure {
  override readonly name = 'RestartFailure';
}

/**
 * Simulates sessions over several lives of their server: processes that are killed, drained and replaced at any moment at
 * which a store or a factory can wait, one store that all of them have, and clients that know what was acknowledged.
 * Resolves to what happened, in readable lines.
 * @throws {RestartFailure} when a session is lost, or what was acknowledged, or when something comes back.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { simulateRestarts } from 'mcp-session-supervisor/testing';
 *
 * for (const seed of [1, 2, 3]) test(`restarts, seed ${seed}`, () => simulateRestarts({ seed }).then(() => {}));
 * ```
 */
export async function simulateRestarts({
  seed,
  steps = 100,
  create,
}: RestartSimulationOptions): Promise<readonly string[]> {
  const numbers = random(seed);
  const upTo = (bound: number) => Math.floor(numbers() * bound);
  const world = new RestartWorld(upTo(2), create);
  const pick = <T>(all: readonly T[]): T | undefined => all[upTo(all.length)];
  const asks = ['count', 'count', 'count', 'count slowly', 'initialized', 'level', 'told', 'told', 'cancel'] as const;
  const commands: readonly [weight: number, run: () => void | Promise<void>][] = [
    [4, () => world.open(upTo(3))],
    [
      14,
      () => {
        const known = pick(world.sessions.slice(-6));
        if (known !== undefined) world.ask(known, pick(asks) ?? 'count');
      },
    ],
    [
      1,
      () => {
        const known = pick(world.sessions);
        if (known !== undefined) world.ask(known, 'count', upTo(3));
      },
    ],
    [
      1,
      () => {
        const known = pick(world.sessions);
        if (known !== undefined) world.delete(known, upTo(4) === 0 ? upTo(3) : known.owner);
      },
    ],
    [
      0.3,
      () => {
        const known = pick(world.sessions);
        if (known !== undefined) world.terminate(known);
      },
    ],
    [
      14,
      () => {
        const point = pick(world.points.waiting);
        if (point === undefined) return;
        world.note(`goes on: ${point.what}`);
        point.release();
      },
    ],
    [
      2,
      () => {
        const point = pick(world.points.waiting);
        if (point === undefined) return;
        world.note(`fails: ${point.what}`);
        point.release(new Error('as the schedule wants it'));
      },
    ],
    [3, () => world.pass([1, 100, 1_000, 6_000, 11_000, 31_000, 62_000][upTo(7)] ?? 1)],
    [1.5, () => world.kill()],
    [0.5, () => world.replace()],
    [
      2,
      () => {
        world.store.slow = !world.store.slow;
        world.note(`the store is ${world.store.slow ? 'slow' : 'quick'}`);
      },
    ],
    [
      2,
      () => {
        world.factory = pick(['works', 'works', 'waits', 'fails'] as const) ?? 'works';
        world.note(`the factory ${world.factory}`);
      },
    ],
    [
      1,
      () => {
        const request = pick(world.requests.filter(({ open }) => open));
        if (request === undefined) return;
        world.note(`${request.name} is hung up`);
        request.open = false;
        request.stop.abort();
      },
    ],
  ];
  const total = commands.reduce((sum, [weight]) => sum + weight, 0);
  for (let step = 0; step < steps && world.broken === undefined; step++) {
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
  if (world.broken !== undefined) throw new RestartFailure(seed, world.broken, world.trace);
  return world.trace;
}

async function askAll(world: RestartWorld): Promise<void> {
  for (const known of world.sessions) world.ask(known, 'count');
  await world.settle();
  await world.pass(1);
}

/** Everybody goes on: then every request has its answer, and every session that did not end its state. */
async function finish(world: RestartWorld): Promise<void> {
  if (world.broken !== undefined) return;
  world.store.slow = false;
  world.factory = 'works';
  world.note('the end: everybody goes on');
  for (let n = 0; n < 8; n++) {
    for (const point of [...world.points.waiting]) point.release();
    await world.settle();
    await world.pass(n < 4 ? 1_000 : 6_000);
  }
  for (const point of [...world.points.waiting]) point.release();
  await world.settle();
  world.checkDrains();
  const waiting = world.requests.find(({ open }) => open);
  if (waiting !== undefined) return world.break(`${waiting.name} has no answer`);
  await askAll(world); // whatever they hear, it is over then
  world.strict = true;
  await askAll(world);
  world.kill();
  await askAll(world);
  const left = world.requests.find(({ open }) => open);
  if (left !== undefined) world.break(`${left.name} has no answer`);
}
