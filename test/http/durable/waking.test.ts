/** Requests for sessions that have no incarnation: who is let near one, and what a request costs that is not. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore } from '../../../src/index.ts';
import { freshPath, stores } from '../../lmdb/folders.ts';
import { controlledSessionStore } from '../../support/controlledSessionStore.ts';
import { Door, never } from '../../support/controlledStore.ts';
import { advance } from '../../support/simulatedClock.ts';
import { until } from '../../support/until.ts';
import {
  call,
  calling,
  del,
  expectGone,
  initializing,
  listen,
  NOT_FOUND,
  open,
  ping,
  post,
  rests,
  START,
  start,
} from './life.ts';

const ADA = { 'x-user': 'ada' };
const BOB = { 'x-user': 'bob' };

describe('another principal', () => {
  test('gets 404 in every way: no claim, no write, no factory', async () => {
    const sessionStore = controlledSessionStore();
    const id = await open(start(sessionStore), ADA);
    const process = start(sessionStore);
    const { create, update, park, remove } = sessionStore.calls;
    for (const who of [BOB, {}]) await expectGone(process, id, who);
    expect(process.built).toEqual([]);
    expect(sessionStore.calls).toMatchObject({ claim: 0, create, update, park, remove });
    expect(await call(process, id, 'who', {}, ADA)).toBe(`${id} 2 true ada`);
  });

  test('while the session is brought back for its own', async () => {
    const sessionStore = controlledSessionStore();
    const id = await open(start(sessionStore), ADA);
    const door = new Door();
    const process = start(sessionStore, { server: (_, build) => door.pass().then(build) });
    const own = ping(process, id, ADA);
    await until(() => process.built.length === 1);
    await expectGone(process, id, BOB);
    door.open();
    expect((await own).status).toBe(200);
    await expectGone(process, id, BOB);
  });

  test('nobody’s session is nobody’s: it answers no principal', async () => {
    const sessionStore = createMemorySessionStore();
    const id = await open(start(sessionStore));
    const process = start(sessionStore);
    await expectGone(process, id, ADA);
    expect((await ping(process, id)).status).toBe(200);
  });

  test('of a name that looks like nobody is not nobody', async () => {
    const sessionStore = createMemorySessionStore();
    const id = await open(start(sessionStore));
    for (const name of ['null', 'undefined', '']) {
      await expectGone(start(sessionStore, { principal: () => name }), id);
    }
  });
});

describe('forged ids', () => {
  test('many of them: 404 each, and a live session goes on', async () => {
    const sessionStore = controlledSessionStore();
    const process = start(sessionStore);
    const live = await open(process);
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => ping(process, `forged-${n}`)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set([`404 ${NOT_FOUND}`]));
    expect(process.built).toHaveLength(1);
    expect(process.supervisor.stats().sessions).toMatchObject({ restoring: 0, parked: 0 });
    expect(await call(process, live, 'count')).toBe('1');
  });

  test('the same one again is read once a second', async () => {
    const sessionStore = controlledSessionStore();
    const process = start(sessionStore);
    for (let n = 0; n < 10; n++) await ping(process, 'forged');
    expect(sessionStore.calls.load).toBe(1);
    await advance(process.clock, 999);
    await ping(process, 'forged');
    expect(sessionStore.calls.load).toBe(1);
    await advance(process.clock, 1);
    await ping(process, 'forged');
    expect(sessionStore.calls.load).toBe(2);
  });

  test('many requests for one at once are one read', async () => {
    const sessionStore = controlledSessionStore();
    const process = start(sessionStore);
    await Promise.all(Array.from({ length: 100 }, () => ping(process, 'forged')));
    expect(sessionStore.calls.load).toBe(1);
  });

  test('that were remembered as nobody’s are a session’s when they are given to one', async () => {
    const process = start(controlledSessionStore(), { sessionIdGenerator: () => 'one' });
    expect((await ping(process, 'one')).status).toBe(404);
    const id = await open(process);
    await process.supervisor.actor; // nothing else has happened
    expect((await ping(process, id)).status).toBe(200);
  });

  test.each([
    ['too long', 'x'.repeat(257)],
    ['very long', 'x'.repeat(5_000)],
    ['with what no id has', 'a b'],
    ['beyond ASCII', 'ä'],
  ])('%s: 404 without a read', async (_, id) => {
    const sessionStore = controlledSessionStore();
    const process = start(sessionStore);
    expect((await ping(process, id)).text).toBe(NOT_FOUND);
    expect(sessionStore.calls.load).toBe(0);
    expect(await process.supervisor.record(id)).toBeUndefined();
    expect(await process.supervisor.terminate(id)).toBe(false);
  });
});

describe('a store that', () => {
  test('hangs: 503 within its time, however many wait, and live sessions go on', async () => {
    const sessionStore = controlledSessionStore();
    const process = start(sessionStore);
    const live = await open(process);
    sessionStore.before.load = never;
    const answers = Array.from({ length: 500 }, (_, n) => ping(process, `forged-${n}`));
    await until(() => sessionStore.calls.load === 64);
    expect(await call(process, live, 'echo', { text: 'fine' })).toBe('fine');
    await advance(process.clock, 5_000);
    await advance(process.clock, 5_000);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([503]));
    delete sessionStore.before.load;
    expect((await ping(process, 'forged-1')).status).toBe(404);
  });

  test.each(['load', 'claim'] as const)('fails at %s: 503, never 404, and then it works', async (operation) => {
    const sessionStore = controlledSessionStore();
    const id = await open(start(sessionStore));
    const process = start(sessionStore);
    sessionStore.before[operation] = () => {
      throw new Error('no');
    };
    const refused = await ping(process, id);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    expect(process.log.filter(({ event, level }) => event === 'sessionStore.failed' && level === 'warn')).toHaveLength(
      1,
    );
    delete sessionStore.before[operation];
    expect((await ping(process, id)).status).toBe(200);
  });

  test.each([
    ['damaged', 404],
    ['newer', 404],
  ])('has a record that is %s: 404 for that id alone, and a line in the log', async (why, status) => {
    const sessionStore = controlledSessionStore();
    const [first, damaged] = [start(sessionStore), start(sessionStore)];
    const [good, bad] = [await open(first), await open(first)];
    sessionStore.before.load = () => {};
    sessionStore.instead.load = (outcome) =>
      (outcome as { record?: { id: string } }).record?.id === bad ? { verdict: 'unreadable', why } : outcome;
    expect((await ping(damaged, bad)).status).toBe(status);
    expect(damaged.log.filter(({ event }) => event === 'record.unreadable')).toMatchObject([{ sessionId: bad }]);
    expect((await ping(damaged, good)).status).toBe(200);
  });

  const wrong: Readonly<Record<string, unknown>> = {
    nothing: undefined,
    'no verdict': {},
    'a verdict that there is not': { verdict: 'fine' },
    'no record': { verdict: 'found' },
    'the record of another': (outcome: { record: object }) => ({
      ...outcome,
      record: { ...outcome.record, id: 'other' },
    }),
    'a record without an epoch': (outcome: { record: object }) => ({
      ...outcome,
      record: { ...outcome.record, epoch: 0 },
    }),
  };
  const cases = Object.entries(wrong).flatMap(([what, lie]) => [
    ['load', what, lie] as const,
    ['claim', what, lie] as const,
  ]);
  test.each(cases)('answers a %s with %s: 503, and no server is built', async (operation, _, lie) => {
    const sessionStore = controlledSessionStore();
    const id = await open(start(sessionStore));
    const process = start(sessionStore);
    sessionStore.instead[operation] = typeof lie === 'function' ? (lie as () => unknown) : () => lie;
    expect((await ping(process, id)).status).toBe(503);
    expect(process.built).toEqual([]);
    expect(process.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test.each(['create', 'remove', 'park', 'expired', 'count'] as const)(
    'answers %s with nonsense: no harm',
    async (name) => {
      const sessionStore = controlledSessionStore({ durable: true });
      const process = start(sessionStore, { parkAfter: 1_000 });
      const id = await open(process);
      sessionStore.instead[name] = () => 'fine';
      if (name === 'create') expect((await post(process, initializing())).status).toBe(503);
      if (name === 'remove') {
        const deleted = del(process, id);
        await until(() => sessionStore.calls.remove > 0);
        await advance(process.clock, 6_000, 100);
        expect((await deleted).status).toBe(503);
      }
      await advance(process.clock, 10_000, 500);
      expect(process.log.filter(({ level }) => level === 'error')).toHaveLength(name === 'create' ? 1 : 0);
      delete sessionStore.instead[name];
      expect((await ping(process, id)).status).toBe(name === 'remove' ? 404 : 200);
    },
  );

  test('says at the claim that the session is gone: 404', async () => {
    const sessionStore = controlledSessionStore();
    const id = await open(start(sessionStore));
    const process = start(sessionStore);
    sessionStore.instead.claim = () => ({ verdict: 'gone' });
    expect((await ping(process, id)).status).toBe(404);
    expect(process.built).toEqual([]);
  });

  test('says at each claim that somebody else was quicker: 503 after some tries', async () => {
    const sessionStore = controlledSessionStore();
    const id = await open(start(sessionStore));
    const process = start(sessionStore);
    sessionStore.instead.claim = () => ({ verdict: 'fenced' });
    expect((await ping(process, id)).status).toBe(503);
    expect(sessionStore.calls.claim).toBeLessThanOrEqual(6);
  });
});

test('an id that LMDB can’t look up is no session there', async () => {
  const process = start(stores(await freshPath()).sessionStore);
  for (const id of ['x'.repeat(2_500), 'a b']) expect((await ping(process, id)).status).toBe(404);
  await process.supervisor.drain();
});

describe('to a parked session', () => {
  const parked = async () => {
    const sessionStore = controlledSessionStore();
    const id = await open(start(sessionStore));
    return { id, sessionStore, process: start(sessionStore) };
  };

  test.each([
    ['a response', { id: 1, result: {} }],
    ['an error response', { id: '2.1', error: { code: 1, message: 'no' } }],
    ['a cancellation', { method: 'notifications/cancelled', params: { requestId: 4 } }],
  ])('%s gets 202, and no server is built', async (_, body) => {
    const { id, process, sessionStore } = await parked();
    const answered = await post(process, body, id);
    expect([answered.status, answered.text, answered.headers.get('mcp-session-id')]).toEqual([202, '', id]);
    expect([process.built, sessionStore.calls.claim]).toEqual([[], 0]);
  });

  test('a malformed body is refused as ever, and no server is built', async () => {
    const { id, process } = await parked();
    expect((await post(process, { nonsense: true }, id)).status).toBe(400);
    expect(process.built).toEqual([]);
  });

  test('a notification wakes it', async () => {
    const { id, process } = await parked();
    expect((await post(process, { method: 'notifications/roots/list_changed' }, id)).status).toBe(202);
    expect(process.built).toHaveLength(1);
  });

  test('an initialize is refused, as in any session', async () => {
    const { id, process } = await parked();
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } };
    expect((await post(process, { id: 1, method: 'initialize', params }, id)).status).toBe(400);
  });

  test('a GET wakes it, and its stream carries what the server says', async () => {
    const { id, process } = await parked();
    const stream = await listen(process, id);
    expect(stream.status).toBe(200);
    await call(process, id, 'log', { level: 'error' });
    expect(await stream.next()).toMatchObject({ method: 'notifications/message' });
    await stream.cancel();
    await rests(process, id);
  });

  test('a DELETE of another’s is 404, and it stays', async () => {
    const sessionStore = controlledSessionStore();
    const id = await open(start(sessionStore), ADA);
    const process = start(sessionStore);
    expect((await del(process, id, BOB)).status).toBe(404);
    expect((await post(process, calling('count'), id, ADA)).status).toBe(200);
  });
});

test('a record that is read while its session is brought back ends nothing, whatever its deadline', async () => {
  const store = controlledSessionStore({ durable: true });
  const id = await open(start(store));
  const process = start(store);
  const door = new Door();
  store.before.claim = () => door.pass();
  const pinged = ping(process, id);
  await until(() => store.calls.claim === 1);
  // Another process that still had it has written when it was active last.
  store.instead.load = (loaded) => {
    const { verdict, record } = loaded as { verdict: string; record: object };
    return { verdict, record: { ...record, idleDeadline: START - 1 } };
  };
  expect(await process.supervisor.record(id)).toMatchObject({ id });
  door.open();
  expect((await pinged).status).toBe(200);
  expect(store.calls.remove).toBe(0);
  expect(process.supervisor.stats().ended).toEqual({});
});
