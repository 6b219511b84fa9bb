/**
 * Starts wait here for their turn. Starting a process holds up the event loop, and a process that has just been started
 * takes a processor for a while: so a few start at a time, and one in each turn of the loop.
 */
import { nextTurn } from '../clock.ts';
import { SupervisorError } from '../errors.ts';

/** How many start at a time, and how many may wait for that. */
export const STARTS_AT_ONCE = 4;
export const MOST_WAITING = 1_024;

interface Waiting {
  readonly go: (done: () => void) => void;
  readonly refuse: (error: unknown) => void;
}

export class StartQueue {
  readonly #waiting = new Set<Waiting>();
  #starting = 0;
  #turnIsOver = true;
  #closed = false;

  /**
   * Resolves when it is its turn, with what has to be called once the start is over. Rejects with the signal's reason.
   * @throws {SupervisorError} `SPAWN_UNAVAILABLE` when too many wait, or it is closed.
   */
  turn(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#closed) return reject(closed());
      if (this.#waiting.size >= MOST_WAITING) {
        return reject(new SupervisorError('SPAWN_UNAVAILABLE', `${MOST_WAITING} processes wait to be started already`));
      }
      const settle = () => {
        this.#waiting.delete(waiting);
        signal.removeEventListener('abort', abandon);
      };
      const waiting: Waiting = {
        go: (done) => {
          settle();
          resolve(done);
        },
        refuse: (error) => {
          settle();
          reject(error);
        },
      };
      const abandon = () => waiting.refuse(signal.reason);
      signal.addEventListener('abort', abandon, { once: true });
      this.#waiting.add(waiting);
      this.#next();
    });
  }

  /** Nobody is started any more. */
  close(): void {
    this.#closed = true;
    for (const { refuse } of [...this.#waiting]) refuse(closed());
  }

  #next(): void {
    if (!this.#turnIsOver || this.#starting >= STARTS_AT_ONCE) return;
    const [waiting] = this.#waiting;
    if (waiting === undefined) return;
    this.#starting++;
    this.#turnIsOver = false;
    nextTurn(() => {
      this.#turnIsOver = true;
      this.#next();
    });
    let over = false;
    waiting.go(() => {
      if (over) return;
      over = true;
      this.#starting--;
      this.#next();
    });
  }
}

function closed(): SupervisorError {
  return new SupervisorError('SPAWN_UNAVAILABLE', 'No process is started any more: the launcher is closed');
}
