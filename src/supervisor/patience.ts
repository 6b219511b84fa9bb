/**
 * Whether the session store is still waited for. From the beginning of a drain on it has a second to get something done that
 * it was asked: then nobody waits for it any more, in whatever they are, until it gets something done.
 */
import type { TimerClock } from '../clock.ts';
import { SupervisorError } from '../errors.ts';

/** How long the store may get nothing done, in ms. */
export const STORE_PATIENCE = 1_000;

export class Patience {
  readonly #timers: TimerClock;
  readonly #waiting = new Set<() => void>();
  /** Questions to the store that it has not answered. */
  #asked = 0;
  #isLimited = false;
  #isUsedUp = false;
  /** Runs from a question until the store gets something done, answered or not. */
  #timer: unknown;

  constructor(timers: TimerClock) {
    this.#timers = timers;
  }

  /** Nobody waits for the store now. */
  get isUsedUp(): boolean {
    return this.#isUsedUp;
  }

  /** A drain has begun. */
  limit(): void {
    this.#isLimited = true;
    this.#arm();
  }

  /** The store was asked something. Returns its answer. */
  note<T>(answer: Promise<T>): Promise<T> {
    this.#asked++;
    this.#arm();
    answer.then(this.#answered, this.#failed);
    return answer;
  }

  /** The drain is over. */
  end(): void {
    this.#isLimited = false;
    this.#disarm();
  }

  /** Resolves to true when the promise settles, however it does; to false after `ms`, or when nobody waits any more. */
  wait(ms: number, promise: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (inTime: boolean) => {
        this.#waiting.delete(giveUp);
        this.#timers.clearTimeout(timer);
        resolve(inTime);
      };
      const giveUp = () => settle(false);
      const timer = this.#timers.setTimeout(giveUp, ms);
      promise.then(
        () => settle(true),
        () => settle(true),
      );
      if (this.#isUsedUp) giveUp();
      else this.#waiting.add(giveUp);
    });
  }

  /**
   * What a write comes to, as long as the store is waited for.
   * @throws {SupervisorError} `STORE_FAILED` when it is not.
   */
  written<T>(writing: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(giveUp);
        reject(new SupervisorError('STORE_FAILED', NOTHING_DONE));
      };
      const settled = () => this.#waiting.delete(giveUp);
      writing.finally(settled).then(resolve, reject);
      if (this.#isUsedUp) giveUp();
      else this.#waiting.add(giveUp);
    });
  }

  // --- within

  readonly #answered = (): void => {
    this.#asked--;
    this.#isUsedUp = false;
    this.#disarm();
    this.#arm();
  };

  /** That is no news: what runs goes on. */
  readonly #failed = (): void => {
    this.#asked--;
  };

  #arm(): void {
    if (!this.#isLimited || this.#asked === 0 || this.#isUsedUp || this.#timer !== undefined) return;
    this.#timer = this.#timers.setTimeout(() => this.#useUp(), STORE_PATIENCE);
  }

  #disarm(): void {
    if (this.#timer === undefined) return;
    this.#timers.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #useUp(): void {
    this.#timer = undefined;
    this.#isUsedUp = true;
    for (const giveUp of [...this.#waiting]) giveUp();
  }
}

const NOTHING_DONE = `The session store got nothing done within ${STORE_PATIENCE} ms, and a drain waits for it no longer`;
