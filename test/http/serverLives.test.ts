/** The embedder's servers: each is closed once, when it can be; never two sessions have one; all are counted and bounded. */
import { expect, test } from 'vitest';
import type { ConnectableServer } from '../../src/index.ts';
import { Gates } from '../support/gates.ts';
import { serve } from '../support/serve.ts';
import { buildTestServer } from '../support/testServer.ts';
import { until, withTimeout } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { call, callBody, initialize, initializeBody, post } from '../support/wire.ts';

/** A server whose `connect` waits at a gate, and which remembers what was done with it, in order. */
function lateServer(gates: Gates): ConnectableServer & { readonly did: string[] } {
  const did: string[] = [];
  return {
    did,
    connect: async (transport) => {
      did.push('connecting');
      await gates.pass('connect', new AbortController().signal, true);
      await transport.start();
      did.push('connected');
    },
    close: async () => void did.push('closed'),
  };
}

test('a server whose session ends while it connects is closed once, when it has connected', async () => {
  const gates = new Gates();
  const server = lateServer(gates);
  const cleaned: unknown[] = [];
  const { url, supervisor } = await serve({ server: () => ({ server, cleanup: (id) => void cleaned.push(id) }) });
  const opening = post(url, initializeBody());
  await gates.entered('connect');
  const [session] = [...supervisor.sessions()];
  const id = session?.id ?? '';
  const ended = supervisor.terminate(id);
  expect((await opening).status).toBe(503);
  expect(server.did).toEqual(['connecting']);
  gates.open('connect');
  expect(await withTimeout(ended)).toBe(true);
  expect(server.did).toEqual(['connecting', 'connected', 'closed']);
  expect(cleaned).toEqual([id]);
});

test('one that never connects is given up after shutdownTimeout, and told of', async () => {
  const gates = new Gates();
  const clock = new WatchedClock();
  const { url, supervisor, log } = await serve({ clock, shutdownTimeout: 3_000, server: () => lateServer(gates) });
  void post(url, initializeBody()).catch(() => {});
  await gates.entered('connect');
  const [session] = [...supervisor.sessions()];
  const ended = supervisor.terminate(session?.id ?? '');
  expect(supervisor.stats().servers.starting).toBe(1);
  await until(() => clock.pending.some(({ delay }) => delay === 3_000));
  clock.increment(3_000);
  expect(await withTimeout(ended)).toBe(true);
  expect(supervisor.stats().servers).toEqual({ starting: 0, closing: 0 });
  const told = log.filter(({ event }) => event === 'server.closeFailed').map(({ message }) => message);
  expect(told).toEqual([expect.stringContaining('did not start within 3000 ms')]);
});

test('a factory that fails after its session has ended: its error is logged', async () => {
  const gates = new Gates();
  const { url, supervisor, log } = await serve({
    server: async () => {
      await gates.pass('factory', new AbortController().signal, true);
      throw new Error('too late');
    },
  });
  const opening = post(url, initializeBody());
  await gates.entered('factory');
  const [session] = [...supervisor.sessions()];
  await supervisor.terminate(session?.id ?? '');
  expect((await opening).status).toBe(503);
  expect(supervisor.stats().servers.starting).toBe(1);
  gates.open('factory');
  await until(() => supervisor.stats().servers.starting === 0);
  const [entry] = log.filter(({ event }) => event === 'server.failed');
  expect(entry).toMatchObject({ level: 'warn', sessionId: session?.id, error: new Error('too late') });
});

