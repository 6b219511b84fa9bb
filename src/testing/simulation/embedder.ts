/**
 * The code of whoever embeds the supervisor, in a simulation. It is called back from everywhere, and where the schedule
 * wants it, does there what it had better not do: it calls the API, throws, rejects, or never comes to an end.
 */
import type { SeenSession } from './observed.ts';
import type { Place } from './places.ts';

/** What the embedder's code does, once, where it is called. */
export interface Deed {
  readonly name: string;
  /** Does it. What it returns or throws, the callback returns or throws. */
  run(place: Place, session: SeenSession | undefined): unknown;
}

interface Plan {
  readonly deed: Deed;
  /** The session that it is about, where the place does not tell. */
  readonly session: () => SeenSession | undefined;
  /** It is called so many times more before it does it. */
  skip: number;
}

export class Embedder {
  /** The place in which it does something right now. */
  within: Place | undefined;
  /** It has done something since the world was settled. */
  lately = false;
  /** Where it has done something so far. */
  readonly strayed = new Set<Place>();
  readonly #plans = new Map<Place, Plan>();
  readonly #errors = new Set<unknown>();
  readonly #does: (what: string) => void;

  /** `does` is told what it does, before it does it. */
  constructor(does: (what: string) => void) {
    this.#does = does;
  }

  /** Plans a deed for a place, instead of one that may be planned there. */
  plan(place: Place, plan: Plan): void {
    this.#plans.set(place, plan);
  }

  /** Its code is called. Returns what the callback returns; throws what it throws. */
  called(place: Place, session?: SeenSession): unknown {
    if (this.#plans.size === 0) return undefined;
    const plan = this.#plans.get(place);
    if (plan === undefined || plan.skip-- > 0) return undefined;
    this.#plans.delete(place);
    this.strayed.add(place);
    this.lately = true;
    this.#does(`in ${place}, the embedder’s code ${plan.deed.name}`);
    const outer = this.within;
    this.within = place;
    try {
      return plan.deed.run(place, session ?? plan.session());
    } finally {
      this.within = outer;
    }
  }

  /** An error to throw. It is known again. */
  error(place: Place): Error {
    const error = new Error(`Thrown in ${place}`);
    this.#errors.add(error);
    return error;
  }

  /** Its own code threw this. */
  threw(error: unknown): boolean {
    return this.#errors.has(error);
  }
}
