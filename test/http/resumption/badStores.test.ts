/** Event stores that throw, hang or are slow: what it costs the stream that they fail, and that it costs nobody else. */
import { describe, expect, test } from 'vitest';
import { STORE_TIMEOUT } from '../../../src/stores/storeOperations.ts';
import { ControlledStore, Door, never } from '../../support/controlledStore.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { turns, until } from '../../support/until.ts';
import { call as callTool, get, initialize } from '../../support/wire.ts';
import {
  type Driven,
  type DrivenCall,
  drive,
  listen,
  openStreams,
  resume,
  serveDriven,
  take,
  takeAll,
} from './drivenCalls.ts';

const fail = () => Promise.reject(new Error('disk full'));

/** The store's id of the stream of the session's `n`th POST that is answered by a stream; the initialize is the first. */
const isStream = (n: number) => (streamId: string) => streamId.endsWith(`:${n}`);

async function served(options: { maxStreamBuffer?: number } = {}) {
  const clock = new SimulatedClock();
  const eventStore = new ControlledStore();
  const driven = await serveDriven({ clock, eventStore, keepAliveInterval: Number.POSITIVE_INFINITY, ...options });
  const { headers, sessionId } = await initialize(driven.url);
  const failures = () => driven.log.filter(({ event }) => event === 'store.failed');
  return { driven, clock, eventStore, headers, sessionId, failures };
}

async function notify(call: DrivenCall, ...numbers: number[]): Promise<void> {
  for (const n of numbers) await call.notify(n);
}

describe('a store that fails one stream', () => {
  test.each([
    ['throws', () => fail(), false],
    ['hangs', () => never(), true],
  ])('%s: that stream goes on without it, in order; the others go on with it', async (_, behave, waits) => {
    const { driven, clock, eventStore, headers, sessionId, failures } = await served();
    const [hurt, other, getting] = [
      await drive(driven, headers, 'a', 1),
      await drive(driven, headers, 'b', 2),
      await listen(driven, headers),
    ];
    await notify(hurt.call, 1);
    eventStore.beforeStore = (streamId) => (isStream(1)(streamId) ? behave() : undefined);
    await notify(hurt.call, 2, 3);
    await notify(other.call, 10, 11);
    await other.call.notifyStandalone(20);
    expect(await take(other.stream, 2)).toEqual([10, 11]);
    expect(await take(getting.stream, 1)).toEqual([20]);
    if (waits) {
      await turns(3);
      expect(hurt.stream.waiting).toHaveLength(1);
      await advance(clock, STORE_TIMEOUT);
    }
    await notify(hurt.call, 4);
    hurt.call.closeStream?.(); // would lose the answer
    hurt.call.answer();
    const events = await until(() => hurt.stream.ended && hurt.stream.waiting, { what: 'the stream to end' });
    expect(events.map(({ id }) => id !== undefined)).toEqual([true, false, false, false, false]);
    expect(await takeAll(hurt.stream)).toEqual([1, 2, 3, 4, 'answered 1']);

    other.stream.destroy();
    await openStreams(driven, sessionId, 1);
    other.call.answer();
    expect(await takeAll(await resume(driven, headers, other.primed))).toEqual([10, 11, 'answered 2']);
    expect(failures()).toMatchObject([{ level: 'warn', sessionId, error: { code: 'EVENT_STORE_FAILED' } }]);
    expect((await callTool(driven.url, sessionId, 'echo', { text: 'unhurt' }, 9)).messages()).toHaveLength(1);
    getting.stream.destroy();
  });

  test('is slow: that stream waits, the others do not, and nothing is lost', async () => {
    const { driven, eventStore, headers, failures } = await served();
    const [slow, other] = [await drive(driven, headers, 'a', 1), await drive(driven, headers, 'b', 2)];
    const door = new Door();
    eventStore.beforeStore = (streamId) => (isStream(1)(streamId) ? door.pass() : undefined);
    await notify(slow.call, 1, 2);
    slow.call.answer();
    await notify(other.call, 10);
    other.call.answer();
    expect(await takeAll(other.stream)).toEqual([10, 'answered 2']);
    expect(slow.stream.waiting).toEqual([]);
    door.open();
    expect(await takeAll(slow.stream)).toEqual([1, 2, 'answered 1']);
    expect(slow.stream.waiting.every(({ id }) => id !== undefined)).toBe(true);
    expect(failures()).toEqual([]);
  });

  test('hangs while much is sent: beyond maxStreamBuffer nobody waits for it', async () => {
    const { driven, eventStore, headers, failures } = await served({ maxStreamBuffer: 4_096 });
    const { stream, call } = await drive(driven, headers);
    eventStore.beforeStore = never;
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    await notify(call, ...numbers);
    expect(await take(stream, 100)).toEqual(numbers);
    expect(failures()).toMatchObject([{ error: { message: 'More than 4096 bytes wait for the event store' } }]);
    await notify(call, 100);
    call.answer();
    expect(await takeAll(stream)).toEqual([100, 'answered 1']);
  });

  test('from the beginning: initialize and calls are served without ids', async () => {
    const { driven, eventStore } = await served();
    eventStore.beforeStore = fail;
    const { headers, response } = await initialize(driven.url);
    expect(response.events()).toMatchObject([{ event: 'message' }]);
    expect(response.events()[0]).not.toHaveProperty('id');
    const answer = await callTool(driven.url, headers['mcp-session-id'] ?? '', 'echo', { text: 'hi' });
    expect(answer.events().map(({ id }) => id)).toEqual([undefined]);
  });

  test('the GET stream goes on without it; a call’s does not care', async () => {
    const { driven, eventStore, headers, failures } = await served();
    const { call } = await drive(driven, headers);
    const { stream, primed } = await listen(driven, headers);
    eventStore.beforeStore = (streamId) => (streamId.includes(':get') ? fail() : undefined);
    for (const n of [1, 2]) await call.notifyStandalone(n);
    expect(await take(stream, 2)).toEqual([1, 2]);
    expect(failures()).toHaveLength(1);
    eventStore.beforeStore = () => {};
    call.closeStandaloneStream?.(); // would lose what comes
    await call.notifyStandalone(3);
    expect(await take(stream, 1)).toEqual([3]);
    expect((await get(driven.url, { ...headers, 'last-event-id': primed })).status).toBe(400);
    stream.destroy();
    call.answer();
  });
});

