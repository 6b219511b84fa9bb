/**
 * Processes that left the group of the one that started them, by `setsid` for instance. Once a group is empty they are
 * looked for by its marker, told of, and ended. Groups that end together share a search.
 */
import type { Clock } from '../clock.ts';
import type { Logger } from '../options/logger.ts';
import type { Marking } from './marker.ts';
import { endMarked, list, type Orphan } from './orphans.ts';

/** The pause between two searches, in ms. */
const PAUSE = 1_000;
/** What they have after a signal at the end of all, in ms. */
const SHORT_GRACE = 300;

export class Escapees {
  readonly #marking: Marking;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #markers = new Set<string>();
  #searching: Promise<void> | undefined;
  #timer: unknown;

  constructor(marking: Marking, clock: Clock, log: Logger) {
    this.#marking = marking;
    this.#clock = clock;
    this.#log = log;
  }

  /** All that is left with this marker has escaped. */
  lookFor(marker: string): void {
    this.#markers.add(marker);
    this.#timer ??= this.#clock.setTimeout(() => this.#search(), PAUSE);
  }

  /** Looks a last time, and has no patience. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#searching;
    await this.#end(SHORT_GRACE);
  }

  #search(): void {
    this.#searching = this.#end(undefined, this.#stop.signal).then(() => {
      this.#searching = undefined;
      this.#timer = undefined;
      if (this.#markers.size > 0 && !this.#stop.signal.aborted) {
        this.#timer = this.#clock.setTimeout(() => this.#search(), PAUSE);
      }
    });
  }

  async #end(grace?: number, stop?: AbortSignal): Promise<void> {
    const markers = this.#markers;
    if (markers.size === 0) return;
    this.#markers = new Set();
    let isDone = false;
    try {
      const search = { marking: this.#marking, wanted: (marker: string) => markers.has(marker) };
      await endMarked(stop === undefined ? search : { ...search, stop }, {
        clock: this.#clock,
        ...(grace !== undefined && { grace }),
        found: (escapees) => this.#tell(escapees),
      });
      isDone = stop?.aborted !== true;
    } catch (error) {
      this.#log({ level: 'error', event: 'escapees.failed', message: 'What is left could not be looked for', error });
    }
    // What was not done is for the next search.
    if (!isDone) for (const marker of markers) this.#markers.add(marker);
  }

  #tell(escapees: readonly Orphan[]): void {
    this.#log({
      level: 'warn',
      event: 'escapees.found',
      message: `Of processes that have ended there are left, outside their groups, and are ended: ${list(escapees)}`,
      pids: escapees.map(({ pid }) => pid),
    });
  }
}
