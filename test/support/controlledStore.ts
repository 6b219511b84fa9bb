/** An event store that works, until the test has it wait, fail or hang: at each operation the test may step in. */
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { until } from './until.ts';

type Send = Parameters<EventStore['replayEventsAfter']>[1];

/** Called before an operation goes on: it may throw, or return a promise to wait for. */
type Step = (streamId: string) => unknown;

export class ControlledStore implements EventStore {
  /** Everything stored, in order, as text. */
  readonly events: { readonly id: string; readonly streamId: string; readonly json: string }[] = [];
  /** How often each operation was begun. */
  readonly calls = { store: 0, replay: 0 };
  beforeStore: Step = () => {};
  beforeReplay: Step = () => {};
  /** Before each event that is replayed. */
  beforeSend: Step = () => {};

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    this.calls.store++;
    const json = JSON.stringify(message);
    await this.beforeStore(streamId);
    const id = `e${this.events.length}`;
    this.events.push({ id, streamId, json });
    return id;
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.events.find((event) => event.id === id)?.streamId;
  }

  async replayEventsAfter(lastId: string, { send }: Send): Promise<string> {
    this.calls.replay++;
    const at = this.events.findIndex(({ id }) => id === lastId);
    const streamId = this.events[at]?.streamId ?? '';
    await this.beforeReplay(streamId);
    for (const event of this.events.slice(at + 1)) {
      if (event.streamId !== streamId) continue;
      await this.beforeSend(streamId);
      await send(event.id, JSON.parse(event.json));
    }
    return streamId;
  }

  /** Resolves when so many operations of a kind have been begun. */
  async begun(operation: 'store' | 'replay', count: number): Promise<void> {
    await until(() => this.calls[operation] >= count, { what: `operation ${count} of the store (${operation})` });
  }
}

/** A door that is shut until it is opened: what a test has operations wait at. */
export class Door {
  readonly #opened: Promise<void>;
  #open = () => {};

  constructor() {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** Waits for the door to be opened. */
  readonly pass = (): Promise<void> => this.#opened;

  readonly open = (): void => this.#open();
}

/** Never settles. */
export const never = (): Promise<never> => new Promise(() => {});
