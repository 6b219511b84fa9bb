/**
 * The end of an exchange, and whoever waits for it. Each is told once; the last one first, so that what was begun first
 * ends last. One that throws does not keep the others from being told.
 */
import type { LogEntry } from '../options.ts';

export class Closing {
  #over: boolean;
  #listeners: (() => void)[] = [];
  readonly #host: { log(entry: LogEntry): void };

  constructor(over: boolean, host: { log(entry: LogEntry): void }) {
    this.#over = over;
    this.#host = host;
  }

  /** The exchange has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Calls the listener when the exchange ends; at once if it has. */
  add(listener: () => void): void {
    if (this.#over) listener();
    else this.#listeners.push(listener);
  }

  /** The exchange ends; doing so twice is harmless. */
  end(): void {
    this.#over = true;
    const listeners = this.#listeners;
    if (listeners.length === 0) return;
    this.#listeners = [];
    for (const listener of listeners.reverse()) {
      try {
        listener();
      } catch (error) {
        const message = 'What was to be done at the end of a response failed';
        this.#host.log({ level: 'error', event: 'response.failed', message, error });
      }
    }
  }
}
