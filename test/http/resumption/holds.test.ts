/** How long a call that lost its client holds its session, and what a session that ends leaves in the store. */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../../src/index.ts';
import { STORE_TIMEOUT } from '../../../src/stores/storeOperations.ts';
import { ControlledStore, Door, never } from '../../support/controlledStore.ts';
import type { ServeOptions } from '../../support/serve.ts';
import { becomesIdle, lifeOf } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { call as callTool, get, initialize } from '../../support/wire.ts';
import { drive, listen, openStreams, resume, serveDriven, take, takeAll } from './drivenCalls.ts';

const IDLE = 1_000;
const RESUME = 60_000;

async function serveTimed(options: ServeOptions = {}) {
  const clock = new SimulatedClock();
  const eventStore = createMemoryEventStore({ clock });
  const driven = await serveDriven({ clock, eventStore, sessionIdleTimeout: IDLE, resumeTimeout: RESUME, ...options });
  const { headers, sessionId } = await initialize(driven.url);
  await becomesIdle(driven, sessionId);
  const info = () => driven.supervisor.session(sessionId);
  const counts = () => ({ state: info()?.state, inFlight: info()?.inFlight, openStreams: info()?.openStreams });
  return { ...driven, clock, eventStore, driven, headers, sessionId, counts };
}

const ACTIVE = { state: 'active', inFlight: 1, openStreams: 1 };
const HELD = { state: 'active', inFlight: 1, openStreams: 0 };
const FREE = { state: 'idle', inFlight: 0, openStreams: 0 };

describe('a call without a client holds its session', () => {
  test('until it is answered', async () => {
    const { driven, clock, headers, sessionId, counts } = await serveTimed();
    const { stream, call } = await drive(driven, headers);
    expect(counts()).toEqual(ACTIVE);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    expect(counts()).toEqual(HELD);
    await advance(clock, RESUME - 1, 10 * IDLE);
    expect(counts()).toEqual(HELD);
    call.answer();
    await becomesIdle(driven, sessionId);
    expect(counts()).toEqual(FREE);
    await advance(clock, IDLE);
    expect(lifeOf(driven.events, sessionId).at(-1)).toBe('terminated: idle');
  });

  test('until it is resumed, and then as any other; the time begins anew with the next break', async () => {
    const { driven, clock, headers, sessionId, counts } = await serveTimed();
    const { stream, primed, call } = await drive(driven, headers);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    for (let n = 0; n < 3; n++) {
      await advance(clock, RESUME - 1);
      expect(counts()).toEqual(HELD);
      const resumed = await resume(driven, headers, primed);
      expect(counts()).toEqual(ACTIVE);
      await advance(clock, 2 * RESUME, 10 * IDLE);
      expect(counts()).toEqual(ACTIVE);
      resumed.destroy();
      await openStreams(driven, sessionId, 0);
      expect(counts()).toEqual(HELD);
    }
    call.answer();
    await becomesIdle(driven, sessionId);
  });

  test('for resumeTimeout at most; the call runs on, and whoever comes in time still gets its answer', async () => {
    const { driven, clock, headers, sessionId, counts } = await serveTimed();
    const { stream, primed, call } = await drive(driven, headers);
    call.closeStream?.();
    await withTimeout(stream.closed);
    await openStreams(driven, sessionId, 0);
    await advance(clock, RESUME - 1);
    expect(counts()).toEqual(HELD);
    await advance(clock, 1);
    expect(counts()).toEqual(FREE);
    await advance(clock, IDLE - 1);
    const resumed = await resume(driven, headers, primed);
    expect(counts()).toEqual(ACTIVE);
    await advance(clock, 2 * IDLE);
    await call.notify(1);
    call.answer();
    expect(await takeAll(resumed)).toEqual(['primed', 1, 'answered 1']);
  });

  test('whose client comes back after resumeTimeout gets the time of any other at the end of a lifetime', async () => {
    const lifetime = 2 * RESUME;
    const { driven, clock, headers, sessionId, counts } = await serveTimed({
      maxSessionLifetime: lifetime,
      sessionIdleTimeout: lifetime,
    });
    const { stream, primed, call } = await drive(driven, headers);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    await advance(clock, RESUME);
    expect(counts()).toEqual(FREE);
    const resumed = await resume(driven, headers, primed);
    await advance(clock, lifetime - RESUME);
    await until(() => driven.supervisor.session(sessionId) === undefined, { what: 'the session to end' });
    call.answer();
    await until(() => resumed.ended, { what: 'the stream to end' });
    expect(JSON.parse(resumed.waiting.at(-1)?.data ?? '')).toMatchObject({ id: 1, result: {} });
  });

  test('and whose id is used again after resumeTimeout is over for whoever resumes it', async () => {
    const { driven, clock, headers, sessionId, counts } = await serveTimed({ sessionIdleTimeout: RESUME });
    const { stream, primed, call } = await drive(driven, headers);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    await advance(clock, RESUME);
    expect(counts()).toEqual(FREE);
    const again = await drive(driven, headers, 'again');
    const resumed = await get(driven.url, { ...headers, 'last-event-id': primed });
    expect(resumed.messages()).toMatchObject([{ id: 1, error: { message: expect.stringContaining('used again') } }]);
    call.answer();
    again.call.answer();
    expect(await takeAll(again.stream)).toEqual(['answered 1']);
  });

  test('once, whoever takes over from whom', async () => {
    const { driven, headers, sessionId, counts } = await serveTimed();
    const { stream, primed, call } = await drive(driven, headers);
    const second = await resume(driven, headers, primed);
    await withTimeout(stream.closed);
    await openStreams(driven, sessionId, 1);
    expect(counts()).toEqual(ACTIVE);
    const third = await resume(driven, headers, primed);
    await withTimeout(second.closed);
    await openStreams(driven, sessionId, 1);
    expect(counts()).toEqual(ACTIVE);
    third.destroy();
    await openStreams(driven, sessionId, 0);
    expect(counts()).toEqual(HELD);
    call.answer();
    await becomesIdle(driven, sessionId);
  });

  test('also when whoever resumes it leaves before it has anything', async () => {
    const eventStore = new ControlledStore();
    const { driven, clock, headers, sessionId, counts } = await serveTimed({ eventStore });
    const { stream, primed, call } = await drive(driven, headers);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    const door = new Door();
    eventStore.beforeReplay = door.pass;
    const body = { headers: { ...headers, 'last-event-id': primed } };
    const leaving = new AbortController();
    const resuming = fetch(driven.url, {
      headers: { ...body.headers, accept: 'text/event-stream' },
      signal: leaving.signal,
    });
    const aborted = expect(resuming).rejects.toThrow('aborted');
    await eventStore.begun('replay', 1);
    leaving.abort();
    await aborted;
    await openStreams(driven, sessionId, 0);
    door.open();
    await turns(5);
    expect(counts()).toEqual(HELD);
    eventStore.beforeReplay = () => {};
    await advance(clock, RESUME / 2);
    expect(counts()).toEqual(HELD);
    const resumed = await resume(driven, headers, primed);
    call.answer();
    expect(await takeAll(resumed)).toEqual(['primed', 'answered 1']);
    await becomesIdle(driven, sessionId);
  });

  test('not when the store has failed it: nobody could resume it', async () => {
    const eventStore = new ControlledStore();
    const { driven, headers, sessionId, counts } = await serveTimed({ eventStore });
    const { stream, call } = await drive(driven, headers);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    expect(counts()).toEqual(HELD);
    eventStore.beforeStore = () => Promise.reject(new Error('disk full'));
    await call.notify(1);
    await becomesIdle(driven, sessionId);
    expect(counts()).toEqual(FREE);
  });
});

