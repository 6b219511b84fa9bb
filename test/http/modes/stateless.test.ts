/** Stateless mode: a fresh server for each request, no ids, no sessions, no events; a drain waits all the same. */
import { describe, expect, test } from 'vitest';
import type { ServerFactory, SessionContext } from '../../../src/options.ts';
import { connectClient } from '../../support/client.ts';
import { Gates } from '../../support/gates.ts';
import { type ServeOptions, serve } from '../../support/serve.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { buildTestServer } from '../../support/testServer.ts';
import { until, withTimeout } from '../../support/until.ts';
import { WatchedClock } from '../../support/watchedClock.ts';
import { callBody, del, exchange, get, initializeBody, openStream, post } from '../../support/wire.ts';

const PING = { jsonrpc: '2.0', id: 'p', method: 'ping' };

/** The test server in stateless mode; counts what is built, closed and cleaned up. */
async function serveStateless(options: ServeOptions = {}) {
  const gates = new Gates();
  const contexts: SessionContext[] = [];
  const counts = { closed: 0, cleaned: [] as unknown[] };
  const server: ServerFactory = (session) => {
    contexts.push(session);
    const inner = buildTestServer(session, gates);
    const close = async () => {
      counts.closed++;
      await inner.close();
    };
    return {
      server: { connect: (transport) => inner.connect(transport), close },
      cleanup: (id) => void counts.cleaned.push(id),
    };
  };
  const served = await serve({ stateless: true, server, ...options });
  return { ...served, gates, contexts, counts };
}

test('every request gets a fresh server, which is closed after it; there is no id, no session, no event', async () => {
  const { url, contexts, counts, supervisor, events } = await serveStateless();
  const bodies = [
    initializeBody(),
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    PING,
    callBody('echo', { text: 'x' }),
  ];
  for (const [n, body] of bodies.entries()) {
    const response = await post(url, body);
    expect(response.status).toBe('id' in body ? 200 : 202);
    expect(response.headers).not.toHaveProperty('mcp-session-id');
    await until(() => counts.cleaned.length === n + 1, { what: 'the server to be closed' });
    expect(contexts[n]).toMatchObject({ id: undefined, principal: undefined, signal: { aborted: true } });
  }
  expect(contexts).toHaveLength(4);
  expect(counts).toEqual({ closed: 4, cleaned: [undefined, undefined, undefined, undefined] });
  expect([...supervisor.sessions()]).toEqual([]);
  expect(events).toEqual([]);
});

test('an SDK client works, and sees no session', async () => {
  const { url } = await serveStateless();
  const { client, sessionId, call } = await connectClient(url);
  expect(sessionId).toBe('');
  expect((await client.listTools()).tools.length).toBeGreaterThan(5);
  expect(await call('echo', { text: 'hello' })).toBe('hello');
});

test('the factory is told what the request says of its client', async () => {
  const { url, contexts } = await serveStateless({ principal: ({ headers }) => headers['x-user'] as string });
  await post(url, initializeBody({ clientInfo: { name: 'wire', version: '2' } }), { 'x-user': 'ada' });
  await post(url, PING, { 'mcp-protocol-version': '2025-06-18' });
  await post(url, PING);
  expect(contexts).toMatchObject([
    { principal: 'ada', clientInfo: { name: 'wire', version: '2' }, protocolVersion: '2025-11-25' },
    { principal: undefined, clientInfo: undefined, protocolVersion: '2025-06-18' },
    { principal: undefined, clientInfo: undefined, protocolVersion: '2025-03-26' },
  ]);
});

test('a request that names no version is taken for one of 2025-03-26, as nothing else says which it is', async () => {
  const { url } = await serveStateless();
  const batch = [PING, { ...PING, id: 'q' }];
  expect((await post(url, batch)).messages().map(({ id }) => id)).toEqual(['p', 'q']);
  expect((await post(url, batch, { 'mcp-protocol-version': '2025-06-18' })).status).toBe(400);
});

test('GET and DELETE: 405, with or without an id; an id on a POST is nothing to it', async () => {
  const { url, contexts } = await serveStateless();
  const id = { 'mcp-session-id': 'whatever' };
  for (const response of [
    await get(url),
    await get(url, id),
    await del(url),
    await del(url, id),
    await exchange('PUT', url),
  ]) {
    expect(response.status).toBe(405);
    expect(response.headers.allow).toBe('POST');
  }
  expect(contexts).toHaveLength(0);
  expect((await post(url, PING, id)).messages()).toMatchObject([{ id: 'p', result: {} }]);
});

test('many at once are kept apart, the same JSON-RPC id or not', async () => {
  const { url, contexts, counts } = await serveStateless();
  const calls = Array.from({ length: 20 }, (_, n) => post(url, callBody('echo', { text: `text ${n}` }, 1)));
  for (const [n, response] of (await Promise.all(calls)).entries()) {
    expect(response.messages()).toMatchObject([{ id: 1, result: { content: [{ text: `text ${n}` }] } }]);
  }
  expect(contexts).toHaveLength(20);
  await until(() => counts.closed === 20, { what: 'all servers to be closed' });
});

test('a client that disconnects ends its call, and the server with it', async () => {
  const { url, gates, counts } = await serveStateless();
  const stream = await openStream(url, { body: callBody('gate', { key: 'a' }) });
  await gates.entered('a');
  stream.destroy();
  await gates.aborted('a');
  await until(() => counts.closed === 1, { what: 'the server to be closed' });
  expect(gates.counts('a')).toEqual({ entered: 1, aborted: 1 });
});

