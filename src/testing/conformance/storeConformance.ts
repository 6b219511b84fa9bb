/** The contract of an event store as cases that any test runner can run. */
import { deepStrictEqual, fail, match, ok, rejects, strictEqual } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { ANY_JSON, LARGE, note } from './storedMessages.ts';

/** A store, and what has to be done when its case is over. */
export interface OpenedStore {
  readonly store: EventStore;
  dispose?(): unknown;
}

/** One case of the contract. */
export interface StoreCase {
  /** What the store has to do, in one sentence. */
  readonly name: string;
  /** Opens a store and tries it; rejects with an `AssertionError` where the store does otherwise. */
  run(): Promise<void>;
}

interface Replayed {
  readonly id: string;
  readonly message: JSONRPCMessage;
}

/** A store under test, with streams of its own: what else it may hold does not matter. */
class Subject {
  readonly store: EventStore;
  readonly #run = randomUUID();

  constructor(store: EventStore) {
    this.store = store;
  }

  /** A stream id as the supervisor makes them. */
  stream(name: string | number): string {
    return `conformance-${this.#run}:${name}`;
  }

  async append(stream: string, ...messages: JSONRPCMessage[]): Promise<Replayed[]> {
    const appended: Replayed[] = [];
    for (const message of messages) appended.push({ id: await this.store.storeEvent(stream, message), message });
    return appended;
  }

  /** What a replay sends, and what it says at last. */
  async replay(lastEventId: string): Promise<{ sent: Replayed[]; stream: string }> {
    const sent: Replayed[] = [];
    const send = async (id: string, message: JSONRPCMessage) => {
      sent.push({ id, message: plain(message) });
    };
    return { stream: await this.store.replayEventsAfter(lastEventId, { send }), sent };
  }

  /** Every event but the first one is replayed after the one before, in order, to the end. */
  async expectReplayable(stream: string, events: readonly Replayed[]): Promise<void> {
    for (const [at, { id }] of events.entries()) {
      deepStrictEqual(await this.replay(id), { stream, sent: events.slice(at + 1) });
    }
  }

  /** An event id that the store does not know is answered by an empty stream id or a rejection. */
  async expectUnknown(eventId: string): Promise<void> {
    const sent: string[] = [];
    const send = async (id: string) => void sent.push(id);
    const answer = await this.store.replayEventsAfter(eventId, { send }).catch(() => '');
    strictEqual(answer, '', `${label(eventId)} is no event, and was taken for one of ${label(String(answer))}`);
    deepStrictEqual(sent, [], `${label(eventId)} is no event, and something was replayed after it`);
  }
}

