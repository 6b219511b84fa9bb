/** What happens besides operations: told to those who observe, and counted by `stats()` all the same. */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore, createMemorySessionStore } from '../../src/index.ts';
import { ask, serveBoth, toolBody } from '../modern/modernServer.ts';
import { serve } from '../support/serve.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { buildTestServer } from '../support/testServer.ts';
import { until } from '../support/until.ts';
import { call, initialize, initializeBody, post } from '../support/wire.ts';
import { observe } from './observed.ts';

test('a refusal', async () => {
  const { supervisor, url } = await serve();
  const { events } = observe(supervisor);
  await post(url, { jsonrpc: '2.0', id: 1, method: 'ping' });
  expect(events).toEqual([{ type: 'request.refused', refusal: 'sessionRequired' }]);
});

test('the end of a session, with how long it lived', async () => {
  const clock = new SimulatedClock();
  const { supervisor, url } = await serve({ clock });
  const { events } = observe(supervisor);
  const { sessionId } = await initialize(url);
  clock.increment(5_000);
  await supervisor.terminate(sessionId);
  const end = { reason: 'terminated', duration: 5_000, opened: true, protocolVersion: '2025-11-25' };
  expect(events).toContainEqual({ type: 'session.ended', ...end });
});

test('the end of a session that was never opened', async () => {
  const { supervisor, url } = await serve({
    server: () => {
      throw new Error('none today');
    },
  });
  const { events } = observe(supervisor);
  await post(url, initializeBody());
  expect(events).toContainEqual(expect.objectContaining({ type: 'session.ended', reason: 'crashed', opened: false }));
  expect(supervisor.stats()).toMatchObject({ begun: 1, opened: 0, ended: { crashed: 1 } });
});

describe('an idle session that makes room for another', () => {
  test('ends', async () => {
    const { supervisor, url } = await serve({ maxSessions: 1 });
    const { events } = observe(supervisor);
    await initialize(url);
    await initialize(url);
    expect(events).toContainEqual({ type: 'session.evicted', outcome: 'ended' });
    expect(supervisor.stats().evicted).toEqual({ parked: 0, ended: 1 });
  });

  test('is parked where there is a store, and brought back when it is asked for', async () => {
    const { supervisor, url } = await serve({ maxSessions: 1, sessionStore: createMemorySessionStore() });
    const { events } = observe(supervisor);
    const { sessionId } = await initialize(url);
    await initialize(url);
    await until(() => supervisor.stats().sessions.parked === 1, { what: 'the first to be parked' });
    await call(url, sessionId, 'echo', { text: 'a' });
    expect(events).toContainEqual({ type: 'session.evicted', outcome: 'parked' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'session.restore', outcome: 'restored' }));
    expect(supervisor.stats()).toMatchObject({ evicted: { parked: 2, ended: 0 }, restores: { restored: 1 }, begun: 2 });
  });
});

test('a session that could not be brought back', async () => {
  let fails = false;
  const { supervisor, url } = await serve({
    sessionStore: createMemorySessionStore(),
    parkAfter: 1,
    server: (session) => {
      if (fails) throw new Error('none today');
      return buildTestServer(session);
    },
  });
  const { events } = observe(supervisor);
  const { sessionId } = await initialize(url);
  await until(() => supervisor.stats().sessions.parked === 1, { what: 'it to be parked' });
  fails = true;
  expect((await call(url, sessionId, 'echo', { text: 'a' })).status).toBe(503);
  expect(events).toContainEqual(expect.objectContaining({ type: 'session.restore', outcome: 'failed' }));
  expect(supervisor.stats().restores).toMatchObject({ failed: 1 });
});

test('what stores do', async () => {
  const { supervisor, url } = await serve({
    sessionStore: createMemorySessionStore(),
    eventStore: createMemoryEventStore(),
  });
  const { events } = observe(supervisor);
  const { sessionId } = await initialize(url);
  await call(url, sessionId, 'echo', { text: 'a' });
  const done = () => events.filter(({ type }) => type === 'store.operation');
  expect(done()).toContainEqual(expect.objectContaining({ store: 'session', operation: 'create', outcome: 'ok' }));
  expect(done()).toContainEqual(expect.objectContaining({ store: 'event', operation: 'storeEvent', outcome: 'ok' }));
  await supervisor.terminate(sessionId);
  expect(done()).toContainEqual(expect.objectContaining({ store: 'session', operation: 'remove', outcome: 'ok' }));
  expect(done()).toContainEqual(expect.objectContaining({ store: 'event', operation: 'forget', outcome: 'ok' }));
});

test('a store that fails', async () => {
  const sessionStore = createMemorySessionStore();
  sessionStore.create = async () => Promise.reject(new Error('full'));
  const { supervisor, url } = await serve({ sessionStore });
  const { events } = observe(supervisor);
  await post(url, initializeBody());
  expect(events).toContainEqual(expect.objectContaining({ store: 'session', operation: 'create', outcome: 'failed' }));
});

test('requests without sessions are counted', async () => {
  const { supervisor, url } = await serveBoth();
  await ask(url, toolBody('echo', { text: 'a' }));
  await ask(url, toolBody('echo', { text: 'b' }));
  await until(() => supervisor.stats().modern?.open === 0, { what: 'both to be over' });
  expect(supervisor.stats().modern).toEqual({ admitted: 2, open: 0, listening: 0 });
});

test('nobody is told after stop', async () => {
  const { supervisor, url } = await serve();
  const { events, seen, stop } = observe(supervisor);
  stop();
  await initialize(url);
  await post(url, { jsonrpc: '2.0', id: 1, method: 'ping' });
  expect([...events, ...seen]).toEqual([]);
});