test('a request that is refused builds no server', async () => {
  const { url, contexts } = await serveStateless();
  expect((await post(url, 'not JSON')).status).toBe(400);
  expect((await post(url, PING, { accept: 'text/html' })).status).toBe(406);
  expect((await post(url, { jsonrpc: '2.0', id: 1, method: 'initialize' })).status).toBe(400);
  expect((await post(url, [PING], { 'mcp-protocol-version': '2025-11-25' })).status).toBe(400);
  expect((await post(url, [PING, PING], { 'mcp-protocol-version': '2025-03-26' })).status).toBe(400);
  expect(contexts).toHaveLength(0);
  const batch = await post(url, [PING, { ...PING, id: 'q' }], { 'mcp-protocol-version': '2025-03-26' });
  expect(batch.messages().map(({ id }) => id)).toEqual(['p', 'q']);
  expect(contexts).toHaveLength(1);
});

describe('a factory', () => {
  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('failed as asked');
      },
    ],
    ['rejects', () => Promise.reject(new Error('failed as asked'))],
    ['returns no server', () => ({})],
  ])('that %s: 500, logged, and the next one is served', async (_, factory) => {
    let started = 0;
    const { url, log } = await serveStateless({
      server: (session) => (started++ === 0 ? (factory() as never) : buildTestServer(session)),
    });
    const refused = await post(url, PING);
    expect(refused.status).toBe(500);
    expect(refused.json()).toMatchObject({ error: { code: -32603 } });
    expect(refused.text).not.toContain('asked');
    expect(log.filter(({ level }) => level === 'error')).toMatchObject([{ error: expect.any(Error) }]);
    expect((await post(url, PING)).status).toBe(200);
  });

  test('that hangs: 504 after initializeTimeout, and the late server is closed', async () => {
    const clock = new SimulatedClock();
    const gates = new Gates();
    let closed = 0;
    const { url } = await serveStateless({
      clock,
      initializeTimeout: 5_000,
      server: async (session) => {
        await gates.pass('factory', session.signal, true);
        return { connect: async () => {}, close: async () => void closed++ };
      },
    });
    const calling = post(url, PING);
    await gates.entered('factory');
    await advance(clock, 5_000);
    expect((await calling).status).toBe(504);
    await gates.aborted('factory');
    gates.open('factory');
    await until(() => closed === 1, { what: 'the late server to be closed' });
  });
});

describe('a drain', () => {
  test('waits for the calls, and for their servers to be closed; nobody new is let in', async () => {
    const { url, gates, counts, supervisor } = await serveStateless();
    const calling = post(url, callBody('gate', { key: 'a' }));
    await gates.entered('a');
    let drained = false;
    const drain = supervisor.drain().then(() => {
      drained = true;
    });
    const refused = await post(url, PING);
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(drained).toBe(false);
    gates.open('a');
    expect((await calling).messages()).toMatchObject([{ result: { content: [{ text: 'passed a' }] } }]);
    await withTimeout(drain, { what: 'the drain' });
    expect(counts).toEqual({ closed: 1, cleaned: [undefined] });
  });

  test('answers calls that take longer than shutdownTimeout with an error, delivered or not', async () => {
    const clock = new SimulatedClock();
    const gates = new Gates();
    const { url, supervisor } = await serveStateless({
      clock,
      shutdownTimeout: 3_000,
      server: async (session) => {
        if (session.principal === 'slow') await gates.pass('factory', session.signal, true);
        return buildTestServer(session, gates);
      },
      principal: ({ headers }) => headers['x-user'] as string,
    });
    const delivered = post(url, callBody('gate', { key: 'a' }));
    const undelivered = post(url, PING, { 'x-user': 'slow' });
    await Promise.all([gates.entered('a'), gates.entered('factory')]);
    const drain = supervisor.drain();
    await advance(clock, 3_000);
    expect((await delivered).messages()).toMatchObject([{ id: 1, error: { code: -32000 } }]);
    expect((await undelivered).status).toBe(503);
    await gates.aborted('a');
    await withTimeout(drain, { what: 'the drain' });
    gates.open('factory');
  });

  test('gives up on a server that does not close', async () => {
    const clock = new SimulatedClock();
    const { url, supervisor, log } = await serveStateless({
      clock,
      shutdownTimeout: 3_000,
      server: (session) => {
        const server = buildTestServer(session);
        return { connect: (transport) => server.connect(transport), close: () => new Promise<void>(() => {}) };
      },
    });
    expect((await post(url, PING)).status).toBe(200);
    const drain = supervisor.drain();
    await advance(clock, 3_000);
    await withTimeout(drain, { what: 'the drain' });
    expect(log.filter(({ level }) => level === 'warn')).toMatchObject([
      { message: expect.stringContaining('3000 ms') },
    ]);
  });
});

test('a client that is gone before its server is there: no server is built, and no timer is left', async () => {
  const clock = new WatchedClock();
  const { supervisor, contexts, url } = await serveStateless({ clock, initializeTimeout: 5_000 });
  const headers = { 'content-type': 'application/json', accept: '*/*' };
  const body = JSON.stringify(PING);
  const gone = new Request(url, { method: 'POST', headers, body, signal: AbortSignal.abort() });
  expect((await withTimeout(supervisor.fetch(gone), { what: 'some answer' })).status).toBe(408);
  await until(() => clock.pending.length === 0, { what: 'no timer to be left' });
  expect(contexts).toHaveLength(0);
});
