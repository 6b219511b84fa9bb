/** One direction of a connection between two processes: what is sent gets there in order, and not while the way is cut. */
import type { SimulatedProcess } from './simulatedProcess.ts';
import { delayOf, type Numbers } from './ways.ts';
import type { WorldTime } from './worldTime.ts';

/** When something that could not get through is sent once more, in ms. */
const AGAIN_AFTER = 100;

/** What is between the nodes. */
export interface Between {
  readonly time: WorldTime;
  readonly numbers: Numbers;
  isCut(from: SimulatedProcess, to: SimulatedProcess): boolean;
  isSlow(from: SimulatedProcess, to: SimulatedProcess): boolean;
}

export class Lane {
  /** The other end takes nothing for now. */
  held = false;
  readonly #between: Between;
  readonly #from: SimulatedProcess;
  readonly #to: SimulatedProcess;
  #waiting: (() => void)[] = [];
  #closed = false;

  constructor(between: Between, from: SimulatedProcess, to: SimulatedProcess) {
    this.#between = between;
    this.#from = from;
    this.#to = to;
  }

  send(run: () => void): void {
    if (this.#closed || this.#waiting.push(run) > 1) return;
    this.#depart();
  }

  /** It takes something again. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    if (this.#waiting.length > 0) this.#depart();
  }

  /** What is on its way is lost. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
  }

  #depart(): void {
    const { time, numbers } = this.#between;
    time.after(delayOf(numbers, this.#between.isSlow(this.#from, this.#to)), () => this.#arrive());
  }

  #arrive(): void {
    if (this.#closed || this.held) return;
    if (this.#between.isCut(this.#from, this.#to)) {
      return void this.#between.time.after(AGAIN_AFTER, () => this.#arrive());
    }
    const run = this.#waiting.shift();
    if (run !== undefined) this.#to.deliver(run);
    if (this.#waiting.length > 0) this.#depart();
  }
}
