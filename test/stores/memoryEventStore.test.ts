/** The event store in memory: what it keeps, what it drops and when, and what an event costs. */
import { readFile } from 'node:fs/promises';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore, type MemoryEventStore, type MemoryEventStoreOptions } from '../../src/index.ts';
import { checkBounds } from '../../src/stores/storeBounds.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';

const message = (text: string | number): JSONRPCMessage => ({ jsonrpc: '2.0', method: 'm', params: { text } });

const RESPONSE: JSONRPCMessage = { jsonrpc: '2.0', id: 1, result: {} };

/** A message of so many bytes as JSON. */
function sized(bytes: number): JSONRPCMessage {
  const text = 'x'.repeat(bytes - JSON.stringify(message('')).length);
  expect(JSON.stringify(message(text))).toHaveLength(bytes);
  return message(text);
}

/** What is replayed after an event: the ids; undefined when the event is not there. */
async function replayed(store: MemoryEventStore, id: string): Promise<string[] | undefined> {
  const ids: string[] = [];
  const stream = await store.replayEventsAfter(id, { send: async (eventId) => void ids.push(eventId) });
  return stream === '' ? undefined : ids;
}

async function fill(store: MemoryEventStore, stream: string, count: number, text = 'x'): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await store.storeEvent(stream, message(text)));
  return ids;
}

describe('the bounds when nothing else is said', () => {
  test('1 000 events of a stream', async () => {
    const store = createMemoryEventStore();
    const ids = await fill(store, 's:0', 1_001);
    expect(store.events).toBe(1_000);
    expect(await replayed(store, ids[0] as string)).toBeUndefined();
    expect(await replayed(store, ids[1] as string)).toEqual(ids.slice(2));
  });

  test('100 000 events', async () => {
    const store = createMemoryEventStore();
    const [first = ''] = await fill(store, 's:first', 1);
    for (let n = 0; n < 100; n++) await fill(store, `s:${n}`, 1_000);
    expect(store.events).toBe(100_000);
    expect(await store.getStreamIdForEventId(first)).toBeUndefined();
  });

  test('64 MiB', async () => {
    const store = createMemoryEventStore();
    const half = sized(32 * 1024 * 1024);
    const ids = [await store.storeEvent('s:0', half), await store.storeEvent('s:1', half)];
    expect(store.bytes).toBe(64 * 1024 * 1024);
    ids.push(await store.storeEvent('s:2', message(0)));
    const held = await Promise.all(ids.map((id) => store.getStreamIdForEventId(id)));
    expect(held).toEqual([undefined, 's:1', 's:2']);
  });

  test('5 minutes', async () => {
    const clock = new SimulatedClock();
    const store = createMemoryEventStore({ clock });
    await fill(store, 's:0', 2);
    clock.increment(300_000);
    expect(store.events).toBe(2);
    clock.increment(1);
    expect(store.events).toBe(1);
  });
});

test('the page on resumption names the bounds, and what they are when nothing else is said', async () => {
  const readme = await readFile(new URL('../../docs/resumption.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| `(max\w+)` \| ([\d ]+) \| /gm)].map(([, name, value = '']) => [
    name,
    Number(value.replaceAll(' ', '')),
  ]);
  expect(Object.fromEntries(rows)).toMatchObject(checkBounds({}));
});

describe('what is refused', () => {
  test.each([
    [{ maxEvents: 0 }, 'INVALID_OPTION', 'maxEvents must be a positive number, or Infinity; got 0'],
    [{ maxEventsPerStream: -1 }, 'INVALID_OPTION', 'maxEventsPerStream must be a positive number, or Infinity; got -1'],
    [{ maxBytes: Number.NaN }, 'INVALID_OPTION', 'maxBytes must be a positive number, or Infinity; got NaN'],
    [{ maxAge: '5m' }, 'INVALID_OPTION', 'maxAge must be a positive number, or Infinity; got "5m"'],
    [{ maxAge: '5000' }, 'INVALID_OPTION', 'maxAge must be a positive number, or Infinity; got "5000"'],
    [{ clock: null }, 'INVALID_OPTION', 'clock must be an object with now(); got null'],
    [{ clock: {} }, 'INVALID_OPTION', 'clock must be an object with now(); got an object'],
    [7, 'INVALID_OPTION', 'The bounds of the event store must be an object; got 7'],
    [
      { maxSize: 1 },
      'UNKNOWN_OPTION',
      'There is no bound maxSize; there are maxEvents, maxEventsPerStream, maxBytes, maxAge and clock',
    ],
  ])('%j', (options, code, text) => {
    expect(() => createMemoryEventStore(options as MemoryEventStoreOptions)).toThrow(
      expect.objectContaining({ code, message: text }),
    );
  });

  test('Infinity is not, nor undefined', async () => {
    const bounds = { maxEvents: Infinity, maxEventsPerStream: Infinity, maxBytes: Infinity, maxAge: Infinity };
    const store = createMemoryEventStore({ ...bounds, clock: undefined });
    await fill(store, 's:0', 2_000);
    expect(store.events).toBe(2_000);
    const usual = createMemoryEventStore({ maxEventsPerStream: undefined });
    await fill(usual, 's:0', 1_001);
    expect(usual.events).toBe(1_000);
  });
});

