/**
 * Who has the GET stream when two want it. It belongs to one connection (each message goes to exactly one stream). A
 * second one gets it when the first is closed or its peer takes nothing any more. Whether a silent peer is alive can't
 * be seen from here, though: so the second is refused at first, and gets the stream if it asks again within
 * `INSISTENCE`. Nobody is locked out by a connection that only seems to live, and two clients that share a session and
 * don't insist leave one another alone.
 */
import type { Clock } from '../clock.ts';
import type { MessageStream } from './messageStream.ts';

/** For how long a refusal is remembered, in ms. */
const INSISTENCE = 60_000;

export class Takeover {
  readonly #clock: Clock;
  #refusedAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a new connection may have the stream. */
  allows(stream: MessageStream): boolean {
    const now = this.#clock.now();
    const insists = this.#refusedAt !== undefined && now - this.#refusedAt <= INSISTENCE;
    if (!stream.connected || stream.stalled || insists) {
      this.#refusedAt = undefined;
      return true;
    }
    this.#refusedAt = now;
    stream.probe(); // a host that knows nothing of the connection any more answers with a reset
    return false;
  }

  /** Forgets who was refused: somebody else has got the stream. */
  forget(): void {
    this.#refusedAt = undefined;
  }
}
