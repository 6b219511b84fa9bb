/** One stream over its connections: everything once, in order, to whoever listens or resumes. */
import { describe, expect, test } from 'vitest';
import { Door } from '../support/controlledStore.ts';
import { withTimeout } from '../support/until.ts';
import { message, StreamKit } from './streamKit.ts';

describe('without a log', () => {
  test('messages go to whoever listens, at once, and nothing is kept', () => {
    const kit = new StreamKit({ log: false });
    const { stream } = kit;
    stream.send(message(0));
    const { reply, events } = kit.listen();
    expect(events).toEqual([]);
    stream.prime();
    stream.send(message(1));
    expect(reply.calls.at(-1)).toContain('"n":1');
    expect(stream.resumable).toBe(false);
    stream.finish(message(2));
    expect(reply.calls.slice(-2)).toEqual([expect.stringContaining('"n":2'), 'end']);
  });

  test('there is nothing to resume, and nobody is sent away', async () => {
    const kit = new StreamKit({ log: false });
    const { stream } = kit;
    const { connection } = kit.listen();
    stream.disconnect();
    expect(connection.closed).toBe(false);
    expect(await stream.resume('0_e0', kit.client().connection, false)).toBe(false);
    await kit.settled();
  });
});

test.each([true, false])('one that nothing is asked of is quiet, and may be given up: with a log %s', (log) => {
  const kit = new StreamKit({ log });
  let quiet = 0;
  kit.stream.onQuiet(() => quiet++);
  expect(quiet).toBe(1);
  kit.stream.detach();
  const { reply } = kit.listen();
  kit.stream.send(message(1));
  expect([reply.calls.at(-1)?.includes('"n":1'), kit.store.calls.store]).toEqual([true, 0]);
});

describe('order', () => {
  test('what is sent goes out in the order of sending, each with the id that it was stored under', async () => {
    const kit = new StreamKit();
    const { stream } = kit;
    const listener = kit.listen();
    stream.prime();
    for (let n = 1; n <= 3; n++) stream.send(message(n));
    stream.finish(message(4));
    await kit.settled();
    expect(listener.events).toEqual(['primed 0_e0', '1 0_e1', '2 0_e2', '3 0_e3', '4 0_e4']);
    expect(listener.connection.closed).toBe(true);
  });

  test('what is sent is what goes out and is stored, whatever becomes of the message meanwhile', async () => {
    const kit = new StreamKit();
    const { stream } = kit;
    const first = kit.listen();
    stream.prime();
    const params = { n: 1 };
    const changing = { jsonrpc: '2.0' as const, method: 'notifications/test', params };
    for (let n = 1; n <= 3; n++) {
      params.n = n;
      stream.send(changing);
    }
    params.n = 99;
    await kit.settled();
    params.n = 100;
    expect(first.events).toEqual(['primed 0_e0', '1 0_e1', '2 0_e2', '3 0_e3']);
    expect((await kit.resume('0_e0')).events).toEqual(['1 0_e1', '2 0_e2', '3 0_e3']);
  });

  test('a message that is being stored goes to the connection that there is when it is stored', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    kit.listen();
    const door = new Door();
    store.beforeStore = door.pass;
    stream.send(message(1));
    await store.begun('store', 1);
    const second = kit.listen();
    stream.prime();
    door.open();
    await kit.settled();
    expect(second.events).toEqual(['1 0_e0', 'primed 0_e1']);
  });

  test('all is stored although nobody ever listened, and the store is not given up for it', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    stream.prime();
    stream.send(message(1));
    stream.disconnect();
    stream.finish(message(2));
    await kit.settled();
    expect(store.events).toHaveLength(3);
    expect([stream.identified, stream.resumable, kit.failures]).toEqual([false, true, []]);
  });
});

