/**
 * What is to be told once the transition that it tells of is over. Listeners, loggers and whoever else is told may call
 * back into the supervisor, which then has to be in a state that it can answer from: so nothing is told from within a
 * transition, and what comes of the telling is told after it. One queue, first in, first out.
 */
export class Outbox {
  #queue: (() => void)[] = [];
  /** Transitions that are going on, one within the other. */
  #depth = 0;
  #telling = false;
  #scheduled = false;

  /** Does something in which transitions happen; tells what came of them when the outermost is over. */
  during<T>(transition: () => T): T {
    this.enter();
    try {
      return transition();
    } finally {
      this.leave();
    }
  }

  /** A transition goes on. It is over at the end of this turn of the event loop at the latest. */
  get inTransition(): boolean {
    return this.#depth > 0;
  }

  /** A transition begins. Each `enter` has its `leave`, whatever is thrown in between. */
  enter(): void {
    this.#depth++;
  }

  leave(): void {
    if (--this.#depth === 0 && this.#queue.length > 0) this.#tell();
  }

  /** Tells it after the transition that goes on. `tell` must not throw. */
  push(tell: () => void): void {
    this.#queue.push(tell);
    if (this.#depth > 0 || this.#telling || this.#scheduled) return;
    // Somebody made an actor transition without us. It is over when its turn is.
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#tell();
    });
  }

  /** Tells it now, unless a transition goes on or something is being told: then in its turn. */
  tell(tell: () => void): void {
    if (this.#depth > 0 || this.#telling || this.#queue.length > 0) this.push(tell);
    else tell();
  }

  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (const tell of this.#queue) tell(); // those too that are pushed meanwhile
    } finally {
      this.#queue = [];
      this.#telling = false;
    }
  }
}
