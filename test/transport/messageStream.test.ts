/** One stream over its connections and its store: everything once, in order, whatever the store does. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { beforeEach, describe, expect, test } from 'vitest';
import { EventLog, STORE_TIMEOUT } from '../../src/stores/eventLog.ts';
import { Connection } from '../../src/transport/connection.ts';
import { MessageStream } from '../../src/transport/messageStream.ts';
import { ControlledStore, Door, never } from '../support/controlledStore.ts';
import { SseParser } from '../support/sse.ts';
import { turns, until, withTimeout } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeReply } from './fakeReply.ts';

const MAX_BUFFER = 1_000;

let store: ControlledStore;
let clock: WatchedClock;
let failures: unknown[];

beforeEach(() => {
  store = new ControlledStore();
  clock = new WatchedClock();
  failures = [];
});

function openStream({ retryInterval, log = true }: { retryInterval?: number; log?: boolean } = {}): MessageStream {
  return new MessageStream({
    id: '0',
    log: log ? new EventLog(store, 'session-1', clock) : undefined,
    retryInterval,
    maxBuffer: MAX_BUFFER,
    onStoreFailure: (error) => failures.push(error),
  });
}

/** A connection and what its client has got. */
class Listener {
  readonly reply = new FakeReply();
  readonly connection: Connection;

  constructor() {
    const limits = { clock, keepAliveInterval: Number.POSITIVE_INFINITY, maxStreamBuffer: 1_000_000 };
    this.connection = new Connection(this.reply, () => ({}), limits, 204);
  }

  /** The events so far: a message by its number, a priming event as `primed`; with their ids where they have one. */
  get events(): string[] {
    const text = this.reply.calls
      .map((call) => /^(?:write|end|respond \d+ \{\}) (.*)$/s.exec(call)?.[1] ?? '')
      .join('');
    return new SseParser().push(text.replaceAll('undefined', '')).events.map(({ id, data }) => {
      const said = data === '' ? 'primed' : String(JSON.parse(data).params.n);
      return id === undefined ? said : `${said} ${id}`;
    });
  }

  get lastId(): string {
    return this.events.at(-1)?.split(' ')[1] ?? '';
  }
}

const message = (n: number, size = 0): JSONRPCMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/test',
  params: { n, filling: 'x'.repeat(size) },
});

function listen(stream: MessageStream): Listener {
  const listener = new Listener();
  stream.connect(listener.connection);
  return listener;
}

const settled = (stream: MessageStream) => withTimeout(stream.settled(), { what: 'the stream to settle' });

/** Resumes with a new connection. */
async function resume(stream: MessageStream, eventId: string): Promise<Listener> {
  const listener = new Listener();
  const known = await withTimeout(stream.resume(eventId, listener.connection), { what: 'the resumption' });
  expect(known).toBe(true);
  return listener;
}

describe('without a log', () => {
  test('messages go to whoever listens, at once, and nothing is kept', () => {
    const stream = openStream({ log: false });
    stream.send(message(0));
    const { reply, events } = listen(stream);
    expect(events).toEqual([]);
    stream.prime();
    stream.send(message(1));
    expect(reply.calls.at(-1)).toContain('"n":1');
    expect(stream.resumable).toBe(false);
    stream.finish(message(2));
    expect(reply.calls.slice(-2)).toEqual([expect.stringContaining('"n":2'), 'end']);
  });

  test('there is nothing to resume, and nobody is sent away', async () => {
    const stream = openStream({ log: false });
    const { connection } = listen(stream);
    stream.disconnect();
    expect(connection.closed).toBe(false);
    expect(await stream.resume('0_e0', new Listener().connection)).toBe(false);
    await settled(stream);
  });
});

describe('order', () => {
  test('what is sent goes out in the order of sending, each with the id that it was stored under', async () => {
    const stream = openStream();
    const listener = listen(stream);
    stream.prime();
    for (let n = 1; n <= 3; n++) stream.send(message(n));
    stream.finish(message(4));
    await settled(stream);
    expect(listener.events).toEqual(['primed 0_e0', '1 0_e1', '2 0_e2', '3 0_e3', '4 0_e4']);
    expect(listener.connection.closed).toBe(true);
  });

  test('what is sent is what goes out and is stored, whatever becomes of the message meanwhile', async () => {
    const stream = openStream();
    const first = listen(stream);
    stream.prime();
    const params = { n: 1 };
    const changing = { jsonrpc: '2.0' as const, method: 'notifications/test', params };
    for (let n = 1; n <= 3; n++) {
      params.n = n;
      stream.send(changing);
    }
    params.n = 99;
    await settled(stream);
    params.n = 100;
    expect(first.events).toEqual(['primed 0_e0', '1 0_e1', '2 0_e2', '3 0_e3']);
    expect((await resume(stream, '0_e0')).events).toEqual(['1 0_e1', '2 0_e2', '3 0_e3']);
  });

  test('a message that is being stored goes to the connection that there is when it is stored', async () => {
    const stream = openStream();
    listen(stream);
    const door = new Door();
    store.beforeStore = door.pass;
    stream.send(message(1));
    await store.begun('store', 1);
    const second = listen(stream);
    stream.prime();
    door.open();
    await settled(stream);
    expect(second.events).toEqual(['1 0_e0', 'primed 0_e1']);
  });

  test('a message is stored although nobody ever listened', async () => {
    const stream = openStream();
    stream.send(message(1));
    await settled(stream);
    expect(store.events).toHaveLength(1);
  });
});