test.each([
  ['the server', (server: ReturnType<typeof buildTestServer>) => server],
  ['what it wraps', (server: ReturnType<typeof buildTestServer>) => server.server],
])('a factory that gives a second session %s of the first: 500, and the first is unhurt', async (_, second) => {
  const shared = buildTestServer({ serverOptions: {} as never });
  let built = 0;
  let cleanups = 0;
  const { url, supervisor, log } = await serve({
    server: () => ({ server: built++ === 0 ? shared : second(shared), cleanup: () => void cleanups++ }),
  });
  const first = await initialize(url);
  const refused = await post(url, initializeBody());
  expect(refused.status).toBe(500);
  const [entry] = log.filter(({ reason }) => reason === 'crashed');
  expect(entry?.error).toMatchObject({
    code: 'INVALID_SERVER',
    message: expect.stringContaining('a new one each time'),
  });
  expect((await call(url, first.sessionId, 'echo', { text: 'still here' })).text).toContain('still here');
  expect(cleanups).toBe(0);

  // Given back, it may be had again.
  await supervisor.terminate(first.sessionId);
  expect(cleanups).toBe(1);
  const again = await initialize(url);
  expect((await call(url, again.sessionId, 'echo', { text: 'again' })).text).toContain('again');
});

test('two supervisors of one process can’t share a server either', async () => {
  const shared = buildTestServer({ serverOptions: {} as never });
  const [one, two] = [await serve({ server: () => shared }), await serve({ server: () => shared })];
  await initialize(one.url);
  expect((await post(two.url, initializeBody())).status).toBe(500);
});

test('at most 2 × maxSessions servers live, those that close included; then 503, until one has closed', async () => {
  const gates = new Gates();
  const { url, supervisor } = await serve({
    maxSessions: 2,
    server: (context) => {
      const server = buildTestServer(context);
      const cleanup = () => gates.pass('cleanup', new AbortController().signal, true);
      return { server, cleanup };
    },
  });
  const ended: Promise<boolean>[] = [];
  for (let n = 0; n < 2; n++) {
    const { sessionId } = await initialize(url);
    ended.push(supervisor.terminate(sessionId));
    await gates.entered('cleanup', n + 1);
  }
  expect(supervisor.stats().servers).toEqual({ starting: 0, closing: 2 });
  await initialize(url);
  await initialize(url);
  const refused = await post(url, initializeBody());
  expect(refused.status).toBe(503);
  expect(refused.headers['retry-after']).toBeDefined();
  expect(refused.json()).toMatchObject({ error: { message: expect.stringContaining('too many servers') } });
  expect(supervisor.stats().sessions).toMatchObject({ initializing: 0, active: 0, idle: 2 }); // nobody was evicted for nothing
  gates.open('cleanup');
  await Promise.all(ended);
  await initialize(url);
});

test('an event store that hangs holds neither terminate nor drain beyond shutdownTimeout', async () => {
  const hang = () => new Promise<never>(() => {});
  const { url, supervisor, log } = await serve({
    shutdownTimeout: 300,
    eventStore: { storeEvent: hang, replayEventsAfter: hang, forget: hang } as never,
  });
  // Its answer waits for the store; its session is there.
  void post(url, initializeBody()).catch(() => {});
  const sessionId = await until(() => [...supervisor.sessions()].find(({ state }) => state === 'active')?.id);
  const before = performance.now();
  expect(await withTimeout(supervisor.terminate(sessionId))).toBe(true);
  await withTimeout(supervisor.drain());
  expect(performance.now() - before).toBeLessThan(1_500);
  expect(log.some(({ event }) => event === 'store.failed')).toBe(true);
});

test('stats counts what there is, and what there was', async () => {
  const { url, supervisor, gates } = await serve();
  const { sessionId, headers } = await initialize(url);
  const other = await initialize(url);
  const answer = post(url, callBody('gate', { key: 'a' }), headers);
  await gates.entered('a');
  expect(supervisor.stats()).toMatchObject({
    sessions: { initializing: 0, active: 1, idle: 1 },
    opened: 2,
    ended: {},
    servers: { starting: 0, closing: 0 },
    calls: 1,
    streams: 1,
  });
  await supervisor.terminate(other.sessionId);
  gates.open('a');
  await answer;
  await until(() => supervisor.session(sessionId)?.state === 'idle');
  expect(supervisor.stats()).toMatchObject({
    sessions: { initializing: 0, active: 0, idle: 1 },
    opened: 2,
    ended: { terminated: 1 },
    calls: 0,
    streams: 0,
  });
  expect(supervisor.server(sessionId)).toBeDefined();
  expect(supervisor.server(other.sessionId)).toBeUndefined();
});
