/**
 * Writes down when sessions were last active, for whoever has to judge later whether they have been idle for too long.
 * Not with each request: the first after a pause at once, and from then on every 30 s until the session is idle.
 */
import type { Clock } from '../clock.ts';
import { Ticker } from './ticker.ts';

/** At most so long does a record know less than what happened, in ms. */
export const ACTIVITY_INTERVAL = 30_000;

/** Sessions whose activity is written in one go; then others have their turn. */
const SLICE = 256;

/** What is known of a session that was active. */
export interface ActiveSession {
  readonly isIdle: boolean;
  /** When its activity was written last, in ms since the epoch. */
  readonly writtenAt: number;
  writeActivity(): void;
}

export class Activity {
  readonly #clock: Clock;
  readonly #ticker: Ticker;
  /** Those that have been active since their activity was written. */
  readonly #sessions = new Set<ActiveSession>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ticker = new Ticker(clock, ACTIVITY_INTERVAL, () => this.#writeAll());
  }

  /** The session is active. */
  note(session: ActiveSession): void {
    if (this.#sessions.has(session)) return;
    this.#sessions.add(session);
    if (this.#clock.now() - session.writtenAt >= ACTIVITY_INTERVAL) session.writeActivity();
    this.#ticker.start();
  }

  /** The session has left this process, or has written its activity itself. */
  forget(session: ActiveSession): void {
    this.#sessions.delete(session);
  }

  stop(): void {
    this.#sessions.clear();
    this.#ticker.stop();
  }

  async #writeAll(): Promise<boolean> {
    let n = 0;
    for (const session of this.#sessions) {
      if (session.isIdle) this.#sessions.delete(session); // nothing more is to be said of it
      session.writeActivity();
      if (++n % SLICE === 0) await Ticker.pause();
    }
    return this.#sessions.size > 0;
  }
}
