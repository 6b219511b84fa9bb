/** What a process writes to stdout and is no message: told to the log, as its stderr is, within a rate, and counted. */
import type { Clock } from '../clock.ts';
import { printable } from '../protocol/printable.ts';

/** How many lines are told in a second, how long one may be, and how many in a row are too many for a start. */
const RATE = 100;
const LONGEST = 2_000;
const FLOOD = 100;

const SECOND = 1_000;

export class Noise {
  readonly #clock: Clock;
  readonly tell: (line: string, dropped: number) => void;
  #inARow = 0;
  #second = Number.NEGATIVE_INFINITY;
  #told = 0;
  #dropped = 0;

  constructor(clock: Clock, tell: (line: string, dropped: number) => void) {
    this.#clock = clock;
    this.tell = tell;
  }

  /** So many lines in a row were no message. */
  get isFlood(): boolean {
    return this.#inARow >= FLOOD;
  }

  heard(line: string): void {
    this.#inARow++;
    const now = this.#clock.now();
    if (now - this.#second >= SECOND) {
      this.#second = now;
      this.#told = 0;
    }
    if (this.#told >= RATE) {
      this.#dropped++;
      return;
    }
    this.#told++;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.tell(printable(line, LONGEST), dropped);
  }

  /** A message came. */
  interrupted(): void {
    this.#inARow = 0;
  }
}
