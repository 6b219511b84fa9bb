/** The SDK's clients (v1), each with a session, a GET stream and a counter of its own, which it counts up again and again. */
import { setTimeout as passing } from 'node:timers/promises';
import { type Connected, connectClient } from '../support/client.ts';
import { withTimeout } from '../support/until.ts';

/** A call takes no longer, whatever happens, in ms. */
const WITHIN = 30_000;

/** A client's pause between two calls, in ms, and how many calls it makes in a session. */
const PAUSE = 20;
const CALLS = 60;

/** What a client saw that is no right answer. */
export interface Trouble {
  readonly what: string;
  /** When it was asked for, and when it failed, in ms. */
  readonly begin: number;
  readonly end: number;
}

export class SdkLoad {
  readonly troubles: Trouble[] = [];
  /** What was told to `onerror`. */
  readonly told: Trouble[] = [];
  calls = 0;
  sessions = 0;
  /** The longest that a call took, in ms. */
  longest = 0;
  readonly #url: string;
  readonly #clients: Promise<void>[];
  #isOver = false;

  constructor(url: string, clients: number) {
    this.#url = url;
    this.#clients = Array.from({ length: clients }, (_, n) => this.#client(`client-${n}`));
  }

  /** Resolves when all clients have left. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #client(name: string): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      const life = { isOver: false };
      const connected = await this.#connect(life);
      if (connected === undefined) continue;
      this.sessions++;
      await this.#count(connected, `${name}.${n}`);
      life.isOver = true; // what it hears now comes of its leaving
      await connected.close();
    }
  }

  async #connect(life: { readonly isOver: boolean }): Promise<Connected | undefined> {
    const begin = performance.now();
    try {
      return await connectClient(this.#url, {
        autoClose: false,
        prepare: (client) => {
          client.onerror = ({ message }) => {
            if (!life.isOver) this.told.push({ what: message, begin: 0, end: performance.now() });
          };
        },
      });
    } catch (error) {
      this.#failed('connect', begin, error);
      return undefined;
    }
  }

  async #count({ call, sessionId }: Connected, mark: string): Promise<void> {
    let expected = 0;
    for (let n = 0; n < CALLS && !this.#isOver; n++) {
      const begin = performance.now();
      try {
        const text = await withTimeout(call('increment', { mark }), { within: WITHIN, what: 'a call' });
        const { value, session, mark: told } = JSON.parse(text);
        this.calls++;
        this.longest = Math.max(this.longest, performance.now() - begin);
        // After a call that failed, it may count or not.
        if (value !== ++expected || session !== sessionId || told !== mark) {
          this.#failed('count', begin, new Error(`${text}, where ${expected} of ${mark} in ${sessionId} was due`));
        }
        expected = value;
      } catch (error) {
        this.#failed('call', begin, error);
        const text = await withTimeout(call('read', { mark }), { within: WITHIN, what: 'a read' }).catch(
          () => undefined,
        );
        if (text === undefined) return;
        expected = JSON.parse(text).value;
      }
      await passing(PAUSE);
    }
  }

  #failed(doing: string, begin: number, error: unknown): void {
    const { message, cause } = error as Error & { readonly cause?: Error };
    const what = `${doing}: ${message}${cause === undefined ? '' : ` (${cause.message})`}`;
    this.troubles.push({ what, begin, end: performance.now() });
  }
}
