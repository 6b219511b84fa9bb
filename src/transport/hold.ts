/**
 * What keeps a session active: taken when an exchange finds its session, released exactly once, when the exchange has
 * ended. Whoever has reason to can keep it beyond that.
 */
import type { Reply } from './exchange.ts';

export class Hold {
  #release: (() => void) | undefined;
  #onLeave: (() => void) | undefined;

  constructor(exchange: Reply, release: () => void) {
    this.#release = release;
    exchange.onClose(() => (this.#onLeave ?? this.release).call(this));
  }

  /** Calls the listener when the exchange has ended, instead of releasing: it then has to see to the release. */
  onLeave(listener: () => void): void {
    this.#onLeave = listener;
  }

  release(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}
