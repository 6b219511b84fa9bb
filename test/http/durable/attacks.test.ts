/** What was found by attacking sessions that outlive their servers: each case failed once. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore, createSessionSupervisor } from '../../../src/index.ts';
import { controlledSessionStore } from '../../support/controlledSessionStore.ts';
import { advance } from '../../support/simulatedClock.ts';
import { until } from '../../support/until.ts';
import { call, calling, del, open, park, ping, post, rests, START, start } from './life.ts';

test('a session that was just brought back is not lost by a kill near its old deadline', async () => {
  const store = createMemorySessionStore();
  const options = { sessionIdleTimeout: 60_000, parkAfter: 1_000 };
  const first = start(store, options);
  const id = await open(first);
  await park(first, id, 1_000);
  expect(await call(start(store, { ...options, at: START + 59_000 }), id, 'count')).toBe('1');
  expect(await call(start(store, { ...options, at: START + 61_000 }), id, 'count')).toBe('2');
});

describe('a server that fails while it is put back does not end its session:', () => {
  test.each(['close', 'throw', 'reject'] as const)('%s', async (how) => {
    const store = createMemorySessionStore();
    const id = await open(start(store));
    let failures = 0;
    const again = start(store, {
      server: (context, build) => {
        const server = build();
        if (!context.restored || failures > 0) return server;
        failures++;
        const connect = server.server.connect.bind(server.server);
        server.server.connect = async (transport) => {
          await connect(transport);
          if (how === 'close') await server.close();
          else
            transport.onmessage = () => {
              if (how === 'throw') throw new Error('boom');
              return Promise.reject(new Error('boom'));
            };
        };
        return server;
      },
    });
    expect((await ping(again, id)).status).toBe(200); // by the second try
    expect(failures).toBe(1);
    expect(again.supervisor.stats().ended).toEqual({});
  });
});

test('factories that hang hold nobody else’s session back for long, and no DELETE', async () => {
  const store = createMemorySessionStore();
  const first = start(store);
  const ann = { 'x-user': 'ann' };
  const bob = { 'x-user': 'bob' };
  const hanging: string[] = [];
  for (let n = 0; n < 17; n++) hanging.push(await open(first, ann));
  const [bobs, deleted] = [await open(first, bob), await open(first, bob)];
  const again = start(store, {
    server: ({ principal }, build) => (principal === 'ann' ? new Promise<never>(() => {}) : build()),
  });
  for (const id of hanging) void ping(again, id, ann).catch(() => {});
  await until(() => again.built.length === 16);
  const waiting = ping(again, bobs, bob);
  const queued = ping(again, deleted, bob);
  await new Promise((resolve) => setImmediate(resolve));
  expect((await del(again, deleted, bob)).status).toBe(200); // its restore has not begun
  expect((await queued).status).toBe(404);
  await advance(again.clock, 1_000);
  expect((await waiting).status).toBe(200);
});

test('requests that wait for one session are bounded by themselves', async () => {
  const store = createMemorySessionStore();
  const id = await open(start(store));
  const other = await open(start(store));
  const again = start(store, {
    server: (context, build) => (context.id === id ? new Promise<never>(() => {}) : build()),
  });
  const held = Array.from({ length: 1_024 }, () => ping(again, id).catch(() => undefined));
  await until(() => again.built.length === 1);
  const refused = await ping(again, id);
  expect([refused.status, refused.text]).toEqual([503, expect.stringContaining('too many requests wait')]);
  expect((await ping(again, other)).status).toBe(200);
  await advance(again.clock, 10_000);
  expect(new Set((await Promise.all(held)).map((answered) => answered?.status))).toEqual(new Set([503]));
});

test('a claim that is answered with nonsense harms one request, and the id is free again', async () => {
  const store = controlledSessionStore();
  const id = await open(start(store));
  const again = start(store);
  store.instead.claim = () => ({ verdict: 'claimed' });
  expect((await ping(again, id)).status).toBe(503);
  delete store.instead.claim;
  expect((await ping(again, id)).status).toBe(200);
});

test('a removal that is done, and whose acknowledgement is lost, is one', async () => {
  const store = controlledSessionStore();
  const id = await open(start(store));
  const again = start(store);
  let lost = 0;
  store.instead.remove = (outcome) => {
    if (lost++ === 0) throw new Error('the connection is gone');
    return outcome;
  };
  const deleted = del(again, id);
  await until(() => lost === 1);
  await advance(again.clock, 1_000);
  expect((await deleted).status).toBe(200);
  expect(again.supervisor.stats().ended).toEqual({ deleted: 1 });
});

test('the largest times that are allowed do not overflow', async () => {
  const store = createMemorySessionStore();
  const options = { restoreTimeout: 2 ** 31 - 1, maxSessionLifetime: 2_000_000_000 };
  const id = await open(start(store, { ...options, at: START }));
  const before = start(store, { ...options, at: START - 5 * 86_400_000 }); // the clock was set back
  expect((await ping(before, id)).status).toBe(200);
  await advance(before.clock, 1);
  expect((await ping(before, id)).status).toBe(200);
});

test('subscriptions are bounded as they are stored, and that is told once', async () => {
  const store = createMemorySessionStore();
  const process = start(store);
  const id = await open(process);
  for (let n = 0; n < 12; n++) {
    const uri = `a:${n}${'\u0001'.repeat(20_000)}`; // six times as large as JSON
    const answered = await post(process, { id: n, method: 'resources/subscribe', params: { uri } }, id);
    expect(answered.text).toContain('"result"');
  }
  expect(process.log.filter(({ event }) => event === 'session.subscriptionsFull')).toHaveLength(1);
  expect((await post(process, calling('count'), id)).text).toContain('"result"');
});

test('an initialize and a state that a record can’t hold together are refused at once', () => {
  const server = () => ({ connect: async () => {}, close: async () => {} });
  const sizes = { maxInitializeSize: 400_000, maxStateSize: 400_000 };
  expect(() => createSessionSupervisor({ server, sessionStore: createMemorySessionStore(), ...sizes })).toThrow(
    expect.objectContaining({ code: 'CONFLICTING_OPTIONS' }),
  );
  expect(() => createSessionSupervisor({ server, ...sizes })).not.toThrow();
});

test('no number of parked sessions is below nothing', async () => {
  const store = createMemorySessionStore();
  const first = start(store, { parkAfter: 1_000 });
  const id = await open(first);
  await park(first, id, 1_000);
  const again = start(store);
  expect((await ping(again, id)).status).toBe(200);
  expect(again.supervisor.stats().sessions.parked).toBe(0);
});

test('a session that is brought back does not keep its record, which may be large', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const store = controlledSessionStore();
  const id = await open(start(store));
  let record: WeakRef<object> | undefined;
  store.instead.claim = (outcome) => {
    record = new WeakRef((outcome as { record: object }).record);
    return outcome;
  };
  const again = start(store);
  expect(await call(again, id, 'count')).toBe('1');
  await rests(again, id);
  const isGone = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    return record?.deref() === undefined;
  };
  await until(isGone, { what: 'the record to be collected' });
  expect(again.supervisor.session(id)?.epoch).toBe(2);
});

test('where the store does not count, a session that is brought back counts for its principal', async () => {
  const store = controlledSessionStore({ counts: false });
  const first = start(store);
  const [one, other] = [await open(first), await open(first)];
  const again = start(store, { maxSessionsPerPrincipal: 1 });
  expect((await ping(again, one)).status).toBe(200);
  expect((await ping(again, other)).status).toBe(429);
});

test('a store that always gives the same sessions as expired is not asked for ever', async () => {
  const store = controlledSessionStore();
  const hundred = Array.from({ length: 100 }, (_, n) => ({ id: `gone-${n}`, epoch: 1, deadline: 0 }));
  store.instead.expired = () => hundred;
  const process = start(store);
  await advance(process.clock, 1_000);
  await until(() => store.calls.count > 0, { what: 'the sweep to come to its end' });
  expect(store.calls.expired).toBe(1_000);
});

describe('at the caps nobody has to end for another to come back', () => {
  test.each([
    [1, 1, 2],
    [2, 6, 8],
  ])('%d live, %d parked', async (maxSessions, maxParkedSessions, count) => {
    const process = start(createMemorySessionStore(), { maxSessions, maxParkedSessions });
    const ids: string[] = [];
    for (let n = 0; n < count; n++) ids.push(await open(process));
    for (const id of ids) {
      expect((await ping(process, id)).status).toBe(200);
      await rests(process, id);
    }
    expect(process.supervisor.stats()).toMatchObject({ ended: {}, sessions: { parked: maxParkedSessions } });
  });
});

describe('a record that a store of one’s own has spoilt', () => {
  test.each([
    ['state that is no JSON', { state: '{x}' }],
    ['an initialize that is none', { initialize: { protocolVersion: '2025-11-25' } }],
  ])('%s: 404 for that id alone, and the log says why', async (_, spoilt) => {
    const store = controlledSessionStore();
    const [id, other] = [await open(start(store)), await open(start(store))];
    const process = start(store);
    store.instead.load = (loaded) => {
      const { record } = loaded as { record: { id: string } };
      return record.id === id ? { verdict: 'found', record: { ...record, ...spoilt } } : loaded;
    };
    expect((await ping(process, id)).status).toBe(404);
    expect((await ping(process, other)).status).toBe(200);
    expect(process.log.filter(({ event }) => event === 'record.unreadable')).toHaveLength(1);
    expect(process.built).toHaveLength(1);
  });
});

test('a factory may throw what throws when it is looked at: the session is tried again', async () => {
  const store = createMemorySessionStore();
  const id = await open(start(store));
  const exotic = new Proxy(
    {},
    {
      getPrototypeOf() {
        throw new Error('no');
      },
    },
  );
  let failures = 0;
  const process = start(store, {
    server: (_, build) => {
      if (failures++ === 0) throw exotic;
      return build();
    },
  });
  expect((await ping(process, id)).status).toBe(200);
});
