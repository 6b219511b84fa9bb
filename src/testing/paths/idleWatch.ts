/**
 * How long a session may have been idle already, in real time. Where the machine or the server is busy, an idle timeout
 * may pass by itself, and a session that is gone then says nothing about its server.
 */

/** How much of an idle timeout may have passed before a session counts as perhaps ended. */
const IN_TIME = 0.9;

/** A walk took more time than its plan allows: what was seen says nothing about the server. */
export class Slip extends Error {
  override readonly name = 'Slip';
}

export class IdleWatch {
  readonly #limit: number;
  #used = performance.now();

  /** `idleTimeout` in ms; without one, or in simulated time, nothing is ever late. */
  constructor(idleTimeout: number | null) {
    this.#limit = idleTimeout === null ? Number.POSITIVE_INFINITY : IN_TIME * idleTimeout;
  }

  /** The server saw the session used then, or later. */
  used(at: number): void {
    this.#used = Math.max(this.#used, at);
  }

  /** Says whether something has lasted so long that an idle timeout may have cut it. */
  isOld(begun: number): boolean {
    return performance.now() - begun > this.#limit;
  }

  /** @throws {Slip} where the session may have ended by itself, and rightly. */
  expectInTime(): void {
    if (this.isOld(this.#used)) throw new Slip();
  }
}
