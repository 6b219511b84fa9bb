/**
 * A process of a simulated cluster, as far as the world goes: it can be paused, and then nothing reaches it until it wakes
 * up with all that came meanwhile; and it can be killed, and then it does nothing any more. Its clock is its own.
 */
import type { Clock } from '../../index.ts';
import type { Due, WorldTime } from './worldTime.ts';

/** When the world began, in ms since the epoch. */
const BEGINNING = 1_700_000_000_000;

export class SimulatedProcess implements Clock {
  dead = false;
  paused = false;
  readonly name: string;
  readonly #time: WorldTime;
  /** By how much its clock is ahead of the world's, in ms. */
  readonly #skew: number;
  readonly #timers = new Map<number, Due>();
  #lastTimer = 0;
  #waiting: { readonly run: () => void; readonly isTimer: boolean }[] = [];

  constructor(name: string, time: WorldTime, skew: number) {
    this.name = name;
    this.#time = time;
    this.#skew = skew;
  }

  // --- its clock

  now(): number {
    return BEGINNING + this.#time.now + this.#skew;
  }

  setTimeout(fn: () => void, ms: number): number {
    const id = ++this.#lastTimer;
    const fire = () => {
      if (this.#timers.delete(id)) fn();
    };
    const due = this.#time.after(ms >= 1 ? ms : 1, () => this.#reach(fire, true));
    this.#timers.set(id, due);
    return id;
  }

  clearTimeout(id: number | undefined): void {
    const due = id === undefined ? undefined : this.#timers.get(id);
    if (id === undefined || due === undefined) return;
    this.#time.cancel(due);
    this.#timers.delete(id);
  }

  /** How many of its timers have neither fired nor been cleared. */
  get timers(): number {
    return this.#timers.size;
  }

  // --- what reaches it

  /** Something from outside reaches it: now, or when it wakes up. */
  deliver(run: () => void): void {
    this.#reach(run, false);
  }

  pause(): void {
    this.paused = true;
  }

  /** It goes on with what came meanwhile, one after the other: timers first where `timersFirst`. */
  wake(timersFirst: boolean): void {
    if (!this.paused) return;
    this.paused = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    const inOrder = timersFirst
      ? [...waiting.filter(({ isTimer }) => isTimer), ...waiting.filter(({ isTimer }) => !isTimer)]
      : waiting;
    for (const { run, isTimer } of inOrder) this.#time.after(0, () => this.#reach(run, isTimer));
  }

  kill(): void {
    this.dead = true;
    for (const due of this.#timers.values()) this.#time.cancel(due);
    this.#timers.clear();
    this.#waiting = [];
  }

  #reach(run: () => void, isTimer: boolean): void {
    if (this.dead) return;
    if (this.paused) this.#waiting.push({ run, isTimer });
    else run();
  }
}
