/**
 * Time for a simulation: it passes when it is told to, timers fire in the order in which Node would fire them, each at
 * its own moment, and everybody can see which are pending. (XState's SimulatedClock jumps: there a timer that is set
 * while another fires starts at the end of the jump.)
 */
import type { Clock } from '../../index.ts';

/** A timer that has neither fired nor been cleared. */
export interface PendingTimer {
  /** What it was set to, in ms. */
  readonly delay: number;
  /** When it fires, in ms of the clock's time. */
  readonly due: number;
}

interface Timer extends PendingTimer {
  readonly fire: () => void;
}

/** The longest delay of Node's timers, in ms; a longer one, or one that is no number, fires after 1 ms. */
const MAX_DELAY = 2 ** 31 - 1;

/** A clock for the `clock` option of a supervisor. */
export class SimulationClock implements Clock {
  readonly #timers = new Map<number, Timer>();
  #now = 0;
  #lastId = 0;

  /** Milliseconds since the clock was made. */
  now(): number {
    return this.#now;
  }

  setTimeout(fn: () => void, ms: number): number {
    const delay = ms >= 1 && ms <= MAX_DELAY ? ms : 1;
    this.#timers.set(++this.#lastId, { delay, due: this.#now + delay, fire: fn });
    return this.#lastId;
  }

  clearTimeout(id: number | undefined): void {
    if (id !== undefined) this.#timers.delete(id);
  }

  /** The timers that have neither fired nor been cleared, in the order in which they were set. */
  get pending(): PendingTimer[] {
    return [...this.#timers.values()];
  }

  /** When the next timer is due; undefined when there is none. */
  get nextDue(): number | undefined {
    let next: number | undefined;
    for (const { due } of this.#timers.values()) if (next === undefined || due < next) next = due;
    return next;
  }

  /** Time passes, and no timer fires: the event loop is blocked. */
  block(ms: number): void {
    this.#now += ms;
  }

  /**
   * Goes to the next timers that are due until `time`, and fires those of that moment. Returns false when there were
   * none, and it is `time` now. Call it until then, and let what a timer starts take effect in between.
   */
  step(time: number): boolean {
    const next = this.nextDue;
    if (next === undefined || next > time) {
      this.#now = Math.max(this.#now, time);
      return false;
    }
    this.#now = Math.max(this.#now, next);
    for (const [id, timer] of [...this.#timers]) {
      if (timer.due === next && this.#timers.delete(id)) timer.fire();
    }
    return true;
  }

  /** Lets time pass, in ms, firing the timers that become due one moment after the other. */
  increment(ms: number): void {
    const time = this.#now + ms;
    while (this.step(time));
  }
}
