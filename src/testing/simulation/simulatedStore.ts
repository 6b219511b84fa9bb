/** The event store of a simulation: it keeps everything, and may take its time over each operation, or fail it. */
import type { SessionSupervisorOptions } from '../../index.ts';

type EventStore = NonNullable<SessionSupervisorOptions['eventStore']>;
type Message = Parameters<EventStore['storeEvent']>[1];
type Send = Parameters<EventStore['replayEventsAfter']>[1];

interface StoredEvent {
  readonly id: string;
  readonly streamId: string;
  readonly json: string;
}

/** What the world does with a store's operations on a session's events. */
export interface StoreWorld {
  /** The store is called. Throws, or returns what it returns instead, where it does what it should not. */
  called(sessionId: string): unknown;
  /** Waits, where the schedule wants it, before an operation goes on; may reject. */
  gate(sessionId: string, what: string): Promise<void> | undefined;
}

export class SimulatedStore implements EventStore {
  /** Operations that have begun and not ended. */
  pending = 0;
  readonly #world: StoreWorld;
  #events: StoredEvent[] = [];
  #lastId = 0;

  constructor(world: StoreWorld) {
    this.#world = world;
  }

  storeEvent(streamId: string, message: Message): Promise<string> {
    const json = JSON.stringify(message);
    return this.#operation(streamId, 'store', () => {
      const id = `e_${++this.#lastId}`;
      this.#events.push({ id, streamId, json });
      return id;
    });
  }

  getStreamIdForEventId(id: string): Promise<string | undefined> {
    const streamId = this.#find(id)?.streamId;
    return this.#operation(streamId ?? '', 'look up', () => this.#find(id)?.streamId);
  }

  async replayEventsAfter(lastId: string, { send }: Send): Promise<string> {
    const last = this.#find(lastId);
    if (last === undefined) return '';
    const { streamId } = last;
    await this.#operation(streamId, 'replay', () => {});
    for (let event = this.#next(last); event !== undefined; event = this.#next(event)) {
      const { id, json } = event;
      await this.#operation(streamId, 'replay one', () => send(id, JSON.parse(json) as Message));
    }
    return streamId;
  }

  /** Drops what it has of a session; the supervisor says so when the session has ended. */
  forget(prefix: string): Promise<void> {
    return this.#operation(prefix, 'forget', () => {
      this.#events = this.#events.filter(({ streamId }) => !streamId.startsWith(prefix));
    });
  }

  #find(id: string): StoredEvent | undefined {
    return this.#events.find((event) => event.id === id);
  }

  #next(last: StoredEvent): StoredEvent | undefined {
    const at = this.#events.indexOf(last);
    return at < 0 ? undefined : this.#events.slice(at + 1).find(({ streamId }) => streamId === last.streamId);
  }

  #operation<T>(streamId: string, what: string, run: () => T | Promise<T>): Promise<T> {
    const sessionId = decodeURIComponent(streamId.slice(0, streamId.lastIndexOf(':')));
    const instead = this.#world.called(sessionId) as Promise<T> | undefined;
    return this.#counted(instead ?? this.#gated(sessionId, what, run));
  }

  async #gated<T>(sessionId: string, what: string, run: () => T | Promise<T>): Promise<T> {
    await this.#world.gate(sessionId, what);
    return await run();
  }

  async #counted<T>(operation: Promise<T>): Promise<T> {
    this.pending++;
    try {
      return await operation;
    } finally {
      this.pending--;
    }
  }
}