const CASES: Readonly<Record<string, (subject: Subject) => Promise<void>>> = {
  'gives every event an id of its own': async (subject) => {
    const ids = new Set<string>();
    for (let n = 0; n < 100; n++) {
      for (const stream of [subject.stream(0), subject.stream(1)]) {
        ids.add(await subject.store.storeEvent(stream, note(0)));
      }
    }
    strictEqual(ids.size, 200, 'Events of the same text got the same id');
  },

  'makes event ids of 1 to 1000 visible ASCII characters, as headers take them': async (subject) => {
    for (const stream of [subject.stream('%20'), subject.stream(`long${'g'.repeat(500)}`)]) {
      for (const { id } of await subject.append(stream, note(0), note(1))) match(id, /^[\x21-\x7E]{1,1000}$/);
    }
  },

  'replays what came after an event: all of it, in order, under the ids that it has': async (subject) => {
    const stream = subject.stream(0);
    await subject.expectReplayable(
      stream,
      await subject.append(stream, ...Array.from({ length: 50 }, (_, n) => note(n))),
    );
  },

  'replays the same again when it is asked again': async (subject) => {
    const stream = subject.stream(0);
    const [first, ...rest] = await subject.append(stream, note(0), note(1), note(2));
    for (let n = 0; n < 3; n++) deepStrictEqual(await subject.replay(idOf(first)), { stream, sent: rest });
  },

  'replays nothing of another stream, however they are interleaved': async (subject) => {
    const streams = ['0', '00', '1', '10', 'get', ''].map((name) => subject.stream(name));
    const events = new Map<string, Replayed[]>(streams.map((stream) => [stream, []]));
    for (let n = 0; n < 60; n++) {
      const stream = streams[(n * 5 + (n >> 2)) % streams.length] ?? '';
      events.get(stream)?.push(...(await subject.append(stream, note(n))));
    }
    for (const [stream, own] of events) await subject.expectReplayable(stream, own);
  },

  'takes a stream id as it is': async (subject) => {
    // The second is what the SDK's own transports call their GET stream.
    const streams = [subject.stream('a_b'), `_GET_stream${subject.stream(0)}`, subject.stream('/%20?#')];
    const first = await Promise.all(streams.map((stream) => subject.append(stream, note(1))));
    const second = await Promise.all(streams.map((stream) => subject.append(stream, note(2))));
    for (const [at, stream] of streams.entries()) {
      await subject.expectReplayable(stream, [...(first[at] ?? []), ...(second[at] ?? [])]);
    }
  },

  'replays nothing after the last event, and names its stream': async (subject) => {
    const stream = subject.stream(0);
    const [only] = await subject.append(stream, note(0));
    await subject.append(subject.stream(1), note(1));
    deepStrictEqual(await subject.replay(idOf(only)), { stream, sent: [] });
  },

  "answers an event id that it does not know with '' or a rejection, and replays nothing": async (subject) => {
    const events = await subject.append(subject.stream(0), note(0), note(1), note(2));
    const malformed = ['', ' ', '-1', '_', ':', '*', 'nothing', 'ä', '\0', '__proto__', '%', 'x'.repeat(10_000)];
    for (const eventId of malformed) await subject.expectUnknown(eventId);
    for (const { id } of events) for (const eventId of [` ${id}`, `${id}\n`]) await subject.expectUnknown(eventId);
    // What is left of an id may be that of an event of others.
    const ours = new Set(events.map(({ id }) => id));
    for (const eventId of events.flatMap(({ id }) => [`${id}0`, `0${id}`, id.slice(0, -1), id.slice(1)])) {
      if (ours.has(eventId)) continue;
      const { sent } = await subject.replay(eventId).catch(() => ({ sent: [] }));
      deepStrictEqual(
        sent.filter(({ id }) => ours.has(id)),
        [],
      );
    }
  },

  'tells whose an event is, where it can (getStreamIdForEventId)': async (subject) => {
    const lookUp = subject.store.getStreamIdForEventId?.bind(subject.store);
    if (lookUp === undefined) return; // it need not
    for (const name of ['0', '1', 'get']) {
      const stream = subject.stream(name);
      for (const { id } of await subject.append(stream, note(0), note(1))) strictEqual(await lookUp(id), stream);
    }
    for (const eventId of ['', 'nothing', '__proto__']) {
      strictEqual((await lookUp(eventId).catch(() => undefined)) || undefined, undefined);
    }
  },

  'gives messages back as they were: any JSON, and members that it does not know': async (subject) => {
    const stream = subject.stream(0);
    await subject.expectReplayable(stream, await subject.append(stream, note(0), ...ANY_JSON));
  },

  'takes a message of 1 MiB': async (subject) => {
    const stream = subject.stream(0);
    const [first, ...rest] = await subject.append(stream, note(0), LARGE, note(1));
    deepStrictEqual(await subject.replay(idOf(first)), { stream, sent: rest });
  },

  'takes events that are stored at once': async (subject) => {
    const streams = [0, 1, 2].map((name) => subject.stream(name));
    const first = await Promise.all(streams.map((stream) => subject.append(stream, note(-1))));
    const storing = Array.from({ length: 90 }, (_, n) => subject.append(streams[n % 3] ?? '', note(n)));
    const stored = (await Promise.all(storing)).flat();
    strictEqual(new Set(stored.map(({ id }) => id)).size, 90, 'Two events that were stored at once got the same id');
    for (const [at, stream] of streams.entries()) {
      const { sent } = await subject.replay(idOf(first[at]?.[0]));
      // In what order they came to be is the store's to say.
      deepStrictEqual(byId(sent), byId(stored.filter((_, n) => n % 3 === at)));
      await subject.expectReplayable(stream, sent);
    }
  },

  'waits for each event to be sent before it sends the next, and before it is done': async (subject) => {
    const [first] = await subject.append(subject.stream(0), ...Array.from({ length: 6 }, (_, n) => note(n)));
    let sending = 0;
    let sent = 0;
    await subject.store.replayEventsAfter(idOf(first), {
      send: async () => {
        strictEqual(++sending, 1, 'An event was sent while the one before was still being sent');
        await new Promise((resolve) => setImmediate(resolve));
        sending--;
        sent++;
      },
    });
    strictEqual(sent, 5, 'The replay was over before its events were sent');
  },

  'takes events while it replays': async (subject) => {
    const [stream, other] = [subject.stream(0), subject.stream(1)];
    const events = await subject.append(stream, note(0), note(1), note(2), note(3));
    const late: Replayed[] = [];
    const sent: string[] = [];
    await subject.store.replayEventsAfter(idOf(events[0]), {
      send: async (id) => {
        sent.push(id);
        if (late.length === 3) return;
        late.push(...(await subject.append(stream, note(10 + late.length))));
        await subject.append(other, note(20));
      },
    });
    // Whether it replays what came meanwhile is its own to say; but nothing is left out and nothing comes twice.
    const ids = [...events.slice(1), ...late].map(({ id }) => id);
    ok(sent.length >= 3, 'Events that were there before are missing');
    deepStrictEqual(sent, ids.slice(0, sent.length));
    await subject.expectReplayable(stream, [...events, ...late]);
  },

  'rejects when an event can’t be sent, and works on': async (subject) => {
    const stream = subject.stream(0);
    const events = await subject.append(stream, note(0), note(1), note(2));
    let tried = 0;
    const send = async () => {
      tried++;
      throw new Error('The client is gone');
    };
    const replaying = async () => subject.store.replayEventsAfter(idOf(events[0]), { send });
    await rejects(replaying, () => true, 'The replay went on as if its events had been sent');
    strictEqual(tried, 1, 'More was sent although an event could not be');
    await subject.expectReplayable(stream, [...events, ...(await subject.append(stream, note(3)))]);
  },
};