describe('what is beyond a bound is dropped, oldest first', () => {
  test('events: those of all streams count', async () => {
    const store = createMemoryEventStore({ maxEvents: 3 });
    const [a = '', b = '', c = '', d = ''] = [
      ...(await fill(store, 's:0', 1)),
      ...(await fill(store, 's:1', 1)),
      ...(await fill(store, 's:0', 1)),
      ...(await fill(store, 's:1', 1)),
    ];
    expect(store.events).toBe(3);
    expect(await replayed(store, a)).toBeUndefined();
    expect(await replayed(store, b)).toEqual([d]);
    expect(await replayed(store, c)).toEqual([]);
  });

  test('events of a stream: a busy one leaves the others alone', async () => {
    const store = createMemoryEventStore({ maxEvents: 100, maxEventsPerStream: 2 });
    const quiet = await fill(store, 's:quiet', 2);
    const busy = await fill(store, 's:busy', 50);
    expect(await replayed(store, quiet[0] as string)).toEqual([quiet[1]]);
    expect(await replayed(store, busy[48] as string)).toEqual([busy[49]]);
    expect(await replayed(store, busy[47] as string)).toBeUndefined();
    expect(store.events).toBe(4);
  });

  test('bytes: of the messages as JSON, in UTF-8', async () => {
    const store = createMemoryEventStore({ maxBytes: 250 });
    await store.storeEvent('s:0', message('€'));
    expect(store.bytes).toBe(Buffer.byteLength(JSON.stringify(message('€'))));
    const first = await store.storeEvent('s:1', sized(100));
    const second = await store.storeEvent('s:0', sized(150));
    expect(store).toMatchObject({ events: 2, bytes: 250 });
    expect(await replayed(store, first)).toEqual([]);
    expect(await replayed(store, second)).toEqual([]);
    await store.storeEvent('s:2', sized(101));
    expect(store).toMatchObject({ events: 1, bytes: 101 });
  });

  test('bytes: a message as large as all of it is kept', async () => {
    const store = createMemoryEventStore({ maxBytes: 250 });
    const id = await store.storeEvent('s:0', sized(250));
    expect(await replayed(store, id)).toEqual([]);
    expect(store).toMatchObject({ events: 1, bytes: 250 });
  });

  test('bytes: a message larger than all of it takes its own stream along, and no other', async () => {
    const store = createMemoryEventStore({ maxBytes: 250 });
    const [other = ''] = await fill(store, 's:other', 1);
    const [before = ''] = await fill(store, 's:0', 1);
    const large = await store.storeEvent('s:0', sized(251));
    const after = await fill(store, 's:0', 2);
    // A client that has `before` has to be told that there is no going on without a gap.
    expect(await replayed(store, before)).toBeUndefined();
    expect(await replayed(store, large)).toBeUndefined();
    expect(await replayed(store, after[0] as string)).toEqual([after[1]]);
    expect(await replayed(store, other)).toEqual([]);
    expect(new Set([other, before, large, ...after]).size).toBe(5);
    await store.storeEvent('s:new', sized(251));
    expect(store.events).toBe(3);
  });

  test('age: each event for itself, whatever is done with the store', async () => {
    const clock = new SimulatedClock();
    const store = createMemoryEventStore({ maxAge: 1_000, clock });
    const [a = ''] = await fill(store, 's:0', 1);
    clock.increment(600);
    const [b = ''] = await fill(store, 's:0', 1);
    clock.increment(400);
    expect(await replayed(store, a)).toEqual([b]);
    clock.increment(1);
    expect(await replayed(store, a)).toBeUndefined();
    expect(await store.getStreamIdForEventId(b)).toBe('s:0');
    await store.storeEvent('s:0', RESPONSE);
    clock.increment(600);
    expect(await store.getStreamIdForEventId(b)).toBeUndefined();
    expect(store.events).toBe(1);
    clock.increment(401);
    expect(store).toMatchObject({ events: 0, bytes: 0 });
    await fill(store, 's:0', 1);
    expect(store.events).toBe(1);
  });

  test.each([
    ['result', RESPONSE],
    ['error', { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'no' } } as JSONRPCMessage],
  ])('age: the last event of a stream too, where it is a response with a %s', async (_, response) => {
    const clock = new SimulatedClock();
    const store = createMemoryEventStore({ maxAge: 1_000, clock });
    await store.storeEvent('s:0', response);
    clock.increment(1_000);
    expect(store.events).toBe(1);
    clock.increment(1);
    expect(store.events).toBe(0);
  });

  test('age: not the last event of a stream that goes on, however long nothing comes', async () => {
    const clock = new SimulatedClock();
    const store = createMemoryEventStore({ maxAge: 1_000, maxEvents: 4, clock });
    const [a = '', b = ''] = await fill(store, 's:get', 2);
    for (let n = 0; n < 5; n++) {
      clock.increment(1_001);
      expect(await replayed(store, a)).toBeUndefined();
      expect(await replayed(store, b)).toEqual([]);
    }
    const [c = ''] = await fill(store, 's:get', 1);
    expect(await replayed(store, b)).toEqual([c]);
    clock.increment(1_001);
    expect(await replayed(store, b)).toBeUndefined();
    expect(await replayed(store, c)).toEqual([]);
    // What is kept so is bounded as all else is.
    for (let n = 0; n < 10; n++) await fill(store, `s:${n}`, 1);
    clock.increment(1_001);
    expect(store.events).toBe(4);
    store.forget('s:');
    expect(store).toMatchObject({ events: 0, bytes: 0 });
  });
});

