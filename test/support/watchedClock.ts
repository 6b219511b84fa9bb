/** Simulated time that also tells which timers are pending and how many were ever set and cleared. */
import { SimulatedClock } from 'xstate';

interface Timer {
  readonly delay: number;
  /** When it fires, in simulated time. */
  readonly due: number;
}

export class WatchedClock extends SimulatedClock {
  /** How often each operation was called. */
  readonly calls = { setTimeout: 0, clearTimeout: 0 };
  readonly #pending = new Map<number, Timer>();

  /** The timers that have neither fired nor been cleared, the next one first. */
  get pending(): readonly Timer[] {
    return [...this.#pending.values()].sort((a, b) => a.due - b.due);
  }

  override setTimeout(fn: () => void, delay: number): number {
    this.calls.setTimeout++;
    const id = super.setTimeout(() => {
      this.#pending.delete(id);
      fn();
    }, delay);
    this.#pending.set(id, { delay, due: this.now() + delay });
    return id;
  }

  override clearTimeout(id: number): void {
    this.calls.clearTimeout++;
    this.#pending.delete(id);
    super.clearTimeout(id);
  }
}
