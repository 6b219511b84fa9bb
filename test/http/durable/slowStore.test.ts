/** A session store that takes its time, or never answers: who waits for it, for how long, and what is said then. */
import { describe, expect, test } from 'vitest';
import { controlledSessionStore } from '../../support/controlledSessionStore.ts';
import { Door, never } from '../../support/controlledStore.ts';
import { advance } from '../../support/simulatedClock.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { del, initializing, NOT_FOUND, open, park, ping, post, start } from './life.ts';

/** Whether a promise has settled. */
function watched(promise: Promise<unknown>) {
  const watch = { settled: false };
  const settle = () => {
    watch.settled = true;
  };
  promise.then(settle, settle);
  return watch;
}

describe('a drain', () => {
  test('waits for a store that hangs for a second, and says so', async () => {
    const store = controlledSessionStore({ durable: true });
    const process = start(store);
    await open(process);
    store.before.park = never;
    const drained = process.supervisor.drain();
    const drain = watched(drained);
    await until(() => store.calls.park > 0);
    await advance(process.clock, 999);
    expect(drain.settled).toBe(false);
    await advance(process.clock, 1);
    await withTimeout(drained);
    expect(process.log.map(({ event }) => event).slice(-2)).toEqual(['sessionStore.failed', 'supervisor.stopped']);
  });

  test.each(['claim', 'park'] as const)('waits for a session that is being brought back: %s', async (operation) => {
    const store = controlledSessionStore({ durable: true });
    const id = await open(start(store));
    const process = start(store);
    const waits = new Door();
    store.before[operation] = waits.pass;
    const pinged = ping(process, id);
    if (operation === 'claim') await until(() => store.calls.claim > 0);
    else expect((await pinged).status).toBe(200);
    const drained = process.supervisor.drain();
    const drain = watched(drained);
    await until(() => store.calls[operation] > 0);
    await turns(5);
    expect(drain.settled).toBe(false);
    waits.open();
    if (operation === 'claim') expect((await pinged).status).toBe(503);
    await withTimeout(drained);
    const asked = { ...store.calls };
    await turns(5);
    expect(store.calls).toEqual(asked);
    expect(await store.count()).toEqual({ sessions: 1, parked: 1 });
  });

  test('waits for the removal of a session whose time was up, and tells of it before', async () => {
    const store = controlledSessionStore({ durable: true });
    const process = start(store, { sessionIdleTimeout: 60_000, parkAfter: 1_000 });
    const id = await open(process);
    await park(process, id, 1_000);
    const waits = new Door();
    store.before.remove = waits.pass;
    await advance(process.clock, 62_000, 1_000);
    await until(() => store.calls.remove > 0);
    const drained = process.supervisor.drain();
    const drain = watched(drained);
    await turns(5);
    expect(drain.settled).toBe(false);
    expect(process.supervisor.stats().ended).toEqual({});
    waits.open();
    await withTimeout(drained);
    expect(process.supervisor.stats().ended).toEqual({ idle: 1 });
  });

  test('waits for an initialize that is being stored, which it takes back', async () => {
    const store = controlledSessionStore({ durable: true });
    const process = start(store);
    const waits = new Door();
    store.before.create = waits.pass;
    const opened = post(process, initializing());
    await until(() => store.calls.create > 0);
    const drained = process.supervisor.drain({ timeout: 0 });
    const drain = watched(drained);
    await advance(process.clock, 0);
    expect((await opened).status).toBe(503);
    await turns(5);
    expect(drain.settled).toBe(false);
    waits.open();
    await withTimeout(drained);
    expect(await store.count()).toEqual({ sessions: 0, parked: 0 });
  });

  test('says what a store that is not durable loses', async () => {
    const store = controlledSessionStore();
    const process = start(store, { parkAfter: 1_000 });
    await park(process, await open(process), 1_000);
    await withTimeout(process.supervisor.drain());
    expect(process.log.at(-1)).toMatchObject({ level: 'warn', event: 'supervisor.stopped', sessions: 1 });
    expect(process.log.at(-1)?.message).toContain('1 sessions are parked in a store that is not durable');
  });
});

