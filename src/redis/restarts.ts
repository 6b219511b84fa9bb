/**
 * Whether what Redis does not have is not there. A Redis that was restarted, or took the place of another, may have lost
 * what lives that go on have told it; they tell it again, or are over, within one lease time. Until then what is absent is
 * unknown. Where no node has a lease, nobody is there who could contradict, and absent is gone.
 */
import { SupervisorError } from '../errors.ts';

/** Servers that are remembered; who sees more of them forgets the first, and takes it for a new one when it comes again. */
const MAX_SERVERS = 1_000;

export class Restarts {
  readonly #now: () => number;
  /** The longest lease time that was asked for, in ms; 0 where no lease was. */
  #leaseTime = 0;
  /** When each server was first seen, by its run id. */
  readonly #servers = new Map<string, number>();
  #knowsSome = false;

  /** @param now Ms, by a clock that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A node has a lease: the directory is in use. */
  leased(leaseTime: number): void {
    this.#leaseTime = Math.max(this.#leaseTime, leaseTime);
  }

  /** No node has one any more. */
  unused(): void {
    this.#leaseTime = 0;
  }

  /** What is absent has to be judged by the server that says so. */
  get matters(): boolean {
    return this.#leaseTime > 0;
  }

  /** Takes note of the servers that there are. Those of the first time are as they always were, for all that is known. */
  note(servers: readonly string[]): void {
    for (const info of servers) this.#seen(runId(info));
    if (servers.length > 0) this.#knowsSome = true;
  }

  /**
   * Lets pass what a server does not have, unless that may have been lost.
   * @param info What it says of itself (`INFO server`).
   * @throws {SupervisorError} `STORE_FAILED`
   */
  checkAbsent(info: string): void {
    if (!this.matters) return;
    const uptime = 1_000 * Number(/^uptime_in_seconds:(\d+)/m.exec(info)?.[1] ?? 0);
    const known = this.#now() - this.#seen(runId(info));
    if (uptime >= this.#leaseTime && known >= this.#leaseTime) return;
    throw new SupervisorError(
      'STORE_FAILED',
      'Redis does not have it, and was restarted or replaced less than a lease time ago: it may have been lost',
    );
  }

  /** When a server was first seen; now, if it was not. */
  #seen(id: string): number {
    const seen = this.#servers.get(id);
    if (seen !== undefined) return seen;
    const now = this.#knowsSome ? this.#now() : Number.NEGATIVE_INFINITY;
    this.#servers.set(id, now);
    const [oldest] = this.#servers.keys();
    if (this.#servers.size > MAX_SERVERS && oldest !== undefined) this.#servers.delete(oldest);
    return now;
  }
}

function runId(info: string): string {
  return /^run_id:(\S+)/m.exec(info)?.[1] ?? '';
}
