/** The event store on LMDB: it has the bounds of the one in memory, and what is in it outlives the process. */
import { randomUUID } from 'node:crypto';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { createMemoryEventStore, type MemoryEventStoreOptions } from 'mcp-session-supervisor';
import type { LmdbEventStore } from 'mcp-session-supervisor/lmdb';
import { expect, test } from 'vitest';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { freshPath, stores } from './folders.ts';

const message = (text: string | number): JSONRPCMessage => ({ jsonrpc: '2.0', method: 'm', params: { text } });
const RESPONSE: JSONRPCMessage = { jsonrpc: '2.0', id: 1, result: {} };

type Replaying = Pick<LmdbEventStore, 'replayEventsAfter'>;

/** What is replayed after an event: the ids; undefined when the event is not there. */
async function replayed(store: Replaying, id: string): Promise<string[] | undefined> {
  const ids: string[] = [];
  const stream = await store.replayEventsAfter(id, { send: async (eventId) => void ids.push(eventId) });
  return stream === '' ? undefined : ids;
}

async function fill(store: LmdbEventStore, stream: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await store.storeEvent(stream, message('x')));
  return ids;
}

async function eventStore(events: MemoryEventStoreOptions = {}): Promise<LmdbEventStore> {
  return stores(await freshPath(), { events }).eventStore;
}

const stream = fc.constantFrom('a:0', 'a:1', 'ab:0', 'a', 'a:b:0', 'b:get');
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ stream, size: fc.constantFrom(1, 1, 1, 60, 150, 400), final: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ forget: fc.constantFrom('a:', 'ab:', '', 'a:b:', 'b:', 'nobody:') }) },
);

test('whatever is stored and forgotten, what is left is what the memory store has left', {
  timeout: 60_000,
}, async () => {
  const bounds = { maxEvents: 12, maxEventsPerStream: 5, maxBytes: 900, maxAge: Infinity };
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60, size: 'max' }), async (commands) => {
      const memory = createMemoryEventStore(bounds);
      const lmdb = await eventStore(bounds);
      const ids: string[] = [];
      for (const each of commands) {
        if ('forget' in each) {
          memory.forget(each.forget);
          await lmdb.forget(each.forget);
          continue;
        }
        const text = 'x'.repeat(each.size);
        const stored: JSONRPCMessage = each.final ? { jsonrpc: '2.0', id: 1, result: { text } } : message(text);
        const id = await memory.storeEvent(each.stream, stored);
        expect(await lmdb.storeEvent(each.stream, stored)).toBe(id);
        ids.push(id);
      }
      for (const id of ids) {
        expect(await lmdb.getStreamIdForEventId(id)).toBe(await memory.getStreamIdForEventId(id));
        expect(await replayed(lmdb, id)).toEqual(await replayed(memory, id));
      }
    }),
    { numRuns: 25 },
  );
});

test('age: an event is there until it is too old, and with it what a client would resume from', async () => {
  const clock = new SimulatedClock();
  const store = await eventStore({ maxAge: 1_000, clock });
  const [a = ''] = await fill(store, 's:0', 1);
  clock.increment(600);
  const [b = ''] = await fill(store, 's:0', 1);
  clock.increment(1_000);
  expect(await replayed(store, a)).toEqual([b]); // what came after it is not too old yet
  clock.increment(1);
  expect(await replayed(store, a)).toBeUndefined();
  expect(await replayed(store, b)).toEqual([]);
  // The last of a stream that goes on stays, however long nothing comes.
  clock.increment(100_000);
  expect(await replayed(store, b)).toEqual([]);
  const end = await store.storeEvent('s:0', RESPONSE);
  expect(await replayed(store, b)).toEqual([end]);
  clock.increment(1_001);
  expect(await replayed(store, b)).toBeUndefined();
  expect(await replayed(store, end)).toBeUndefined();
});