describe('resuming', () => {
  test('what was sent while nobody listened is replayed, then it goes on live: each once, in order', async () => {
    const stream = openStream();
    const first = listen(stream);
    stream.prime();
    stream.send(message(1));
    await settled(stream);
    first.reply.close();
    stream.send(message(2));
    const door = new Door();
    store.beforeReplay = door.pass;
    const second = new Listener();
    const resumed = stream.resume(first.lastId, second.connection);
    stream.send(message(3));
    await store.begun('replay', 1);
    stream.send(message(4));
    door.open();
    expect(await withTimeout(resumed)).toBe(true);
    stream.send(message(5));
    await settled(stream);
    expect(second.events).toEqual(['2 0_e2', '3 0_e3', '4 0_e4', '5 0_e5']);
  });

  test('ends the connection that there was, once the new one has all', async () => {
    const stream = openStream();
    const first = listen(stream);
    stream.prime();
    await settled(stream);
    const door = new Door();
    store.beforeReplay = door.pass;
    const second = new Listener();
    const resumed = stream.resume(first.lastId, second.connection);
    await store.begun('replay', 1);
    expect(first.connection.closed).toBe(false);
    door.open();
    await withTimeout(resumed);
    expect(first.connection.closed).toBe(true);
    expect(stream.connected).toBe(true);
  });

  test('a client that leaves during the replay changes nothing', async () => {
    const stream = openStream();
    const first = listen(stream);
    stream.prime();
    stream.send(message(1));
    await settled(stream);
    const door = new Door();
    store.beforeSend = door.pass;
    const second = new Listener();
    const resumed = stream.resume('0_e0', second.connection);
    await store.begun('replay', 1);
    second.reply.close();
    door.open();
    expect(await withTimeout(resumed)).toBe(true);
    expect(first.connection.closed).toBe(false);
    stream.send(message(2));
    await settled(stream);
    expect(first.events.at(-1)).toBe('2 0_e2');
  });

  test('a replay that fails leaves the stream as it was', async () => {
    const stream = openStream();
    const first = listen(stream);
    stream.prime();
    await settled(stream);
    store.beforeReplay = () => Promise.reject(new Error('disk full'));
    const resumed = stream.resume(first.lastId, new Listener().connection);
    stream.send(message(1));
    await expect(withTimeout(resumed)).rejects.toMatchObject({ code: 'EVENT_STORE_FAILED' });
    await settled(stream);
    expect(first.events).toEqual(['primed 0_e0', '1 0_e1']);
    expect(stream.resumable).toBe(true);
    expect(failures).toEqual([]);
  });

  test('two at once: each gets all, the later one keeps the stream', async () => {
    const stream = openStream();
    listen(stream);
    stream.prime();
    stream.send(message(1));
    const [second, third] = [new Listener(), new Listener()];
    const both = Promise.all([second, third].map(({ connection }) => stream.resume('0_e0', connection)));
    expect(await withTimeout(both)).toEqual([true, true]);
    stream.send(message(2));
    await settled(stream);
    expect(second.events).toEqual(['1 0_e1']);
    expect(second.connection.closed).toBe(true);
    expect(third.events).toEqual(['1 0_e1', '2 0_e2']);
  });
});

describe('sent away', () => {
  test('the client is told when to come back, once all is out that was sent before', async () => {
    const stream = openStream({ retryInterval: 500.5 });
    const { reply, connection } = listen(stream);
    stream.prime();
    stream.disconnect();
    stream.send(message(1));
    await settled(stream);
    expect(connection.closed).toBe(true);
    expect(reply.calls.slice(1)).toEqual(['write id: 0_e0\nretry: 501\ndata: \n\n', 'write retry: 501\n\n', 'end']);
    expect((await resume(stream, '0_e0')).events).toEqual(['1 0_e1']);
  });

  test('a connection that comes meanwhile stays', async () => {
    const stream = openStream();
    listen(stream);
    stream.prime();
    stream.disconnect();
    const second = listen(stream);
    await settled(stream);
    expect(second.connection.closed).toBe(false);
  });

  test('not when the store has failed: the client could not come back', async () => {
    const stream = openStream();
    const { connection } = listen(stream);
    store.beforeStore = () => Promise.reject(new Error('disk full'));
    stream.prime();
    stream.disconnect();
    await settled(stream);
    expect(stream.resumable).toBe(false);
    expect(connection.closed).toBe(false);
    stream.disconnect();
    expect(connection.closed).toBe(false);
  });
});

