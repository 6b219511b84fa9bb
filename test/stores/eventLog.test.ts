/** One session's view of an event store: it gets back what is its own, whatever the store does. */
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test, vi } from 'vitest';
import { EventLog } from '../../src/stores/eventLog.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { GoodStore, note, openLog, replay, STORES, storeBut } from './stores.ts';

describe.each(Object.entries(STORES))('%s', (_, open) => {
  test('gives each stream of each session back what is its own: all of it, in order, nothing else', async () => {
    const store = open();
    const clock = new WatchedClock();
    const streams = ['a', 'b', 'c'].flatMap((session) => {
      const log = openLog(store, session, clock);
      return ['0', '1', 'get2'].map((id) => ({ log, id, sent: [] as [string, JSONRPCMessage][] }));
    });
    for (let n = 0; n < 90; n++) {
      const { log, id, sent } = streams[(n * 7) % streams.length] as (typeof streams)[number];
      const message = note(n);
      sent.push([await log.append(id, message), message]);
      expect(message).toEqual(note(n)); // what was given is left as it was
    }
    for (const { log, sent } of streams) {
      for (const [at, [eventId]] of sent.entries()) {
        expect(await replay(log, eventId)).toEqual({ known: true, events: sent.slice(at + 1) });
      }
    }
    expect(clock.pending).toEqual([]);
  });

  test("tells nobody of another session's events, nor of another stream's", async () => {
    const store = open();
    const [mine, other] = [openLog(store, 'mine'), openLog(store, 'other')];
    const others = await other.append('0', note(1));
    await other.append('0', note(2));
    const own = await mine.append('1', note(3));
    await mine.append('1', note(4));
    for (const eventId of [
      others,
      own.replace('1_', '0_'),
      others.replace('0_', '1_'),
      others.replace('0_', 'get1_'),
    ]) {
      const { events } = await replay(mine, eventId);
      // A careless store goes on with what comes after; then it is this session's own, and of the stream asked for.
      expect(events.filter(([id]) => !id.startsWith(eventId.slice(0, eventId.indexOf('_') + 1)))).toEqual([]);
      expect(JSON.stringify(events)).not.toMatch(/"progress":[12]\b/);
    }
  });

  test('replays no priming event', async () => {
    const log = openLog(open());
    const first = await log.append('0');
    const message = await log.append('0', note(1));
    await log.append('0');
    expect(await replay(log, first)).toEqual({ known: true, events: [[message, note(1)]] });
  });

  test('replays nothing after an event that there never was', async () => {
    const log = openLog(open());
    await log.append('0', note(1));
    expect((await replay(log, '0_nothing')).events).toEqual([]);
  });
});

describe("an event that is not the session's", () => {
  test.each([
    ['is unknown to the store', '0_e9'],
    ["is another stream's", '1_e0'],
    ["is another session's", '0_e1'],
  ])('is not known: it %s', async (_, eventId) => {
    const store = new GoodStore();
    const [mine, other] = [openLog(store, 'mine'), openLog(store, 'other')];
    expect(await mine.append('0', note(1))).toBe('0_e0');
    expect(await other.append('0', note(2))).toBe('0_e1');
    await mine.append('0', note(3));
    await other.append('0', note(4));
    expect(await replay(mine, eventId)).toEqual({ known: false, events: [] });
  });

  test.each([
    ["is another stream's", '1_e0'],
    ["is another session's", '0_e1'],
  ])('is not known to a store that says at last whose it was: it %s', async (_, eventId) => {
    const store = STORES['a store without getStreamIdForEventId']();
    const [mine, other] = [openLog(store, 'mine'), openLog(store, 'other')];
    await mine.append('0', note(1));
    await other.append('0', note(2));
    await mine.append('0', note(3));
    expect(await replay(mine, eventId)).toEqual({ known: false, events: [] });
    expect((await replay(mine, '0_e0')).known).toBe(true);
  });

  test.each(['', '_', '_e0', 'e0', '0', '0\n_e0', '0_e0\n', '0_e 0', '0_é', `0_${'e'.repeat(1_023)}`])(
    'is not even asked for: %j',
    async (eventId) => {
      let asked = 0;
      const log = openLog({
        storeEvent: async () => 'e0',
        getStreamIdForEventId: async () => void asked++ as undefined,
        replayEventsAfter: async () => String(asked++),
      });
      expect(await replay(log, eventId)).toEqual({ known: false, events: [] });
      expect(asked).toBe(0);
    },
  );

  test.each([
    ['session-1:0', true],
    ['', false],
    ['session-2:0', false],
    ['session-1:get0', false],
    ['session-1:12.get10', false],
    ['session-1:1.0~Wzcs.DhdA', false],
    ['a%5Fb:7', false],
    // What can be none of our streams says nothing.
    ['e0', true],
    ['7', true],
    ['a_b:0', true],
    [':0', true],
    ['a:b:0', true],
    ['a:x.0', true],
    ['a:0~*', true],
    ['a:0!', true],
  ])('is told from one that is by what a store says at last, where that is a stream: %j', async (said, known) => {
    const log = openLog(storeBut({ replayEventsAfter: async () => said }), 'session-1');
    expect(await replay(log, '0_e0')).toEqual({ known, events: [] });
  });

  test('is not known to a store that says so by returning nothing', async () => {
    const store = new InMemoryEventStore();
    const log = openLog(store);
    await log.append('0', note(1));
    expect(await replay(log, '0_nothing')).toEqual({ known: false, events: [] });
  });

  // Whoever makes session ids may use any visible ASCII; whoever resumes may claim any stream.
  test.each([
    ['a', '0:get1', 'a:0', 'get1'],
    ['a', '0', 'a:0', ''],
    ['a_b', '0', 'a%5Fb', '0'],
    ['a:b', '0', 'a%3Ab', '0'],
    ['a%', '0', 'a%25', '0'],
    ['a', '0', 'a', '0:'],
  ])(
    'is not reached by a session and a stream that read alike: %s + %s, %s + %s',
    async (mine, claimed, other, stream) => {
      const store = new GoodStore();
      await openLog(store, other).append(stream, note(1));
      await openLog(store, other).append(stream, note(2));
      expect(await replay(openLog(store, mine), `${claimed}_e0`)).toEqual({ known: false, events: [] });
    },
  );
});

