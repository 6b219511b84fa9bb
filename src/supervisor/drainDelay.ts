/**
 * The time between not ready and refusing: balancers learn that this process leaves while it still serves all that they
 * send. The supervisor accepts until it is over, so no machine knows of it.
 */
import { MAX_DELAY } from '../clock.ts';
import { invalid } from '../errors.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import type { SupervisorActor } from './sessionTree.ts';

/** What is delayed. */
export interface Delayed {
  readonly accepting: boolean;
  readonly actor: SupervisorActor;
  readonly options: Pick<ResolvedOptions, 'clock'>;
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
  /** When it is over, by the supervisor's clock; undefined while nobody waits for that. */
  #until: number | undefined;
  #timeout: number | undefined;
  #begun: Promise<void> | undefined;
  #begin = () => {};

  constructor(delayed: Delayed) {
    this.#delayed = delayed;
  }

  /** Requests should not be sent here any more. */
  get isLeaving(): boolean {
    return this.#begun !== undefined;
  }

  /**
   * Drains in `delay` ms. Of several who ask the one who wants it first has it begin; it has the timeout that was named
   * last, if any was.
   */
  async drain(delay: number, timeout: number | undefined): Promise<void> {
    const { clock } = this.#delayed.options;
    if (timeout !== undefined) this.#timeout = timeout;
    if (this.#delayed.accepting && delay > 0) await this.#wait(clock.now() + delay, delay);
    else this.#over();
    return this.#delayed.drain(this.#timeout);
  }

  #wait(until: number, delay: number): Promise<void> {
    const { clock } = this.#delayed.options;
    this.#begun ??= this.#leave(delay);
    if (this.#until === undefined || until < this.#until) {
      this.#until = until;
      clock.clearTimeout(this.#timer);
      this.#timer = clock.setTimeout(() => this.#over(), delay);
    }
    return this.#begun;
  }

  async #leave(delay: number): Promise<void> {
    const { actor, log } = this.#delayed;
    const over = new Promise<void>((resolve) => {
      this.#begin = resolve;
    });
    log.call(this.#delayed, {
      level: 'info',
      event: 'supervisor.leaving',
      message: `Not ready from now on; the drain begins in ${delay} ms`,
      delay,
    });
    // Somebody may stop the root meanwhile, which is a drain.
    const watching = actor.subscribe({ next: ({ value }) => void (value !== 'accepting' && this.#over()) });
    await over;
    watching.unsubscribe();
  }

  #over(): void {
    this.#delayed.options.clock.clearTimeout(this.#timer);
    this.#begin();
  }
}
