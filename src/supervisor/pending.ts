/** How much goes on that somebody may have to wait for, and when none of it does any more. */
import { nextTurn } from '../clock.ts';

export class Pending {
  #count = 0;
  readonly #waiting = new Set<() => void>();

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
    }
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