describe('a store that fails', () => {
  test('what waits for it goes out in order, without ids, and so does all that comes', async () => {
    const stream = openStream();
    const listener = listen(stream);
    stream.prime();
    await settled(stream);
    store.beforeStore = () => Promise.reject(new Error('disk full'));
    for (let n = 1; n <= 3; n++) stream.send(message(n));
    await until(() => failures.length > 0, { what: 'the failure' });
    stream.send(message(4));
    stream.finish(message(5));
    expect(listener.events).toEqual(['primed 0_e0', '1', '2', '3', '4', '5']);
    expect(failures).toMatchObject([{ code: 'EVENT_STORE_FAILED' }]);
    expect(await stream.resume('0_e0', new Listener().connection)).toBe(false);
  });

  test('the end is not lost', async () => {
    const stream = openStream();
    const { connection } = listen(stream);
    store.beforeStore = () => Promise.reject(new Error('disk full'));
    stream.send(message(1));
    stream.finish();
    await settled(stream);
    expect(connection.closed).toBe(true);
  });

  test('a store that hangs is waited for, for its time', async () => {
    const stream = openStream();
    const listener = listen(stream);
    store.beforeStore = never;
    for (let n = 1; n <= 3; n++) stream.send(message(n));
    stream.finish(message(4));
    clock.increment(STORE_TIMEOUT - 1);
    await turns(2);
    expect(listener.events).toEqual([]);
    clock.increment(1);
    await settled(stream);
    expect(listener.events).toEqual(['1', '2', '3', '4']);
    expect(failures).toHaveLength(1);
  });

  test('what it stores after all is not sent twice', async () => {
    const stream = openStream();
    const listener = listen(stream);
    const door = new Door();
    store.beforeStore = door.pass;
    stream.send(message(1));
    stream.send(message(2));
    clock.increment(STORE_TIMEOUT);
    await settled(stream);
    door.open();
    await turns(3);
    expect(listener.events).toEqual(['1', '2']);
    expect(failures).toHaveLength(1);
  });
});

describe('what waits for a store that hangs is bounded', () => {
  /** The client of a stream that is sent so many messages of so many bytes while its store hangs. */
  async function flood(count: number, size: number) {
    const stream = openStream();
    const listener = listen(stream);
    stream.prime();
    await settled(stream);
    store.beforeStore = never;
    for (let n = 1; n <= count; n++) stream.send(message(n, size));
    await turns(2);
    return { stream, listener };
  }

  test('up to maxBuffer it waits, beside the message that is with the store', async () => {
    const { listener } = await flood(3, 300);
    expect(listener.events).toEqual(['primed 0_e0']);
    expect(failures).toEqual([]);
  });

  test('beyond it all goes out at once, in order, and nothing overtakes or is kept', async () => {
    const { stream, listener } = await flood(5, 300);
    expect(listener.events).toEqual(['primed 0_e0', '1', '2', '3', '4', '5']);
    stream.send(message(6));
    stream.finish(message(7));
    expect(listener.events.slice(-2)).toEqual(['6', '7']);
    expect(failures).toEqual([new Error('More than 1000 bytes wait for the event store')]);
    await settled(stream);
    clock.increment(STORE_TIMEOUT);
    await turns(2);
    expect(listener.events).toHaveLength(8);
    expect(failures).toHaveLength(1);
  });

  test('one message larger than maxBuffer waits', async () => {
    const { stream, listener } = await flood(2, 5_000);
    void stream.settled();
    await turns(2);
    expect(listener.events).toEqual(['primed 0_e0']);
    expect(failures).toEqual([]);
  });

  test('a resumption that waits behind it is told that there is nothing', async () => {
    const { stream } = await flood(1, 0);
    const resumed = stream.resume('0_e0', new Listener().connection);
    for (let n = 1; n <= 5; n++) stream.send(message(n, 300));
    expect(await withTimeout(resumed, { what: 'the resumption to be refused' })).toBe(false);
  });

  test('a store that is quick may get any amount within one turn of the event loop', async () => {
    const stream = openStream();
    const listener = listen(stream);
    for (let n = 1; n <= 20; n++) stream.send(message(n, 900));
    await settled(stream);
    expect(listener.events).toHaveLength(20);
    expect(listener.events.at(-1)).toBe('20 0_e19');
    expect(failures).toEqual([]);
  });
});
