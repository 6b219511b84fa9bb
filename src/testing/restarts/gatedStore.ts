/**
 * A session store in the hands of a schedule: each operation may wait before it takes effect, and again before its caller
 * hears of it, and may fail at both. What a process asked for that has died since takes no effect.
 */
import { createMemorySessionStore, type SessionStore } from '../../index.ts';
import type { AwaitPoints } from '../simulation/awaitPoints.ts';

export interface Life {
  readonly name: string;
  dead: boolean;
}

const NEVER = new Promise<never>(() => {});

/** Where all processes' sessions are. */
export class SharedStore {
  readonly truth = createMemorySessionStore();
  /** Whether operations wait for the schedule. */
  slow = false;
  readonly #points: AwaitPoints;

  constructor(points: AwaitPoints) {
    this.#points = points;
  }

  /** The store as one process sees it. */
  for(life: Life, durable: boolean): SessionStore {
    const run = async <T>(what: string, operate: () => Promise<T>): Promise<T> => {
      await this.#gate(life, `before ${what}`);
      if (life.dead) return NEVER;
      const result = await operate();
      await this.#gate(life, `after ${what}`);
      return life.dead ? NEVER : result;
    };
    const { truth } = this;
    return {
      durable,
      counts: truth.counts,
      create: (...all) => run('create', () => truth.create(...all)),
      load: (id) => run('load', () => truth.load(id)),
      claim: (...all) => run('claim', () => truth.claim(...all)),
      update: (...all) => run('update', () => truth.update(...all)),
      park: (...all) => run('park', () => truth.park(...all)),
      remove: (...all) => run('remove', () => truth.remove(...all)),
      // Those that ask now and then on their own would only wait for each other.
      expired: (...all) => (life.dead ? NEVER : truth.expired(...all)),
      count: () => (life.dead ? NEVER : truth.count()),
      countOf: (principal) => truth.countOf(principal),
      close: async () => {},
    };
  }

  async #gate(life: Life, what: string): Promise<void> {
    if (this.slow) await this.#points.reach(life, 0, `${life.name}: ${what}`, true);
  }
}
