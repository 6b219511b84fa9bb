/**
 * Ends sessions on time that have no incarnation, without bringing them back: their records say when. Those that live
 * here end by their actors.
 */
import type { Clock } from '../clock.ts';
import type { LogEntry } from '../options.ts';
import type { ExpiredSession } from '../stores/sessionStore.ts';
import { once } from './persistence.ts';
import { overdue, type Records } from './records.ts';
import { Ticker } from './ticker.ts';

/** How often it is looked at, in ms. */
const SWEEP_INTERVAL = 1_000;

/** Sessions that are looked up in one go, and ended at a time. */
const BATCH = 100;

/** How many of these one sweep is: a store that always gives the same would be asked for ever. */
const MAX_BATCHES = 1_000;

/** A store that fails is told of once in so many sweeps. */
const TOLD_EVERY = 60;

export interface ExpiryHost {
  /** The session is one that lives here, or is being brought back. */
  livesHere(id: string): boolean;
  log(entry: LogEntry): void;
}

export class Expiry {
  readonly #records: Records;
  readonly #clock: Clock;
  readonly #host: ExpiryHost;
  readonly #ticker: Ticker;
  #failures = 0;
  #stopped = false;

  constructor(records: Records, clock: Clock, host: ExpiryHost) {
    this.#records = records;
    this.#clock = clock;
    this.#host = host;
    this.#ticker = new Ticker(clock, SWEEP_INTERVAL, () => this.#sweep());
  }

  start(): void {
    this.#ticker.start();
  }

  stop(): void {
    this.#stopped = true;
    this.#ticker.stop();
  }

  async #sweep(): Promise<boolean> {
    try {
      const { store } = this.#records;
      let after: ExpiredSession | undefined;
      for (let n = 0; n < MAX_BATCHES && !this.#stopped; n++) {
        const from = after;
        const batch = await once(this.#clock, () => store.expired(this.#clock.now(), BATCH, from));
        await Promise.all(batch.map((session) => this.#end(session)));
        if (batch.length < BATCH) break;
        after = batch.at(-1);
        await Ticker.pause();
      }
      await this.#records.refresh();
      this.#failures = 0;
    } catch (error) {
      if (this.#failures++ % TOLD_EVERY === 0 && !this.#stopped) {
        const message = 'The session store could not be asked which sessions have ended; it is asked again';
        this.#host.log({ level: 'warn', event: 'sessionStore.failed', message, error });
      }
    }
    return true;
  }

  async #end({ id, epoch }: ExpiredSession): Promise<void> {
    if (this.#host.livesHere(id) || this.#records.isEnding(id)) return;
    const loaded = await once(this.#clock, () => this.#records.store.load(id));
    if (loaded.verdict === 'unreadable') return this.#records.discard(id, epoch);
    if (loaded.verdict === 'gone' || this.#host.livesHere(id) || this.#records.isEnding(id)) return;
    const reason = overdue(loaded.record, this.#clock.now());
    if (reason === undefined || (await this.#records.isElsewhere(loaded.record))) return;
    await this.#records.end(loaded.record, reason);
  }
}
