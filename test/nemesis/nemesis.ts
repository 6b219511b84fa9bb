/** Breaks a cluster for a given time, in an order that comes again with the same seed, and notes what it did and when. */
import { setTimeout as passing } from 'node:timers/promises';
import { type Attacked, FAULTS } from './faults.ts';

/** What a cluster gets between two faults to be well again, in ms: at least, and at most that more. */
const CALM = 500;
const MORE_CALM = 2_500;

/** Attacks until the time is up. A round has each fault once; resolves when all is as it was. */
export async function attack(attacked: Attacked, ms: number): Promise<void> {
  const { random, log } = attacked;
  const until = performance.now() + ms;
  for (;;) {
    for (const [name, fault] of shuffled(Object.entries(FAULTS), random)) {
      if (performance.now() >= until) return;
      await fault(attacked);
      log(`over: ${name}`);
      await passing(CALM + MORE_CALM * random());
    }
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const places = items.map((item) => [random(), item] as const);
  return places.sort(([one], [other]) => one - other).map(([, item]) => item);
}