test("the SDK's own example store works, whatever the session id", async () => {
  let now = 0;
  vi.spyOn(Date, 'now').mockImplementation(() => now++); // it can't tell the order of events of one millisecond
  const store = new InMemoryEventStore();
  for (const id of ['plain', 'with_underscore', '_', 'a:b', '%5F', '!~']) {
    const log = openLog(store, id);
    const first = await log.append('0');
    const second = await log.append('0', note(1));
    expect(await replay(log, first)).toEqual({ known: true, events: [[second, note(1)]] });
  }
});

describe('what a store sees', () => {
  test('is a stream that names the session, and messages that carry it', async () => {
    const store = new GoodStore();
    await openLog(store, 'mine').append('0', note(1));
    await openLog(store, 'other').append('0');
    const [first, second] = store.events;
    expect(first?.streamId).not.toBe(second?.streamId);
    expect(JSON.parse(first?.json ?? '')).toEqual({ ...note(1), 'mcp-session-supervisor/stream': first?.streamId });
    expect(JSON.parse(second?.json ?? '')).toEqual({ 'mcp-session-supervisor/stream': second?.streamId });
  });

  test('is called as a method', async () => {
    const store = {
      kept: 'e0',
      async storeEvent() {
        return this.kept;
      },
      async getStreamIdForEventId(id: string) {
        return id === this.kept ? 'session-1:0' : undefined;
      },
      async replayEventsAfter(id: string) {
        return id === this.kept ? 'session-1:0' : '';
      },
    };
    const log = openLog(store);
    expect(await replay(log, await log.append('0', note(1)))).toEqual({ known: true, events: [] });
  });
});

test.each([
  ['0_e0', '0'],
  ['12_a_b_c', '12'],
  ['get1_e0', 'get1'],
  ['0_', '0'],
  ['_e0', undefined],
  ['e0', undefined],
  ['', undefined],
  ['0_e\n', undefined],
  ['\n0_e', undefined],
  ['0_é', undefined],
])('an event id names its stream: %j', (eventId, streamId) => {
  expect(EventLog.streamOf(eventId)).toBe(streamId);
});

test('the id of a response says so where a session may have several incarnations, and of nothing else', async () => {
  const response: JSONRPCMessage = { jsonrpc: '2.0', id: 1, result: {} };
  const request: JSONRPCMessage = { jsonrpc: '2.0', id: 1, method: 'ping' };
  const failed: JSONRPCMessage = { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x' } };
  const ids = async (log: EventLog) => {
    const appended: string[] = [];
    for (const message of [undefined, note(1), request, response, failed])
      appended.push(await log.append('0', message));
    return appended;
  };
  const clock = new WatchedClock();
  expect(await ids(new EventLog(new GoodStore(), 'a', clock))).toEqual(['0_e0', '0_e1', '0_e2', '0_e3', '0_e4']);
  expect(await ids(new EventLog(new GoodStore(), 'a', clock, true))).toEqual([
    '0_e0',
    '0_e1',
    '0_e2',
    '0!_e3',
    '0!_e4',
  ]);
  expect(['0_e3', '0!_e3', '0_!_e3'].map(EventLog.isResponse)).toEqual([false, true, false]);
  expect(['0_e3', '0!_e3'].map(EventLog.streamOf)).toEqual(['0', '0']);
});