describe('a replay', () => {
  test('goes on although what it replays is dropped meanwhile', async () => {
    const store = createMemoryEventStore({ maxEvents: 4 });
    const ids = await fill(store, 's:0', 4);
    const got: string[] = [];
    await store.replayEventsAfter(ids[0] as string, {
      send: async (id) => {
        got.push(id);
        await fill(store, 's:1', 4);
      },
    });
    expect(got).toEqual(ids.slice(1));
    expect(await replayed(store, ids[0] as string)).toBeUndefined();
  });

  test('gives what was stored, whatever became of the message', async () => {
    const store = createMemoryEventStore();
    const [first = ''] = await fill(store, 's:0', 1);
    const params = { list: [1] };
    await store.storeEvent('s:0', { jsonrpc: '2.0', method: 'm', params });
    params.list.push(2);
    const got: JSONRPCMessage[] = [];
    const send = async (_: string, stored: JSONRPCMessage) => void got.push(stored);
    await store.replayEventsAfter(first, { send });
    expect(got).toEqual([{ jsonrpc: '2.0', method: 'm', params: { list: [1] } }]);
  });
});

describe('forget', () => {
  test('drops the streams of a prefix, and nothing else', async () => {
    const store = createMemoryEventStore();
    const streams = ['a:0', 'a:1', 'a:get', 'ab:0', 'a', 'b:0', 'a:b:0', ':0', 'A:0'];
    for (const stream of streams) await fill(store, stream, 2);
    const left = async () => {
      const ids = Array.from({ length: streams.length * 2 }, (_, n) => (n + 1).toString(36));
      const held = await Promise.all(ids.map((id) => store.getStreamIdForEventId(id)));
      return [...new Set(held.filter((stream) => stream !== undefined))];
    };
    store.forget('a:');
    expect(await left()).toEqual(['ab:0', 'a', 'b:0', 'a:b:0', ':0', 'A:0']);
    store.forget('nobody:');
    expect(store.events).toBe(12);
    store.forget(':');
    store.forget('a:b:');
    expect(await left()).toEqual(['ab:0', 'a', 'b:0', 'A:0']);
    for (const prefix of ['ab:', '', 'b:', 'A:']) store.forget(prefix);
    expect(store).toMatchObject({ events: 0, bytes: 0 });
  });

  test('a stream that was forgotten can go on', async () => {
    const store = createMemoryEventStore();
    const [before = ''] = await fill(store, 'a:0', 1);
    store.forget('a:');
    const [first = '', second = ''] = await fill(store, 'a:0', 2);
    expect(await replayed(store, before)).toBeUndefined();
    expect(await replayed(store, first)).toEqual([second]);
    store.forget('a:');
    expect(store.events).toBe(0);
  });
});

test('an event costs the same among 100 000 as among 1 000', async () => {
  const APPENDS = 10_000;
  const streams = Array.from({ length: 1_000 }, (_, n) => `session-${n % 100}:${n}`);
  const stores = await Promise.all(
    [1_000, 100_000].map(async (maxEvents) => {
      const store = createMemoryEventStore({ maxEvents });
      for (let n = 0; n < maxEvents; n++) await store.storeEvent(streams[n % 1_000] as string, message(n));
      expect(store.events).toBe(maxEvents);
      return store;
    }),
  );
  const best = [Infinity, Infinity];
  // In turns, and the best of several, because the machine has other things to do.
  for (let round = 0; round < 7; round++) {
    for (const [at, store] of stores.entries()) {
      const before = process.cpuUsage();
      for (let n = 0; n < APPENDS; n++) await store.storeEvent(streams[n % 1_000] as string, message(n));
      const { user, system } = process.cpuUsage(before);
      best[at] = Math.min(best[at] as number, user + system);
    }
  }
  const [among1000 = 0, among100000 = 0] = best;
  expect(among100000 / among1000).toBeLessThan(3);
});