describe('who waits for a store when a drain is through is told so', () => {
  test.each(['load', 'claim', 'remove'] as const)('%s', async (operation) => {
    const store = controlledSessionStore({ durable: true });
    const id = await open(start(store));
    const process = start(store);
    store.before[operation] = never;
    const asked = operation === 'remove' ? del(process, id) : ping(process, id);
    await until(() => store.calls[operation] > 0);
    const drained = process.supervisor.drain();
    await turns(5);
    await advance(process.clock, 2_000, 1_000);
    const answered = await asked;
    expect([answered.status, answered.headers.get('retry-after')]).toEqual([503, '5']);
    await withTimeout(drained);
  });
});

test('a session that is stored when nobody waits for that any more is removed again', async () => {
  const store = controlledSessionStore({ durable: true });
  const process = start(store, { maxSessionsPerPrincipal: 1 });
  const waits = new Door();
  store.before.create = waits.pass;
  const opened = post(process, initializing());
  await until(() => store.calls.create > 0);
  await advance(process.clock, 5_000);
  expect((await opened).status).toBe(503);
  await advance(process.clock, 2_000, 1_000); // it is not there yet
  waits.open();
  await until(async () => store.calls.remove > 1 && (await store.count()).sessions === 0);
  delete store.before.create;
  expect((await post(process, initializing())).status).toBe(200);
});

describe('terminate', () => {
  test.each(['live', 'parked'] as const)(
    'of a %s session whose record stays rejects, and it ends later',
    async (how) => {
      const store = controlledSessionStore({ durable: true });
      const process = start(store, { parkAfter: 1_000 });
      const id = await open(process);
      if (how === 'parked') await park(process, id, 1_000);
      store.before.remove = () => Promise.reject(new Error('read-only'));
      const terminated = process.supervisor.terminate(id);
      const outcome = expect(terminated).rejects.toMatchObject({ code: 'STORE_FAILED' });
      await until(() => store.calls.remove > 0);
      await advance(process.clock, 6_000, 500);
      await outcome;
      expect((await ping(process, id)).status).toBe(404);
      delete store.before.remove;
      await advance(process.clock, 2_000, 500);
      await until(async () => (await store.count()).sessions === 0);
      expect(process.supervisor.stats().ended).toEqual({ terminated: 1 });
    },
  );

  test('rejects where nobody can know whether there is such a session', async () => {
    const store = controlledSessionStore({ durable: true });
    const process = start(store);
    store.before.load = () => Promise.reject(new Error('away'));
    await expect(process.supervisor.terminate('unknown')).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('nothing was ended'),
    });
    delete store.before.load;
    expect(await process.supervisor.terminate('unknown')).toBe(false);
  });
});

describe('to another principal it is as if there were no session, and that costs one read:', () => {
  const ann = { 'x-user': 'ann' };
  const eve = { 'x-user': 'eve' };

  /** A store and what is said of an id that is not there. */
  async function given() {
    const store = controlledSessionStore({ durable: true });
    const id = await open(start(store), ann);
    return { store, id };
  }

  async function expectUnknown(
    process: ReturnType<typeof start>,
    store: Awaited<ReturnType<typeof given>>['store'],
    id: string,
  ) {
    const before = store.calls.load;
    const answered = await ping(process, id, eve);
    expect([answered.status, answered.text]).toEqual([404, NOT_FOUND]);
    expect(store.calls.load - before).toBe(1);
  }

  test('while its end is being written', async () => {
    const { store, id } = await given();
    const process = start(store);
    const waits = new Door();
    store.before.remove = waits.pass;
    const deleted = del(process, id, ann);
    await until(() => store.calls.remove > 0);
    await expectUnknown(process, store, id);
    waits.open();
    expect((await deleted).status).toBe(200);
  });

  test('while it is being brought back', async () => {
    const { store, id } = await given();
    const process = start(store);
    const waits = new Door();
    store.before.claim = waits.pass;
    const pinged = ping(process, id, ann);
    await until(() => store.calls.claim > 0);
    await expectUnknown(process, store, id);
    waits.open();
    expect((await pinged).status).toBe(200);
  });

  test('while its record could not be removed', async () => {
    const { store, id } = await given();
    const process = start(store);
    store.before.remove = () => Promise.reject(new Error('read-only'));
    const deleted = del(process, id, ann);
    await until(() => store.calls.remove > 0);
    await advance(process.clock, 6_000, 500);
    expect((await deleted).status).toBe(503);
    await expectUnknown(process, store, id);
  });
});