describe('a session that ends', () => {
  test('is forgotten in the store, with all its streams; the others are not', async () => {
    const { driven, eventStore, headers, sessionId } = await serveTimed();
    const others = await initialize(driven.url);
    const other = await drive(driven, others.headers, 'other');
    const before = eventStore.events;
    const { call } = await drive(driven, headers);
    const { stream } = await listen(driven, headers);
    await call.notifyStandalone(1);
    await take(stream, 1);
    expect(eventStore.events).toBeGreaterThan(before);
    expect(await withTimeout(driven.supervisor.terminate(sessionId), { what: 'the teardown' })).toBe(true);
    // Left are those of the other session: its initialize and its call, each with a priming event.
    expect(eventStore.events).toBe(3);
    other.call.answer();
    expect(await takeAll(other.stream)).toEqual(['answered 1']);
  });

  test('tells nobody who resumes a complete answer meanwhile that it had all of it', async () => {
    const eventStore = new ControlledStore();
    const { driven, headers, sessionId } = await serveTimed({ eventStore });
    const { primed, call } = await drive(driven, headers);
    const door = new Door();
    eventStore.beforeReplay = door.pass;
    const resuming = [1, 2].map(() => get(driven.url, { ...headers, 'last-event-id': primed }));
    await openStreams(driven, sessionId, 3);
    call.answer();
    await eventStore.begun('replay', 1);
    const ended = driven.supervisor.terminate(sessionId);
    await turns(5);
    door.open();
    for (const resumed of await Promise.all(resuming)) expect([400, 404]).toContain(resumed.status);
    expect(await withTimeout(ended, { what: 'the teardown' })).toBe(true);
  });

  test('is forgotten after what was on its way to the store', async () => {
    const { driven, clock, eventStore, headers, sessionId } = await serveTimed();
    const door = new Door();
    const store = eventStore.storeEvent.bind(eventStore);
    const { call } = await drive(driven, headers);
    eventStore.storeEvent = async (...event) => {
      await door.pass();
      return store(...event);
    };
    await call.notify(1);
    const ended = driven.supervisor.terminate(sessionId);
    await advance(clock, 100);
    door.open();
    await withTimeout(ended, { what: 'the teardown' });
    expect(eventStore.events).toBe(0);
  });

  test.each([
    ['hangs', never],
    [
      'is slow',
      (clock: SimulatedClock) => new Promise<void>((resolve) => clock.setTimeout(resolve, STORE_TIMEOUT - 1_000)),
    ],
  ] as const)('is torn down within shutdownTimeout, and the store’s own time, when the store %s', async (_, behave) => {
    const eventStore = new ControlledStore();
    const { driven, clock, headers, sessionId } = await serveTimed({ eventStore, shutdownTimeout: 10_000 });
    const { stream, call } = await drive(driven, headers);
    eventStore.beforeStore = () => behave(clock);
    for (let n = 0; n < 20; n++) await call.notify(n);
    let torn = false;
    const ended = driven.supervisor.terminate(sessionId).finally(() => {
      torn = true;
    });
    expect((await callTool(driven.url, sessionId, 'echo', { text: 'x' })).status).toBe(404);
    await advance(clock, 15_000, 100);
    await until(() => torn, { what: 'the teardown' });
    expect(await ended).toBe(true);
    stream.destroy();
  });
});