describe('a store that fails a resumption', () => {
  const UNAVAILABLE = { status: 503, headers: expect.objectContaining({ 'retry-after': '5' }) };

  test('throws at once: 503; the stream can be resumed later', async () => {
    const { driven, eventStore, headers, sessionId, failures } = await served();
    const { stream, primed, call } = await drive(driven, headers);
    await notify(call, 1);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    eventStore.beforeReplay = fail;
    expect(await get(driven.url, { ...headers, 'last-event-id': primed })).toMatchObject(UNAVAILABLE);
    expect(failures()).toHaveLength(1);
    eventStore.beforeReplay = () => {};
    const resumed = await resume(driven, headers, primed);
    call.answer();
    expect(await takeAll(resumed)).toEqual([1, 'answered 1']);
  });

  test('hangs: 503 after five seconds', async () => {
    const { driven, clock, eventStore, headers, sessionId } = await served();
    const { stream, primed, call } = await drive(driven, headers);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    eventStore.beforeReplay = never;
    const resuming = get(driven.url, { ...headers, 'last-event-id': primed });
    await eventStore.begun('replay', 1);
    await notify(call, 1);
    await advance(clock, STORE_TIMEOUT);
    expect(await resuming).toMatchObject(UNAVAILABLE);
    eventStore.beforeReplay = () => {};
    const resumed = await resume(driven, headers, primed);
    expect(await take(resumed, 1)).toEqual([1]);
    call.answer();
    expect(await takeAll(resumed)).toEqual(['answered 1']);
  });

  test.each([
    ['throws', fail, false],
    ['hangs', never, true],
  ] as const)('%s half-way: the response ends, and the rest is there for who comes again', async (_, behave, waits) => {
    const { driven, clock, eventStore, headers, sessionId } = await served();
    const { stream, primed, call } = await drive(driven, headers);
    await notify(call, 1, 2, 3);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    let sent = 0;
    eventStore.beforeSend = () => (sent++ < 2 ? undefined : behave());
    const half = await resume(driven, headers, primed);
    expect(await take(half, 1)).toEqual([1]);
    const { id: lastId = '' } = await half.next();
    if (waits) await advance(clock, STORE_TIMEOUT);
    expect(await takeAll(half)).toEqual([]);
    await openStreams(driven, sessionId, 0);
    expect(driven.supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1 });
    eventStore.beforeSend = () => {};
    call.answer();
    expect(await takeAll(await resume(driven, headers, lastId))).toEqual([3, 'answered 1']);
  });

  test('is slow over many events: it has five seconds for each', async () => {
    const { driven, clock, eventStore, headers, sessionId } = await served();
    const { stream, primed, call } = await drive(driven, headers);
    await notify(call, 1, 2, 3, 4);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    let waiting = 0;
    eventStore.beforeSend = () => {
      waiting++;
      return new Promise<void>((resolve) => clock.setTimeout(resolve, STORE_TIMEOUT - 1_000));
    };
    const resuming = resume(driven, headers, primed);
    for (let n = 1; n <= 4; n++) {
      await until(() => waiting === n, { what: `event ${n} to be replayed` });
      await advance(clock, STORE_TIMEOUT - 1_000);
    }
    const resumed = await resuming;
    call.answer();
    expect(await takeAll(resumed)).toEqual([1, 2, 3, 4, 'answered 1']);
  });
});

