/** The end of a session's lifetime: forgotten at once, while its calls in flight are given time to be answered. */
import { expect, test } from 'vitest';
import { type ServeOptions, serve } from '../../support/serve.ts';
import { becomesIdle, endingsIn, expectGone, expectNotFound, lifeOf } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { buildTestServer } from '../../support/testServer.ts';
import { until, withTimeout } from '../../support/until.ts';
import { call, callBody, initialize, initializeBody, openStream, post } from '../../support/wire.ts';

const LIFETIME = 100_000;
const GRACE = 5_000;

async function serveMortals(options: ServeOptions = {}) {
  const clock = new SimulatedClock();
  const served = await serve({ clock, maxSessionLifetime: LIFETIME, shutdownTimeout: GRACE, ...options });
  return { clock, ...served };
}

test('a session ends at its age, however busy it was, and only then', async () => {
  const served = await serveMortals({ sessionIdleTimeout: LIFETIME / 2 });
  const { url, clock, supervisor, events, log } = served;
  const { sessionId } = await initialize(url);
  for (let age = 0; age < LIFETIME - 1; age += LIFETIME / 4) {
    await becomesIdle(served, sessionId);
    expect((await call(url, sessionId, 'echo', { text: 'still young' })).status).toBe(200);
    await becomesIdle(served, sessionId);
    await advance(clock, Math.min(LIFETIME / 4, LIFETIME - 1 - age));
  }
  expect(supervisor.session(sessionId)).toBeDefined();
  await advance(clock, 1);
  expect(supervisor.session(sessionId)).toBeUndefined();
  await expectGone(url, sessionId);
  expect(lifeOf(events).at(-1)).toBe('terminated: lifetime');
  expect(endingsIn(log)).toMatchObject([{ sessionId, reason: 'lifetime' }]);
});

test('a call in flight gets its answer within shutdownTimeout, while everything new gets 404', async () => {
  const { url, clock, gates, supervisor, events } = await serveMortals();
  const { sessionId, headers } = await initialize(url);
  const stream = await openStream(url, { headers });
  const calling = post(url, callBody('gate', { key: 'a' }, 1), headers);
  await gates.entered('a');
  await advance(clock, LIFETIME);
  expect(supervisor.session(sessionId)).toBeUndefined();
  expect(lifeOf(events).at(-1)).toBe('terminated: lifetime');
  expect(await withTimeout(stream.closed, { what: 'the GET stream to end' })).toBe(true);
  await expectGone(url, sessionId);
  expectNotFound(
    await post(url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, headers),
  );
  await advance(clock, GRACE - 1);
  expect(gates.counts('a').aborted).toBe(0);
  gates.open('a');
  expect((await calling).messages()).toMatchObject([{ id: 1, result: { content: [{ text: 'passed a' }] } }]);
});

test('a call beyond shutdownTimeout is answered with an error, and aborted', async () => {
  const { url, clock, gates } = await serveMortals();
  const { headers } = await initialize(url);
  const calling = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 1) });
  await gates.entered('a');
  await advance(clock, LIFETIME);
  await advance(clock, GRACE - 1);
  expect(calling.ended).toBe(false);
  await advance(clock, 1);
  expect(await calling.message()).toMatchObject({ id: 1, error: { code: -32000, message: 'Session ended: lifetime' } });
  expect(await withTimeout(calling.closed)).toBe(true);
  await gates.aborted('a');
});

test('its place is free at once, and its server is closed when its calls are answered', async () => {
  let closed = 0;
  const served = await serveMortals({
    maxSessions: 1,
    whenFull: 'reject',
    server: (session) => {
      const server = buildTestServer(session, gates);
      const close = async () => {
        closed++;
        await server.close();
      };
      return { connect: (transport) => server.connect(transport), close };
    },
  });
  const { url, clock, gates } = served;
  const { headers } = await initialize(url);
  const calls = [1, 2].map((id) => post(url, callBody('gate', { key: `gate ${id}` }, id), headers));
  await Promise.all([gates.entered('gate 1'), gates.entered('gate 2')]);
  await advance(clock, LIFETIME);
  await initialize(url);
  gates.open('gate 1');
  expect((await calls[0])?.messages()).toMatchObject([{ id: 1, result: {} }]);
  expect(closed).toBe(0);
  gates.open('gate 2');
  expect((await calls[1])?.messages()).toMatchObject([{ id: 2, result: {} }]);
  await until(() => closed === 1, { what: 'the server to be closed' });
});

test('a session that grows old while it is initialized: 504, and no session', async () => {
  const { url, clock, supervisor } = await serveMortals({
    maxSessionLifetime: 1_000,
    initializeTimeout: 60_000,
    server: () => new Promise(() => {}),
  });
  const opening = post(url, initializeBody());
  await until(() => [...supervisor.sessions()].length === 1, { what: 'the initialize to be admitted' });
  await advance(clock, 1_000);
  expect((await opening).status).toBe(504);
  expect([...supervisor.sessions()]).toEqual([]);
});

test('a server that closes itself meanwhile leaves nobody waiting', async () => {
  const servers: { close(): Promise<void> }[] = [];
  const { url, clock, gates } = await serveMortals({
    server: (session) => {
      const server = buildTestServer(session, gates);
      servers.push(server);
      return server;
    },
  });
  const { headers } = await initialize(url);
  const calling = post(url, callBody('gate', { key: 'a' }), headers);
  await gates.entered('a');
  await advance(clock, LIFETIME);
  await servers[0]?.close();
  expect((await calling).messages()).toMatchObject([{ id: 1, error: { message: 'Session ended: lifetime' } }]);
});

test('a drain does not wait longer for such calls than for others', async () => {
  const { url, clock, gates, supervisor } = await serveMortals({ shutdownTimeout: 60_000 });
  const { headers } = await initialize(url);
  const calling = post(url, callBody('gate', { key: 'a' }, 1), headers);
  await gates.entered('a');
  await advance(clock, LIFETIME);
  const drain = supervisor.drain({ timeout: 1_000 });
  await advance(clock, 1_000);
  expect((await calling).messages()).toMatchObject([{ id: 1, error: { code: -32000 } }]);
  await withTimeout(drain, { what: 'the drain' });
});