/**
 * The contract of an event store (the SDK's `EventStore`, as the supervisor relies on it) as a list of cases, for any
 * test runner. Each case opens a store of its own, or one that already holds events of others.
 * @param createStore Opens a store; may be async, and may return `{ store, dispose }`.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { createMemoryEventStore } from 'mcp-session-supervisor';
 * import { storeConformance } from 'mcp-session-supervisor/testing';
 *
 * for (const { name, run } of storeConformance(() => createMemoryEventStore())) test(name, run);
 * ```
 */
export function storeConformance(
  createStore: () => EventStore | OpenedStore | Promise<EventStore | OpenedStore>,
): StoreCase[] {
  return Object.entries(CASES).map(([name, run]) => ({
    name,
    run: async () => {
      const created = await createStore();
      const opened: OpenedStore = 'store' in created ? created : { store: created };
      try {
        await run(new Subject(opened.store));
      } finally {
        await opened.dispose?.();
      }
    },
  }));
}

/** What a message is on the wire, whatever objects a store makes of it. */
function plain(message: JSONRPCMessage): JSONRPCMessage {
  return JSON.parse(JSON.stringify(message));
}

function byId(events: readonly Replayed[]): Replayed[] {
  return events.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function idOf(event: Replayed | undefined): string {
  return event?.id ?? fail('Nothing was stored');
}

function label(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
