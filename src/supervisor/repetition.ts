/**
 * Something that may happen very often and is told of at most once a second, with how often it did since it was last
 * told of. It needs no timers: what is left over is told with the next one. A flood costs a count, not a line.
 */
import type { Clock } from '../clock.ts';

/** How long it is not told of again, in ms. */
const INTERVAL = 1_000;

export class Repetition {
  total = 0;
  readonly #clock: Pick<Clock, 'now'>;
  #untold = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** It happened. Returns how often since it was told of, where it is to be told of now. Never throws. */
  happened(): number | undefined {
    this.total++;
    this.#untold++;
    const now = this.#now();
    // A clock that was set back would else be silent until it is where it was.
    if (now === undefined || (now >= this.#toldAt && now - this.#toldAt < INTERVAL)) return undefined;
    const count = this.#untold;
    this.#untold = 0;
    this.#toldAt = now;
    return count;
  }

  #now(): number | undefined {
    try {
      return this.#clock.now();
    } catch {
      return undefined;
    }
  }
}

/** For a line of a log, behind what happened. */
export function oftenBefore(count: number): string {
  return count === 1 ? '' : `, ${count} times since the last line`;
}