test('a session whose store hangs answers its calls when it ends', async () => {
  const { driven, eventStore, headers, sessionId } = await served();
  const { stream, call } = await drive(driven, headers);
  eventStore.beforeStore = never;
  await notify(call, 1, 2);
  void driven.supervisor.terminate(sessionId);
  const [first, second, last] = await until(() => stream.ended && stream.waiting, { what: 'the stream to end' });
  expect([first, second].map((event) => JSON.parse(event?.data ?? '').params.data)).toEqual([1, 2]);
  expect(JSON.parse(last?.data ?? '')).toMatchObject({ id: 1, error: { message: 'Session ended: terminated' } });
});

describe('a store that hangs, at the end of a session', () => {
  /** A session that ends while its store has begun to store, and is not through with it. */
  async function ending(shutdownTimeout: number) {
    const clock = new SimulatedClock();
    const eventStore = Object.assign(new ControlledStore(), { forget: never });
    const driven = await serveDriven({
      clock,
      eventStore,
      shutdownTimeout,
      keepAliveInterval: Number.POSITIVE_INFINITY,
    });
    const { headers, sessionId } = await initialize(driven.url);
    const { stream, call } = await drive(driven, headers);
    eventStore.beforeStore = never;
    await notify(call, 1);
    return { driven, clock, sessionId, stream, call };
  }

  test.each([
    [500, 500],
    [60_000, 1_000],
  ])(
    'is waited for no longer than shutdownTimeout (%s ms), and a second at most: %s ms',
    async (shutdownTimeout, waited) => {
      const { driven, clock, sessionId, stream } = await ending(shutdownTimeout);
      let ended = false;
      void driven.supervisor.terminate(sessionId).then(() => (ended = true));
      await until(() => stream.ended, { what: 'the call to be answered' });
      await advance(clock, waited - 1);
      expect(ended).toBe(false);
      await advance(clock, 1);
      await until(() => ended, { what: 'the session to have ended' });
    },
  );

  test('does not keep a drain longer than for its calls, and once more as long', async () => {
    const { driven, clock, call } = await ending(1_000);
    let drained = false;
    void driven.supervisor.drain().then(() => (drained = true));
    await advance(clock, 1_000); // for the call
    await advance(clock, 1_000); // for the store
    expect(await until(() => drained, { what: 'the drain to be over' })).toBe(true);
    call.answer();
  });
});

describe('a store that calls back', () => {
  /** Has the store do something once, in the middle of what it does next; returns what to wait for. */
  async function reentrant(act: (driven: Driven, sessionId: string) => unknown) {
    const { driven, eventStore, headers, sessionId } = await served();
    const { stream, primed, call } = await drive(driven, headers);
    let acted = false;
    const once = () => {
      if (acted) return;
      acted = true;
      void act(driven, sessionId);
    };
    return { driven, eventStore, headers, sessionId, stream, primed, call, once };
  }

  test('ends the session while it stores: what was sent goes out, the call gets an error', async () => {
    const { driven, eventStore, stream, call, sessionId, once } = await reentrant(({ supervisor }, id) =>
      supervisor.terminate(id),
    );
    eventStore.beforeStore = once;
    await notify(call, 1);
    const messages = await until(() => stream.ended && stream.waiting, { what: 'the stream to end' });
    expect(messages.map(({ data }) => JSON.parse(data).params?.data ?? JSON.parse(data).error.message)).toEqual([
      1,
      'Session ended: terminated',
    ]);
    expect(driven.supervisor.session(sessionId)).toBeUndefined();
  });

  test('ends the session while it replays: nobody is left without an answer', async () => {
    const { driven, eventStore, headers, stream, primed, call, sessionId, once } = await reentrant(
      ({ supervisor }, id) => supervisor.terminate(id),
    );
    await notify(call, 1, 2);
    expect(await take(stream, 2)).toEqual([1, 2]);
    eventStore.beforeSend = once;
    const resumed = await get(driven.url, { ...headers, 'last-event-id': primed });
    expect(resumed.status).toBe(404);
    expect(driven.supervisor.session(sessionId)).toBeUndefined();
  });

  test('has a message sent while it stores one: both come, in the order of sending', async () => {
    const { eventStore, stream, call, once } = await reentrant(() => notify(call, 2));
    eventStore.beforeStore = once;
    await notify(call, 1);
    expect(await take(stream, 2)).toEqual([1, 2]);
    call.answer();
    expect(await takeAll(stream)).toEqual(['answered 1']);
  });
});
