/**
 * The time between not ready and refusing: balancers learn that this process leaves while it still serves all that they
 * send. The supervisor accepts until it is over, so no machine knows of it.
 */
import { MAX_DELAY } from '../clock.ts';
import { invalid } from '../errors.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import type { DrainStats } from './drainStats.ts';
import type { SupervisorActor } from './sessionTree.ts';

/** What is delayed. */
export interface Delayed {
  readonly accepting: boolean;
  readonly actor: SupervisorActor;
  readonly options: Pick<ResolvedOptions, 'clock'>;
  /** How far the drain itself has come. */
  readonly load: { readonly drain: DrainStats | undefined };
  drain(timeout: number | undefined): Promise<void>;
  log(entry: LogEntry): void;
}

/** @throws {SupervisorError} `INVALID_OPTION` */
export function checkDrainDelay(delay: unknown): void {
  if (delay === undefined || (typeof delay === 'number' && delay >= 0 && delay <= MAX_DELAY)) return;
  invalid('The delay of a drain', delay, `a number of milliseconds from 0 to ${MAX_DELAY}`);
}

export class DrainDelay {
  readonly #delayed: Delayed;
  #timer: unknown;
  /** When it is over, by the supervisor's clock. */
  #until = Number.POSITIVE_INFINITY;
  #since = 0;
  #timeout: number | undefined;
  /** Resolves when it is over; undefined as long as nobody wants to leave. */
  #over: Promise<void> | undefined;
  #isOver = false;
  /** Ends it. */
  #end = () => {};

  constructor(delayed: Delayed) {
    this.#delayed = delayed;
  }

  /** Requests should not be sent here any more. */
  get isLeaving(): boolean {
    return this.#over !== undefined;
  }

  /** How far it has come; undefined as long as nobody wants to leave. */
  get stats(): DrainStats | undefined {
    const leaving: DrainStats = { phase: 'leaving', since: this.#since, until: this.#until };
    return this.#delayed.load.drain ?? (this.isLeaving ? leaving : undefined);
  }

  /**
   * Drains in `delay` ms. Of several who ask the one who wants it first has it begin; it has the timeout that was named
   * last, if any was.
   */
  async drain(delay: number, timeout: number | undefined): Promise<void> {
    if (timeout !== undefined) this.#timeout = timeout;
    if (delay > 0 && this.#delayed.accepting) await this.#wait(delay);
    return this.#delayed.drain(this.#timeout);
  }

  #wait(delay: number): Promise<void> {
    const { clock } = this.#delayed.options;
    const now = clock.now();
    const until = now + delay;
    const isFirst = this.#over === undefined;
    if (isFirst) this.#since = now;
    this.#over ??= this.#begin();
    if (until < this.#until && !this.#isOver) {
      this.#until = until;
      clock.clearTimeout(this.#timer);
      this.#timer = clock.setTimeout(() => this.#end(), delay);
    }
    // Whoever is told may have it begin at once.
    if (isFirst) this.#tell(delay);
    return this.#over;
  }

  #begin(): Promise<void> {
    const { actor, options } = this.#delayed;
    // A drain without a delay ends it, whoever wanted that one; and so does the end of the root.
    const end = () => this.#end();
    const watching = actor.subscribe({
      next: ({ value }) => void (value !== 'accepting' && end()),
      complete: end,
      error: end,
    });
    return new Promise((resolve) => {
      this.#end = () => {
        this.#isOver = true;
        options.clock.clearTimeout(this.#timer);
        watching.unsubscribe();
        resolve();
      };
    });
  }

  #tell(delay: number): void {
    const message = `Not ready from now on; the drain begins in ${delay} ms`;
    this.#delayed.log({ level: 'info', event: 'supervisor.leaving', message, delay });
  }
}