describe('resuming', () => {
  test('what was sent while nobody listened is replayed, then it goes on live: each once, in order', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    const first = kit.listen();
    stream.prime();
    stream.send(message(1));
    await kit.settled();
    first.reply.close();
    stream.send(message(2));
    const door = new Door();
    store.beforeReplay = door.pass;
    const second = kit.client();
    const resumed = stream.resume('0_e1', second.connection, false);
    stream.send(message(3));
    await store.begun('replay', 1);
    stream.send(message(4));
    door.open();
    expect(await withTimeout(resumed)).toBe(true);
    stream.send(message(5));
    await kit.settled();
    expect(second.events).toEqual(['2 0_e2', '3 0_e3', '4 0_e4', '5 0_e5']);
  });

  test('ends the connection that there was, once the new one has all', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    const first = kit.listen();
    stream.prime();
    await kit.settled();
    const door = new Door();
    store.beforeReplay = door.pass;
    const second = kit.client();
    const resumed = stream.resume('0_e0', second.connection, false);
    await store.begun('replay', 1);
    expect(first.connection.closed).toBe(false);
    door.open();
    await withTimeout(resumed);
    expect(first.connection.closed).toBe(true);
    expect(stream.connected).toBe(true);
  });

  test('a client that nothing is replayed to is told again where it is, before anything else, if it wants to', async () => {
    const kit = new StreamKit();
    const { stream } = kit;
    kit.listen();
    stream.prime();
    stream.send(message(1));
    await kit.settled();
    const [unwilling, willing, behind] = [kit.client(), kit.client(), kit.client()];
    const resumed = [
      stream.resume('0_e1', unwilling.connection, false),
      stream.resume('0_e0', behind.connection, true),
      stream.resume('0_e1', willing.connection, true),
    ];
    stream.send(message(2));
    await withTimeout(Promise.all(resumed));
    await kit.settled();
    expect([unwilling.events, behind.events, willing.events]).toEqual([[], ['1 0_e1'], ['primed 0_e1', '2 0_e2']]);
    expect(willing.reply.calls[1]).toBe('write id: 0_e1\ndata: \n\n');
  });

  test('the connection that was replaced is let go of later, and takes nothing along', async () => {
    const kit = new StreamKit();
    const { stream } = kit;
    const first = kit.listen();
    stream.prime();
    await kit.settled();
    const second = await kit.resume('0_e0');
    stream.release(first.connection);
    expect(stream.connected).toBe(true);
    stream.release(second.connection);
    expect(stream.connected).toBe(false);
  });

  test('after an event of a stream that was not kept: it has something to come back with, if the event is known', async () => {
    const kit = new StreamKit();
    kit.listen();
    kit.stream.prime();
    await kit.settled();
    const again = kit.sameAgain();
    expect(await withTimeout(again.resume('0_e9', kit.client().connection, false))).toBe(false);
    expect(again.identified).toBe(false);
    expect(await withTimeout(again.resume('0_e0', kit.client().connection, false))).toBe(true);
    expect(again.identified).toBe(true);
  });

  test('a client that leaves during the replay changes nothing', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    const first = kit.listen();
    stream.prime();
    stream.send(message(1));
    await kit.settled();
    const door = new Door();
    store.beforeSend = door.pass;
    const second = kit.client();
    const resumed = stream.resume('0_e0', second.connection, false);
    await store.begun('replay', 1);
    second.reply.close();
    door.open();
    expect(await withTimeout(resumed)).toBe(true);
    expect(first.connection.closed).toBe(false);
    stream.send(message(2));
    await kit.settled();
    expect(first.events.at(-1)).toBe('2 0_e2');
  });

  test('a replay that fails leaves the stream as it was', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    const first = kit.listen();
    stream.prime();
    await kit.settled();
    store.beforeReplay = () => Promise.reject(new Error('disk full'));
    const resumed = stream.resume('0_e0', kit.client().connection, false);
    stream.send(message(1));
    await expect(withTimeout(resumed)).rejects.toMatchObject({ code: 'EVENT_STORE_FAILED' });
    await kit.settled();
    expect(first.events).toEqual(['primed 0_e0', '1 0_e1']);
    expect(stream.resumable).toBe(true);
    expect(kit.failures).toEqual([]);
  });

  test('two at once: each gets all, the later one keeps the stream', async () => {
    const kit = new StreamKit();
    const { stream } = kit;
    kit.listen();
    stream.prime();
    stream.send(message(1));
    const [second, third] = [kit.client(), kit.client()];
    const both = Promise.all([second, third].map(({ connection }) => stream.resume('0_e0', connection, false)));
    expect(await withTimeout(both)).toEqual([true, true]);
    stream.send(message(2));
    await kit.settled();
    expect(second.events).toEqual(['1 0_e1']);
    expect(second.connection.closed).toBe(true);
    expect(third.events).toEqual(['1 0_e1', '2 0_e2']);
  });
});

describe('the session has moved on while a message waits for the store', () => {
  async function given(end: (kit: StreamKit) => void) {
    const kit = new StreamKit();
    const listener = kit.listen();
    const door = new Door();
    kit.store.beforeStore = door.pass;
    end(kit);
    await kit.store.begun('store', 1);
    kit.mayWrite = false;
    return { kit, listener, door };
  }

  test.each([
    ['stored after all', (_: StreamKit, door: Door) => door.open()],
    ['given up', (kit: StreamKit) => kit.stream.detach()],
  ])('an answer that is %s goes to nobody here: the stream ends without it', async (_, then) => {
    const { kit, listener, door } = await given(({ stream }) => stream.finish(message(1)));
    then(kit, door);
    await kit.settled();
    expect(listener.events).toEqual([]);
    expect(listener.connection.closed).toBe(true);
  });

  test('an error is told all the same: it says that there is no answer', async () => {
    const error = { jsonrpc: '2.0' as const, id: 1, error: { code: -32_000, message: 'let go of' } };
    const { kit, listener } = await given(({ stream }) => stream.finish(error));
    kit.stream.detach();
    await kit.settled();
    expect(listener.reply.calls.join()).toContain('let go of');
  });
});

describe('sent away', () => {
  test('the client is told when to come back, once all is out that was sent before', async () => {
    const kit = new StreamKit({ retry: 500.5 });
    const { stream } = kit;
    const { reply, connection } = kit.listen();
    stream.prime();
    stream.disconnect();
    stream.send(message(1));
    await kit.settled();
    expect(connection.closed).toBe(true);
    expect(reply.calls.slice(1)).toEqual(['write id: 0_e0\ndata: \n\n', 'write retry: 501\n\n', 'end']);
    expect((await kit.resume('0_e0')).events).toEqual(['1 0_e1']);
  });

  test.each(['disconnect', 'dismiss'] as const)(
    'without a word where it would stumble over that: %s',
    async (leave) => {
      const kit = new StreamKit();
      const { reply } = kit.listen();
      kit.stream.prime();
      kit.stream[leave]();
      await kit.settled();
      expect(reply.calls.slice(-2)).toEqual([expect.stringContaining('id: 0_e0'), 'end']);
    },
  );

  test('a connection that comes meanwhile stays', async () => {
    const kit = new StreamKit();
    const { stream } = kit;
    kit.listen();
    stream.prime();
    stream.disconnect();
    const second = kit.listen();
    await kit.settled();
    expect(second.connection.closed).toBe(false);
  });

  test('not when the store has failed: the client could not come back', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    const { connection } = kit.listen();
    store.beforeStore = () => Promise.reject(new Error('disk full'));
    stream.prime();
    stream.disconnect();
    await kit.settled();
    expect(stream.resumable).toBe(false);
    expect(connection.closed).toBe(false);
    stream.disconnect();
    expect(connection.closed).toBe(false);
  });
});
