/** Event stores, good and bad, and a session's log over one: what the tests of the event log work with. */
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { SupervisorError } from '../../src/errors.ts';
import { EventLog } from '../../src/stores/eventLog.ts';
import { STORE_TIMEOUT } from '../../src/stores/storeOperations.ts';
import { until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

type Send = Parameters<EventStore['replayEventsAfter']>[1];

interface StoredEvent {
  readonly id: string;
  readonly streamId: string;
  /** As a store outside of the process keeps it. */
  readonly json: string;
}

/** A store that keeps the contract: event ids of its own, everything by stream. */
export class GoodStore implements EventStore {
  readonly events: StoredEvent[] = [];

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    const id = `e${this.events.length}`;
    this.events.push({ id, streamId, json: JSON.stringify(message) });
    return id;
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.events.find((event) => event.id === id)?.streamId;
  }

  async replayEventsAfter(lastId: string, { send }: Send): Promise<string> {
    const at = this.events.findIndex((event) => event.id === lastId);
    const streamId = this.events[at]?.streamId ?? '';
    for (const { id, json } of this.events.slice(at + 1).filter((event) => event.streamId === streamId)) {
      await send(id, JSON.parse(json));
    }
    return streamId;
  }
}

/** A store as the reference server has one: knows no streams, and replays everything of everybody. */
class CarelessStore implements EventStore {
  readonly events = new Map<string, JSONRPCMessage>();

  async storeEvent(_: string, message: JSONRPCMessage): Promise<string> {
    const id = `e${this.events.size}`;
    this.events.set(id, message);
    return id;
  }

  async replayEventsAfter(lastId: string, { send }: Send): Promise<string> {
    const entries = [...this.events];
    const at = entries.findIndex(([id]) => id === lastId);
    if (at < 0) return lastId;
    for (const [id, message] of entries.slice(at + 1)) await send(id, message);
    return entries.at(-1)?.[0] ?? lastId;
  }
}

/** A good store that can't say whose an event is before it replays. */
class StoreWithoutLookUp implements EventStore {
  readonly #store = new GoodStore();

  storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    return this.#store.storeEvent(streamId, message);
  }

  replayEventsAfter(lastId: string, send: Send): Promise<string> {
    return this.#store.replayEventsAfter(lastId, send);
  }
}

export const STORES = {
  'a store that keeps the contract': () => new GoodStore(),
  'a store that replays everything of everybody': () => new CarelessStore(),
  'a store without getStreamIdForEventId': () => new StoreWithoutLookUp(),
} as const;

export function note(n: number): JSONRPCMessage {
  return { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 't', progress: n } };
}

/** A message as it is stored. */
export function marked(message: object, key: string): JSONRPCMessage {
  return { ...message, 'mcp-session-supervisor/stream': key } as unknown as JSONRPCMessage;
}

export function openLog(store: EventStore, sessionId = 'session-1', clock = new WatchedClock()): EventLog {
  return new EventLog(store, sessionId, clock);
}

/** What a replay brings: the messages with their ids on the wire, and whether the event was known. */
export async function replay(log: EventLog, eventId: string) {
  const events: (readonly [string, JSONRPCMessage])[] = [];
  const known = await until(
    log.replayAfter(eventId, (message, id) => void events.push([id, message])).then((value) => ({ value })),
  );
  return { known: known.value, events };
}

/** How an operation failed. */
export async function failure(operation: Promise<unknown>): Promise<SupervisorError> {
  const error = await until(
    operation.then(
      () => new Error('It did not fail'),
      (thrown: unknown) => thrown as Error,
    ),
  );
  expect(error).toBeInstanceOf(SupervisorError);
  expect(error).toHaveProperty('code', 'EVENT_STORE_FAILED');
  return error as SupervisorError;
}

/** A store that works, but for some of its methods. */
export function storeBut(broken: Partial<EventStore>): EventStore {
  const good = new GoodStore();
  return {
    storeEvent: (streamId, message) => good.storeEvent(streamId, message),
    replayEventsAfter: (lastId, send) => good.replayEventsAfter(lastId, send),
    ...broken,
  };
}

export const late = `The event store did not answer within ${STORE_TIMEOUT} ms`;

export const NEVER = () => new Promise<never>(() => {});
