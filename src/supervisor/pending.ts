/** How much goes on that somebody may have to wait for, and when none of it does any more. */
import { nextTurn } from '../clock.ts';

export class Pending {
  #count = 0;
  readonly #waiting = new Set<() => void>();
  /** Who waits for fewer, and how many are few. */
  readonly #patient = new Map<() => void, number>();

  get none(): boolean {
    return this.#count === 0;
  }

  /** Counts a promise until it settles, which it returns. */
  async watch<T>(begin: () => Promise<T>): Promise<T> {
    this.#count++;
    try {
      return await begin();
    } finally {
      if (--this.#count === 0) for (const judge of this.#waiting) judge();
      for (const [go, few] of this.#patient) if (this.#count <= few) go();
    }
  }

  /** Resolves when at most so many go on; undefined where that is so. */
  whenFew(few: number): Promise<void> | undefined {
    if (this.#count <= few) return undefined;
    return new Promise((resolve) => {
      const go = () => {
        this.#patient.delete(go);
        resolve();
      };
      this.#patient.set(go, few);
    });
  }

  /** Resolves when nothing goes on, what comes of it within the same turn of the event loop included. */
  whenNone(): Promise<void> {
    return new Promise((resolve) => {
      const judge = () => {
        nextTurn(() => {
          if (!this.none || !this.#waiting.delete(judge)) return;
          resolve();
        });
      };
      this.#waiting.add(judge);
      judge();
    });
  }
}
