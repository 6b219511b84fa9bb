/** Something that is done again and again while there is reason to; it alone keeps no process alive. */
import { nextTurn, type TimerClock } from '../clock.ts';

export class Ticker {
  readonly #timers: TimerClock;
  readonly #interval: number;
  readonly #action: () => Promise<boolean>;
  #timer: unknown;
  #running = false;
  #stopped = false;

  /** Every `interval` ms; `action` resolves to whether there is reason to go on, and must not reject. */
  constructor(timers: TimerClock, interval: number, action: () => Promise<boolean>) {
    this.#timers = timers;
    this.#interval = interval;
    this.#action = action;
  }

  /** Lets others have their turn. */
  static pause(): Promise<void> {
    return new Promise((resolve) => nextTurn(resolve));
  }

  /** There is reason to. */
  start(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
    this.#timers.clearTimeout(this.#timer);
  }

  #next(): void {
    this.#timer = this.#timers.setTimeout(() => void this.#tick(), this.#interval);
    // Node's timers can be told so; those of another clock keep no process alive.
    (this.#timer as Partial<NodeJS.Timeout> | undefined)?.unref?.();
  }

  async #tick(): Promise<void> {
    const goOn = await this.#action();
    if (this.#stopped) return;
    this.#running = goOn;
    if (goOn) this.#next();
  }
}
