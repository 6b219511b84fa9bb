/** The contract of event stores: those that keep it pass, and each way to break it is found. */
import { AssertionError } from 'node:assert/strict';
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { createMemoryEventStore } from 'mcp-session-supervisor';
import { storeConformance } from 'mcp-session-supervisor/testing';
import { describe, expect, test } from 'vitest';
import { ControlledStore } from '../support/controlledStore.ts';
import { TestEventStore } from '../support/eventStore.ts';
import { turns } from '../support/until.ts';

type Send = Parameters<EventStore['replayEventsAfter']>[1]['send'];

interface Stored {
  readonly id: string;
  readonly streamId: string;
  readonly message: JSONRPCMessage;
}

const KEEPING = {
  'the memory store': () => createMemoryEventStore(),
  'a store in the shape of the SDK’s example': () => new TestEventStore(),
  'a store that keeps text, and can look up': async () => new ControlledStore(),
};

describe.each(Object.entries(KEEPING))('%s keeps the contract', (_, create) => {
  test.each(storeConformance(create).map((each) => [each.name, each] as const))('%s', async (_name, { run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

test('each case opens a store of its own, and disposes of it, passed or failed', async () => {
  let opened = 0;
  let disposed = 0;
  const cases = storeConformance(async () => ({
    store: opened++ % 2 === 0 ? createMemoryEventStore() : new Broken({ unique: false }),
    dispose: async () => void disposed++,
  }));
  expect(opened).toBe(0);
  const results = await Promise.allSettled(cases.map(({ run }) => run()));
  expect({ opened, disposed }).toEqual({ opened: cases.length, disposed: cases.length });
  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']));
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});

test('a store may hold what others stored', async () => {
  const store = createMemoryEventStore();
  await store.storeEvent('other:0', { jsonrpc: '2.0', method: 'secret' });
  for (const { run } of storeConformance(() => store)) await run();
  expect(store.events).toBeGreaterThan(100);
});

/** How a store can go wrong. */
interface Faults {
  readonly unique?: boolean;
  readonly ascii?: boolean;
  readonly isolated?: boolean;
  readonly byPrefix?: boolean;
  readonly ordered?: boolean;
  readonly exclusive?: boolean;
  readonly complete?: boolean;
  readonly names?: boolean;
  readonly refuses?: boolean;
  readonly awaits?: boolean;
  readonly rejects?: boolean;
  readonly live?: boolean;
  readonly atomic?: boolean;
  readonly consuming?: boolean;
  readonly looksUp?: boolean;
  readonly keep?: (message: JSONRPCMessage) => JSONRPCMessage;
}

/** A store that keeps the contract but for what is said. */
class Broken implements EventStore {
  events: Stored[] = [];
  #count = 0;
  readonly #faults: Faults;

  constructor(faults: Faults = {}) {
    this.#faults = faults;
  }

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    const { unique = true, ascii = true, atomic = true, keep = (same) => same } = this.#faults;
    const next = this.#count + 1;
    if (!atomic) await turns(1);
    this.#count = next;
    const id = unique ? `${ascii ? 'e' : 'é'}${next}` : `e${next >> 1}`;
    this.events.push({ id, streamId, message: keep(message) });
    return id;
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    if (this.#faults.looksUp === false) return this.events[0]?.streamId;
    return this.events.find((event) => event.id === id)?.streamId;
  }

  async replayEventsAfter(lastId: string, { send }: { send: Send }): Promise<string> {
    const { exclusive = true, names = true, refuses = true, live = true, consuming = false } = this.#faults;
    const at = this.events.findIndex(({ id }) => id === lastId);
    const last = this.events[at];
    if (last === undefined) return refuses ? '' : lastId;
    const rest = this.events.slice(exclusive ? at + 1 : at).filter((event) => this.#belongs(event, last));
    if (consuming) this.events = this.events.filter((event) => event === last || !rest.includes(event));
    if (this.#faults.ordered === false) rest.reverse();
    if (this.#faults.complete === false) rest.splice(10);
    await this.#sendAll(rest, send);
    if (!live) this.events = this.events.filter((event) => event.streamId !== last.streamId || rest.includes(event));
    return names ? last.streamId : 'some stream';
  }

  #belongs({ streamId }: Stored, last: Stored): boolean {
    const { isolated = true, byPrefix = false } = this.#faults;
    return !isolated || (byPrefix ? streamId.startsWith(last.streamId) : streamId === last.streamId);
  }

  async #sendAll(events: readonly Stored[], send: Send): Promise<void> {
    for (const { id, message } of events) {
      const sending = send(id, message);
      if (this.#faults.awaits === false) void sending.catch(() => {});
      else if (this.#faults.rejects === false) await sending.catch(() => {});
      else await sending;
    }
  }
}

const FAULTS: Readonly<Record<string, readonly [faults: Faults, found: string]>> = {
  'gives two events one id': [{ unique: false }, 'gives every event an id of its own'],
  'makes ids that no header takes': [{ ascii: false }, 'makes event ids of 1 to 1000 visible ASCII characters'],
  'gives two events that are stored at once one id': [{ atomic: false }, 'takes events that are stored at once'],
  'replays events of other streams': [{ isolated: false }, 'replays nothing of another stream'],
  'replays events of streams that begin alike': [{ byPrefix: true }, 'replays nothing of another stream'],
  'replays in the wrong order': [{ ordered: false }, 'replays what came after an event'],
  'replays the last event too': [{ exclusive: false }, 'replays what came after an event'],
  'replays a part': [{ complete: false }, 'replays what came after an event'],
  'replays only once': [{ consuming: true }, 'replays the same again'],
  'does not name the stream': [{ names: false }, 'replays nothing after the last event'],
  'takes an unknown event for one of its own': [{ refuses: false }, 'answers an event id that it does not know'],
  'does not wait for an event to be sent': [{ awaits: false }, 'waits for each event to be sent'],
  'swallows that an event could not be sent': [{ rejects: false }, 'rejects when an event'],
  'loses what is stored during a replay': [{ live: false }, 'takes events while it replays'],
  'looks up another stream': [{ looksUp: false }, 'tells whose an event is'],
  'keeps what it knows of a message': [
    { keep: (message) => ('method' in message ? { jsonrpc: '2.0', method: message.method } : message) },
    'gives messages back as they were',
  ],
  'drops members that it does not know': [
    { keep: ({ 'mcp-session-supervisor/stream': _, ...message }: JSONRPCMessage & Record<string, unknown>) => message },
    'gives messages back as they were',
  ],
  'assigns members, __proto__ too': [
    {
      keep: (message) =>
        'params' in message && message.params !== undefined
          ? { ...message, params: Object.assign({}, message.params) }
          : message,
    },
    'gives messages back as they were',
  ],
  'keeps text as Latin-1': [
    { keep: (message) => JSON.parse(JSON.stringify(message).replace(/[\u0100-\uffff]/g, '?')) },
    'gives messages back as they were',
  ],
  'cuts long messages': [
    { keep: (message) => (JSON.stringify(message).length > 100_000 ? { jsonrpc: '2.0', id: 1, result: {} } : message) },
    'takes a message of 1 MiB',
  ],
};

describe('a store that breaks the contract is found', () => {
  test('without a fault it is none', async () => {
    for (const { run } of storeConformance(() => new Broken())) await expect(run()).resolves.toBeUndefined();
  });

  test.each(Object.entries(FAULTS))('one that %s', async (_, [faults, found]) => {
    const failed: string[] = [];
    for (const { name, run } of storeConformance(() => new Broken(faults))) {
      const error = await run().catch((thrown: unknown) => thrown);
      if (error === undefined) continue;
      expect(error).toBeInstanceOf(AssertionError);
      failed.push(name);
    }
    expect(failed).toContainEqual(expect.stringContaining(found));
  });
});
