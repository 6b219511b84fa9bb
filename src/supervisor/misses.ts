/**
 * Ids that nobody has a session by, remembered for a moment: so that a client that asks again and again, or one that
 * guesses, costs no read each time. For a principal each, since a session of another's is none.
 */
import type { Clock } from '../clock.ts';

/** How long a miss is remembered, in ms, and how many are. */
const REMEMBERED = 1_000;
const MAX_MISSES = 10_000;

export class Misses {
  readonly #clock: Clock;
  /** Until when, by id and principal; the oldest first. */
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(id: string, principal: string | undefined): boolean {
    const key = keyOf(id, principal);
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.#until.delete(key);
    return false;
  }

  add(id: string, principal: string | undefined): void {
    const now = this.#clock.now();
    for (const [key, until] of this.#until) {
      if (until > now && this.#until.size < MAX_MISSES) break;
      this.#until.delete(key);
    }
    this.#until.set(keyOf(id, principal), now + REMEMBERED);
  }

  /** There is such a session now. */
  forget(id: string): void {
    if (this.#until.size === 0) return;
    for (const key of this.#until.keys()) if (key.startsWith(`${id} `)) this.#until.delete(key);
  }
}

/** No id holds a space. */
function keyOf(id: string, principal: string | undefined): string {
  return principal === undefined ? `${id} ` : `${id} =${principal}`;
}
