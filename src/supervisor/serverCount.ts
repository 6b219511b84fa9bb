/**
 * How many servers of the embedder's live: those that are being built, those in use and those that are being closed. What
 * they hold is not the supervisor's to see, so they are bounded together, in sessions' terms: twice `maxSessions`.
 */

/** Where in its life a server is. */
export type ServerPhase = 'starting' | 'open' | 'closing';

/** For each session one server in use, and one more that is not used yet or any more. */
const SERVERS_PER_SESSION = 2;

export class ServerCount {
  starting = 0;
  open = 0;
  closing = 0;
  readonly #limit: number;

  constructor(maxSessions: number) {
    this.#limit = SERVERS_PER_SESSION * maxSessions;
  }

  /** There is no room for another one. */
  get full(): boolean {
    return this.starting + this.open + this.closing >= this.#limit;
  }

  /** A server goes from one phase to the next; `undefined` is before and after its life. */
  move(from: ServerPhase | undefined, to: ServerPhase | undefined): void {
    if (from !== undefined) this[from]--;
    if (to !== undefined) this[to]++;
  }
}
