/** One use of a handle, for as long as it runs. */
import { guardedSignal } from './guardedSignal.ts';

/** What a use gets besides the value. */
export interface Used {
  /**
   * Aborted when the handle has ended while this use of it runs; `close` follows when all uses have settled, after
   * `shutdownTimeout` at the latest.
   */
  readonly signal: AbortSignal;
}

export class HandleUse implements Used {
  readonly #failed: (error: unknown) => void;
  #controller: AbortController | undefined;
  #aborted = false;

  /** `failed` is told what a listener of the signal throws, or rejects with. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Made when asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      guardedSignal(this.#controller.signal, this.#failed);
    }
    if (this.#aborted) this.#controller.abort();
    return this.#controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort();
  }
}
