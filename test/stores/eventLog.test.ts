/** One session's view of an event store: isolated whatever the store does, and bounded in time. */
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js';
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test, vi } from 'vitest';
import { SupervisorError } from '../../src/errors.ts';
import { EventLog, STORE_TIMEOUT } from '../../src/stores/eventLog.ts';
import { turns, until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

type Send = Parameters<EventStore['replayEventsAfter']>[1];

interface StoredEvent {
  readonly id: string;
  readonly streamId: string;
  /** As a store outside of the process keeps it. */
  readonly json: string;
}

/** A store that keeps the contract: event ids of its own, everything by stream. */
class GoodStore implements EventStore {
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

const STORES = {
  'a store that keeps the contract': () => new GoodStore(),
  'a store that replays everything of everybody': () => new CarelessStore(),
  'a store without getStreamIdForEventId': () => new StoreWithoutLookUp(),
} as const;

function note(n: number): JSONRPCMessage {
  return { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 't', progress: n } };
}

/** A message as it is stored. */
function marked(message: object, key: string): JSONRPCMessage {
  return { ...message, 'mcp-session-supervisor/stream': key } as unknown as JSONRPCMessage;
}

function openLog(store: EventStore, sessionId = 'session-1', clock = new WatchedClock()): EventLog {
  return new EventLog(store, sessionId, clock);
}

/** What a replay brings: the messages with their ids on the wire, and whether the event was known. */
async function replay(log: EventLog, eventId: string) {
  const events: (readonly [string, JSONRPCMessage])[] = [];
  const known = await until(
    log.replayAfter(eventId, (message, id) => void events.push([id, message])).then((value) => ({ value })),
  );
  return { known: known.value, events };
}

/** How an operation failed. */
async function failure(operation: Promise<unknown>): Promise<SupervisorError> {
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

describe.each(Object.entries(STORES))('%s', (_, open) => {
  test('gives each stream of each session back what is its own: all of it, in order, nothing else', async () => {
    const store = open();
    const clock = new WatchedClock();
    const streams = ['a', 'b', 'c'].flatMap((session) => {
      const log = openLog(store, session, clock);
      return ['0', '1', 'get'].map((id) => ({ log, id, sent: [] as [string, JSONRPCMessage][] }));
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
    for (const eventId of [others, own.replace('1_', '0_'), others.replace('0_', '1_'), others.replace('0_', 'get_')]) {
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

  test('is not known to a store that says so by returning nothing', async () => {
    const store = new InMemoryEventStore();
    const log = openLog(store);
    await log.append('0', note(1));
    expect(await replay(log, '0_nothing')).toEqual({ known: false, events: [] });
  });

  // Whoever makes session ids may use any visible ASCII; whoever resumes may claim any stream.
  test.each([
    ['a', '0:get', 'a:0', 'get'],
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

/** A store that works, but for some of its methods. */
function storeBut(broken: Partial<EventStore>): EventStore {
  const good = new GoodStore();
  return {
    storeEvent: (streamId, message) => good.storeEvent(streamId, message),
    replayEventsAfter: (lastId, send) => good.replayEventsAfter(lastId, send),
    ...broken,
  };
}

const late = `The event store did not answer within ${STORE_TIMEOUT} ms`;

const NEVER = () => new Promise<never>(() => {});

describe('a store that fails', () => {
  const cause = new Error('disk full');
  const throws = () => {
    throw cause;
  };
  const rejects = () => Promise.reject(cause);

  test.each([
    ['throws', throws],
    ['rejects', rejects],
  ])('%s: the cause is told', async (_, fails) => {
    const clock = new WatchedClock();
    const storing = openLog(storeBut({ storeEvent: fails }), 'a', clock);
    const lookingUp = openLog(storeBut({ getStreamIdForEventId: fails }), 'a', clock);
    const replaying = openLog(storeBut({ replayEventsAfter: fails }), 'a', clock);
    for (const operation of [
      storing.append('0', note(1)),
      storing.append('0'),
      lookingUp.replayAfter('0_e0', () => {}),
      replaying.replayAfter('0_e0', () => {}),
    ]) {
      const error = await failure(operation);
      expect(error.message).toBe('The event store failed');
      expect(error.cause).toBe(cause);
    }
    expect(clock.pending).toEqual([]);
  });

  test.each([
    ['a newline', 'e\n0'],
    ['a newline that ends it', 'e0\n'],
    ['a carriage return', 'e\r0'],
    ['a NUL', 'e\0'],
    ['a space', 'e 0'],
    ['what is not ASCII', 'é'],
    ['more than a header takes', 'e'.repeat(1_024)],
    ['a number', 7],
    ['nothing', undefined],
    ['null', null],
    ['an object', { toString: () => 'e0' }],
    ['what is no text at all', Object.create(null)],
  ])('makes an event id with %s', async (_, id) => {
    const log = openLog(storeBut({ storeEvent: async () => id as string }));
    expect((await failure(log.append('0', note(1)))).message).toBe(
      'The event store returned an event id that is not visible ASCII',
    );
  });

  test.each([
    ['a newline', 'e\n0'],
    ['a whole event', 'e0\ndata: {"jsonrpc":"2.0"}\n\nid: e1'],
    ['more than a header takes', 'e'.repeat(1_024)],
    ['a number', 7],
    ['nothing', undefined],
  ])('replays an event id with %s: nobody gets it', async (_, id) => {
    const log = openLog(
      storeBut({
        replayEventsAfter: async (_last, { send }) => {
          const stored = marked(note(1), 'session-1:0');
          await send('e1', stored);
          await send(id as string, stored);
          await send('e3', stored);
          return 'session-1:0';
        },
      }),
    );
    const events: string[] = [];
    await failure(log.replayAfter('0_e0', (_message, eventId) => void events.push(eventId)));
    expect(events).toEqual(['0_e1']);
  });

  test('replays what is no message: nobody gets it', async () => {
    const log = openLog(
      storeBut({
        replayEventsAfter: async (_last, { send }) => {
          for (const [n, stored] of [
            marked({}, 'session-1:0'),
            note(1),
            null as unknown as JSONRPCMessage,
            'text' as unknown as JSONRPCMessage,
            marked(note(2), 'session-1:1'),
            marked(note(3), 'session-1:0'),
          ].entries()) {
            await send(`e${n}`, stored);
          }
          return 'session-1:0';
        },
      }),
    );
    expect(await replay(log, '0_e9')).toEqual({ known: true, events: [['0_e5', note(3)]] });
  });
});

describe('a store that hangs', () => {
  test('is waited for five seconds', () => {
    expect(STORE_TIMEOUT).toBe(5_000);
  });

  test.each([
    ['storing', (log: EventLog) => log.append('0', note(1)), { storeEvent: NEVER }],
    ['looking up', (log: EventLog) => log.replayAfter('0_e0', () => {}), { getStreamIdForEventId: NEVER }],
    ['replaying', (log: EventLog) => log.replayAfter('0_e0', () => {}), { replayEventsAfter: NEVER }],
  ] as const)('%s: fails when its time is up, and not before', async (_, start, broken) => {
    const clock = new WatchedClock();
    let settled = false;
    const operation = start(openLog(storeBut(broken), 'a', clock));
    void operation.catch(() => {}).finally(() => (settled = true));
    await turns(1);
    clock.increment(STORE_TIMEOUT - 1);
    await turns(1);
    expect(settled).toBe(false);
    clock.increment(1);
    expect((await failure(operation)).message).toBe(late);
    expect(clock.pending).toEqual([]);
  });

  test('between two events gets the time anew with each of them', async () => {
    const clock = new WatchedClock();
    const waiting: (() => void)[] = [];
    const log = openLog(
      storeBut({
        replayEventsAfter: async (_, { send }) => {
          for (let n = 1; ; n++) {
            await new Promise<void>((resolve) => waiting.push(resolve));
            await send(`e${n}`, marked(note(n), 'a:0'));
          }
        },
      }),
      'a',
      clock,
    );
    const events: string[] = [];
    const operation = log.replayAfter('0_e0', (_, id) => void events.push(id));
    operation.catch(() => {});
    for (let n = 1; n <= 5; n++) {
      const next = await until(() => waiting.shift());
      clock.increment(STORE_TIMEOUT - 1);
      next();
      await until(() => events.length === n);
    }
    const next = await until(() => waiting.shift());
    clock.increment(STORE_TIMEOUT);
    expect((await failure(operation)).message).toBe(late);

    next();
    await until(() => waiting.length === 1); // it goes on, and is not listened to
    expect(events).toEqual(['0_e1', '0_e2', '0_e3', '0_e4', '0_e5']);
    expect(clock.pending).toEqual([]);
  });

  test.each([
    ['with an answer', () => Promise.resolve('e0')],
    ['with a failure', () => Promise.reject(new Error('late'))],
  ])('and comes back late, %s: nobody cares', async (_, answer) => {
    const clock = new WatchedClock();
    let comeBack = () => {};
    const log = openLog(
      storeBut({ storeEvent: () => new Promise<void>((resolve) => (comeBack = resolve)).then(answer) }),
      'a',
      clock,
    );
    const operation = log.append('0', note(1));
    operation.catch(() => {});
    await until(() => clock.pending.length === 1);
    clock.increment(STORE_TIMEOUT);
    await failure(operation);
    comeBack();
    await turns(2); // Node would tell of an unhandled rejection by now, which fails the run
    expect(clock.pending).toEqual([]);
  });

  test('does not keep what else is asked of it waiting', async () => {
    let hang = true;
    const good = new GoodStore();
    const log = openLog(
      storeBut({
        storeEvent: (streamId, message) => {
          if (!hang) return good.storeEvent(streamId, message);
          hang = false;
          return NEVER();
        },
      }),
    );
    log.append('0', note(1)).catch(() => {});
    expect(await until(log.append('0', note(2)))).toBe('0_e0');
  });
});

test('a store that is done is not listened to any more', async () => {
  let later: (() => Promise<void>) | undefined;
  const clock = new WatchedClock();
  const log = openLog(
    storeBut({
      replayEventsAfter: async (_, { send }) => {
        later = () => send('e1', marked(note(1), 'a:0'));
        return 'a:0';
      },
    }),
    'a',
    clock,
  );
  const { events } = await replay(log, '0_e0');
  await later?.();
  expect(events).toEqual([]);
  expect(clock.pending).toEqual([]);
});

describe('a session that is to be forgotten', () => {
  test("is named by what all of its streams' ids begin with, and no other session's", async () => {
    const stored: string[] = [];
    const forgotten: string[] = [];
    const store = {
      ...storeBut({
        storeEvent: async (streamId) => {
          stored.push(streamId);
          return 'e0';
        },
      }),
      forget: (prefix: string) => void forgotten.push(prefix),
    };
    const sessions = ['a', 'ab', 'a:0', 'a_', 'a%5F'];
    for (const id of sessions) {
      for (const streamId of ['0', '10', 'get']) await openLog(store, id).append(streamId, note(1));
      await openLog(store, id).forget();
    }
    for (const [n, prefix] of forgotten.entries()) {
      expect(stored.filter((streamId) => streamId.startsWith(prefix))).toEqual(stored.slice(3 * n, 3 * n + 3));
    }
    expect(forgotten).toHaveLength(sessions.length);
  });

  test('is left alone by a store that can forget none', async () => {
    expect(
      await until(
        openLog(new GoodStore())
          .forget()
          .then(() => 'done'),
      ),
    ).toBe('done');
  });

  test('does not keep anybody waiting for a store that fails or hangs', async () => {
    const clock = new WatchedClock();
    const forgetBy = (forget: () => Promise<void>) =>
      openLog({ ...storeBut({}), forget } as EventStore, 'a', clock).forget();
    expect((await failure(forgetBy(() => Promise.reject(new Error('disk full'))))).message).toBe(
      'The event store failed',
    );
    const hanging = forgetBy(NEVER);
    hanging.catch(() => {});
    clock.increment(STORE_TIMEOUT);
    expect((await failure(hanging)).message).toBe(late);
    expect(clock.pending).toEqual([]);
  });
});

test.each([
  ['0_e0', '0'],
  ['12_a_b_c', '12'],
  ['get_e0', 'get'],
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
