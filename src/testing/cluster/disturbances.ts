/** What was wrong in a simulated cluster, and when: whom it may have kept from an answer. */
import type { WorldTime } from './worldTime.ts';

/** For how long something that was wrong may still be felt, in ms: a lease runs out, a node joins anew, a store is tried. */
const AFTERMATH = 12_000;

/** A node that was killed may be taken to be there for so long, in ms. */
const TRUSTED = 60;

interface Disturbance {
  readonly since: number;
  until: number;
}

export class Disturbances {
  readonly #time: WorldTime;
  readonly #all: Disturbance[] = [];
  readonly #kills: number[] = [];

  constructor(time: WorldTime) {
    this.#time = time;
  }

  /** Something is wrong from now on; returns what is to be called when it is over. */
  begin(): () => void {
    const disturbance: Disturbance = { since: this.#time.now, until: Number.POSITIVE_INFINITY };
    this.#all.push(disturbance);
    return () => {
      disturbance.until = Math.min(disturbance.until, this.#time.now);
    };
  }

  /** Something is wrong for so many ms. */
  last(ms: number): void {
    this.#all.push({ since: this.#time.now, until: this.#time.now + ms });
  }

  /** A node was killed: who asks from now on is answered by others. */
  killed(): void {
    this.#kills.push(this.#time.now);
  }

  /** Something may have kept a request from its answer that went on for that time. */
  during(begun: number, ended: number): boolean {
    if (this.#kills.some((at) => at >= begun - TRUSTED && at <= ended)) return true;
    return this.#all.some(({ since, until }) => since <= ended && until + AFTERMATH >= begun);
  }
}
