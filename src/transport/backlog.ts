/**
 * What the server of a later incarnation tells its client by itself before that has opened a GET stream again: a client
 * that comes back after a restart sends its POSTs at once, and its GET when its `retry` is over. Notifications alone: a
 * question has somebody who waits for its answer, and hears that nobody is there.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../clock.ts';
import { isRequest } from '../protocol/messages.ts';

/** How many messages wait for one client, and how many characters of them as JSON; the oldest are lost first. */
const MAX_MESSAGES = 64;
const MAX_LENGTH = 65_536;

interface Waiting {
  readonly json: string;
  readonly until: number;
}

export class Backlog {
  readonly #clock: Clock;
  readonly #patience: number;
  readonly #waiting: Waiting[] = [];
  #length = 0;

  /** A message waits for `patience` ms. */
  constructor(clock: Clock, patience: number) {
    this.#clock = clock;
    this.#patience = patience;
  }

  /** Keeps a message, as it is now. Returns whether it may wait. */
  keep(message: JSONRPCMessage): boolean {
    if (isRequest(message)) return false;
    const json = JSON.stringify(message);
    if (json.length > MAX_LENGTH) return false;
    this.#waiting.push({ json, until: this.#clock.now() + this.#patience });
    this.#length += json.length;
    while (this.#waiting.length > MAX_MESSAGES || this.#length > MAX_LENGTH || this.#isOver(this.#waiting[0])) {
      this.#length -= this.#waiting.shift()?.json.length ?? 0;
    }
    return true;
  }

  /** Those that wait, in order; none waits any more. */
  take(): JSONRPCMessage[] {
    this.#length = 0;
    const waiting = this.#waiting.splice(0).filter((message) => !this.#isOver(message));
    return waiting.map(({ json }) => JSON.parse(json) as JSONRPCMessage);
  }

  #isOver(waiting: Waiting | undefined): boolean {
    return waiting !== undefined && waiting.until <= this.#clock.now();
  }
}