test('age: what is too old is dropped, beside whatever stays', async () => {
  const clock = new SimulatedClock();
  const path = await freshPath();
  const { eventStore: store, close } = stores(path, { events: { maxAge: 1_000, clock, maxEvents: 1_000 } });
  const open = await Promise.all(Array.from({ length: 40 }, (_, n) => store.storeEvent(`open-${n}:0`, message(n))));
  for (let round = 0; round < 20; round++) {
    clock.increment(1_001);
    for (let n = 0; n < 20; n++) await store.storeEvent(`s-${round}-${n}:0`, RESPONSE);
  }
  await close();
  // Without a bound on age, all that is left is to be seen.
  const later = stores(path, { events: { maxAge: Infinity } }).eventStore;
  const ids = Array.from({ length: 440 }, (_, n) => (n + 1).toString(36));
  const held = await Promise.all(ids.map((id) => later.getStreamIdForEventId(id)));
  expect(held.slice(0, open.length).filter((of) => of !== undefined)).toHaveLength(40);
  expect(held.filter((of) => of !== undefined).length).toBeLessThan(120);
});

test('events outlive the process, and no id comes again', async () => {
  const path = await freshPath();
  const first = stores(path);
  const [a = '', b = '', c = ''] = await fill(first.eventStore, 's:0', 3);
  const [gone = ''] = await fill(first.eventStore, 'gone:0', 1);
  await first.eventStore.forget('gone:');
  await first.close();

  const { eventStore: store } = stores(path);
  expect(await replayed(store, a)).toEqual([b, c]);
  const [d = ''] = await fill(store, 's:0', 1);
  expect(await replayed(store, b)).toEqual([c, d]);
  expect([a, b, c, gone]).not.toContain(d);
});

test('a replay whose events are dropped meanwhile rejects, instead of leaving a gap', async () => {
  const store = await eventStore();
  const [first = ''] = await fill(store, 's:0', 10);
  const sent: string[] = [];
  const replaying = store.replayEventsAfter(first, {
    send: async (id) => {
      sent.push(id);
      if (sent.length === 3) await store.forget('s:');
    },
  });
  await expect(replaying).rejects.toMatchObject({ code: 'STORE_FAILED', message: expect.stringContaining('dropped') });
  expect(sent).toHaveLength(3);
});

test('nor does it where the beginning of what is yet to come was dropped', async () => {
  const store = await eventStore({ maxEventsPerStream: 70 });
  const [first = '', ...rest] = await fill(store, 's:0', 65);
  const replaying = (more: number) => {
    const sent: string[] = [];
    const send = async (id: string) => {
      sent.push(id);
      if (sent.length === rest.length) await fill(store, 's:0', more);
    };
    return { sent, over: store.replayEventsAfter(first, { send }) };
  };
  const whole = replaying(5);
  expect(await whole.over).toBe('s:0');
  expect(whole.sent).toHaveLength(69);
  const torn = replaying(71);
  await expect(torn.over).rejects.toMatchObject({ code: 'STORE_FAILED' });
  expect(torn.sent).toEqual(rest);
});

test('a stream whose id is too long for a key is refused, and no other', async () => {
  const store = await eventStore();
  const results = await Promise.allSettled([
    store.storeEvent('s:0', message(0)),
    store.storeEvent('s'.repeat(2_000), message(0)),
    store.storeEvent(`${'s'.repeat(1_800)}:0`, message(0)),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  await store.forget(`${'s'.repeat(5_000)}:`);
});

test('what a key before has left in the binding’s memory makes no append fail', async () => {
  const store = await eventStore();
  const [long, short] = [`${'x'.repeat(44)}${'\x14'.repeat(60)}`, `${randomUUID()}:1.12~x`];
  const first = await store.storeEvent(short, message(1));
  const both = await Promise.all([store.storeEvent(long, message(2)), store.storeEvent(short, message(3))]);
  expect(await replayed(store, first)).toEqual([both[1]]);
});
