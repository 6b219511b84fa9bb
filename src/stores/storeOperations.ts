/**
 * What one session has its event store do: operations that settle once and in time, whatever the store does. Each is
 * bounded by the time since the store was last heard of, and the end of the session sets all of them one deadline.
 * Knows time and failure; nothing of events.
 */
import type { TimerClock } from '../clock.ts';
import { SupervisorError } from '../errors.ts';

/** How long a store may take over one event, or from one replayed event to the next, in ms. */
export const STORE_TIMEOUT = 5_000;

/** An operation, as the code sees it that talks to the store. */
export interface StoreOperation {
  /** It has settled: what the store still does for it counts for nothing. */
  readonly over: boolean;
  /** The store was heard of, so its time begins anew, where the operation has one of its own. */
  heard(): void;
  /** Fails the operation, unless it is over. */
  fail(message: string, cause?: unknown): void;
}

const late = (limit: number) => `The event store did not answer within ${limit} ms`;

export class StoreOperations {
  readonly #timers: TimerClock;
  readonly #running = new Set<StoreOperation>();
  #onQuiet: (() => void) | undefined;
  /** There is one deadline for all, instead of a time for each. */
  #bounded = false;
  /** That deadline, in ms, once it is over. */
  #missed: number | undefined;

  constructor(timers: TimerClock) {
    this.#timers = timers;
  }

  /**
   * Runs an operation; what it throws, or rejects with, is the store's failure.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`, also when nothing is heard of the store for `STORE_TIMEOUT`
   */
  run<T>(operate: (operation: StoreOperation) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let timer: unknown;
      const settle = () => {
        operation.over = true;
        this.#timers.clearTimeout(timer);
        this.#running.delete(operation);
        if (this.quiet) this.#onQuiet?.();
      };
      const operation = {
        over: false,
        heard: () => {
          if (operation.over) return;
          this.#timers.clearTimeout(timer);
          if (this.#bounded) return;
          timer = this.#timers.setTimeout(() => operation.fail(late(STORE_TIMEOUT)), STORE_TIMEOUT);
        },
        fail: (message: string, cause?: unknown) => {
          if (operation.over) return;
          settle();
          reject(new SupervisorError('EVENT_STORE_FAILED', message, { cause }));
        },
      };
      this.#running.add(operation);
      operation.heard();
      operate(operation).then(
        (value) => {
          if (operation.over) return;
          settle();
          resolve(value);
        },
        (cause: unknown) => operation.fail('The event store failed', cause),
      );
      // What is begun after the deadline is done, if the store does it, but nobody waits for it.
      if (this.#missed !== undefined) operation.fail(late(this.#missed));
    });
  }

  /**
   * Fails in `limit` ms whatever runs then, and everything after that at once. From now on no operation has a time of
   * its own. Returns what lifts the deadline.
   */
  setDeadline(limit: number): () => void {
    this.#bounded = true;
    for (const operation of this.#running) operation.heard();
    const timer = this.#timers.setTimeout(() => {
      this.#missed = limit;
      for (const operation of [...this.#running]) operation.fail(late(limit));
    }, limit);
    return () => this.#timers.clearTimeout(timer);
  }

  /** Nothing runs. */
  get quiet(): boolean {
    return this.#running.size === 0;
  }

  /** Resolves when nothing runs. */
  async settled(): Promise<void> {
    if (this.quiet) return;
    await new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
    });
  }
}
