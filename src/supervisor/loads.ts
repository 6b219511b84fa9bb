/**
 * Reads of records: one for all who ask for the same at the same time, so many at a time, and so many that wait for their
 * turn, none of them for longer than a read may take.
 */
import type { TimerClock } from '../clock.ts';
import type { Loaded, SessionStore } from '../stores/sessionStore.ts';
import { once, STORE_TIMEOUT } from './persistence.ts';

/** Reads of records at a time, and how many may wait for their turn. */
const MAX_LOADS = 64;
const MAX_WAITING_LOADS = 16_384;

export class Loads {
  readonly #store: Pick<SessionStore, 'load'>;
  readonly #timers: TimerClock;
  /** Those that go on, by id. */
  readonly #going = new Map<string, Promise<Loaded>>();
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(store: Pick<SessionStore, 'load'>, timers: TimerClock) {
    this.#store = store;
    this.#timers = timers;
  }

  /** Reads a record, whoever else reads it at the same time. Rejects when the store does, or when too many wait. */
  load(id: string): Promise<Loaded> {
    const going = this.#going.get(id);
    if (going !== undefined) return going;
    const load = this.#turn(() => once(this.#timers, () => this.#store.load(id))).finally(() => {
      if (this.#going.get(id) === load) this.#going.delete(id);
    });
    this.#going.set(id, load);
    return load;
  }

  /** What is being read of it may be of before something that happens now: whoever asks from now on has it read anew. */
  outdate(id: string): void {
    this.#going.delete(id);
  }

  async #turn<T>(operate: () => Promise<T>): Promise<T> {
    if (this.#running < MAX_LOADS) this.#running++;
    else await this.#wait();
    try {
      return await operate();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /** Waits for the turn that somebody else gives away. */
  #wait(): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING_LOADS) throw new Error('Too many records are being read');
    return new Promise((resolve, reject) => {
      const go = () => {
        this.#waiting.delete(go);
        this.#timers.clearTimeout(timer);
        resolve();
      };
      const timer = this.#timers.setTimeout(() => {
        this.#waiting.delete(go);
        reject(new Error(`No record could be read within ${STORE_TIMEOUT} ms`));
      }, STORE_TIMEOUT);
      this.#waiting.add(go);
    });
  }
}
