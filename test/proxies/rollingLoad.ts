/** Clients that count, each in sessions of its own, one call after the other, for as long as nodes are restarted. */
import { setTimeout as passing } from 'node:timers/promises';
import { withTimeout } from '../support/until.ts';
import { connectThrough, type ProxiedClient } from './proxiedClient.ts';

/** How many calls a client makes in a session, and its pause between two, in ms. */
const CALLS = 100;
const PAUSE = 10;

/** A call takes no longer, whatever happens, in ms. */
const WITHIN = 20_000;

export class RollingLoad {
  calls = 0;
  sessions = 0;
  /** What is no right answer, and every status of 400 and more. */
  readonly troubles: string[] = [];
  readonly #url: string;
  readonly #clients: Promise<void>[];
  #isOver = false;

  constructor(url: string, clients: number) {
    this.#url = url;
    this.#clients = Array.from({ length: clients }, () => this.#live());
  }

  /** Resolves when all clients have left. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #live(): Promise<void> {
    while (!this.#isOver && this.troubles.length < 20) {
      const client = await connectThrough(this.#url).catch(
        (error: Error) => void this.troubles.push(`connect: ${error}`),
      );
      if (client === undefined) continue;
      this.sessions++;
      await this.#count(client);
      const seen = [...client.statuses.filter((status) => status >= 400), ...client.told];
      this.troubles.push(...seen.map((what) => `seen: ${what}`));
      await client.close();
    }
  }

  async #count({ call }: ProxiedClient): Promise<void> {
    for (let expected = 1; expected <= CALLS && !this.#isOver; expected++) {
      try {
        const text = await withTimeout(call('count'), { within: WITHIN, what: 'a call' });
        this.calls++;
        // One more would be a call that was sent twice.
        if (text !== String(expected)) this.troubles.push(`count: ${text}, where ${expected} was due`);
      } catch (error) {
        this.troubles.push(`call: ${error}`);
        return;
      }
      await passing(PAUSE);
    }
  }
}
