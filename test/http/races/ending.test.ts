/** Races at a session's end, as they were seen in the field: DELETEs, calls, uploads, factories and timers that meet. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { describe, expect, test } from 'vitest';
import type { ServerFactory } from '../../../src/options.ts';
import { Gates } from '../../support/gates.ts';
import type { RawSocket } from '../../support/rawSocket.ts';
import { serve } from '../../support/serve.ts';
import {
  askInEveryWay,
  becomesIdle,
  endingsIn,
  expectGone,
  expectNotFound,
  lifeOf,
} from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { buildTestServer } from '../../support/testServer.ts';
import { until, withTimeout } from '../../support/until.ts';
import {
  callBody,
  del,
  initialize,
  initializeBody,
  openStream,
  post,
  rawSocket,
  sessionHeaders,
} from '../../support/wire.ts';

/** The test server, counting how often servers are closed and cleaned up. */
function counting(gates = new Gates()) {
  const counts = { built: 0, closed: 0, cleaned: [] as (string | undefined)[] };
  const server: ServerFactory = (session) => {
    counts.built++;
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
  return { counts, server, gates };
}

test('1. Two DELETEs at once: teardown runs once, the second gets 404', async () => {
  const { counts, server } = counting();
  const served = await serve({ server });
  const { sessionId, headers } = await initialize(served.url);
  const answers = await Promise.all([del(served.url, headers), del(served.url, headers), del(served.url, headers)]);
  const [first, ...others] = answers.sort((a, b) => a.status - b.status);
  expect(first?.status).toBe(200);
  for (const other of others) expectNotFound(other);
  await until(() => counts.cleaned.length > 0, { what: 'the cleanup' });
  expect(counts).toEqual({ built: 1, closed: 1, cleaned: [sessionId] });
  expect(endingsIn(served.log)).toMatchObject([{ sessionId, reason: 'deleted' }]);
  expect(lifeOf(served.events).filter((step) => step === 'terminated: deleted')).toHaveLength(1);
});

test('1. Two DELETEs in one packet: the second is answered after the first, with 404', async () => {
  const { port, url } = await serve();
  const { sessionId } = await initialize(url);
  const raw = await rawSocket(port);
  const request = `DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: ${sessionId}\r\n\r\n`;
  raw.write(request + request);
  expect(await raw.readResponse()).toMatchObject({ status: 200 });
  expect(await raw.readResponse()).toMatchObject({ status: 404, body: expect.stringContaining('Session not found') });
});

describe("2. DELETE while a call runs: the call's client gets an answer (a JSON-RPC error), not an empty body", () => {
  test.each([
    { how: 'as a stream', enableJsonResponse: false, type: 'text/event-stream' },
    { how: 'as JSON', enableJsonResponse: true, type: 'application/json' },
  ])("$how; the handler's abort signal fires", async ({ enableJsonResponse, type }) => {
    const { url, gates, supervisor } = await serve({ enableJsonResponse });
    const { sessionId, headers } = await initialize(url);
    const calling = post(url, callBody('gate', { key: 'a' }, 'my call'), headers);
    await gates.entered('a');
    expect((await del(url, headers)).status).toBe(200);
    const answer = await calling;
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe(type);
    expect(answer.messages()).toEqual([
      { jsonrpc: '2.0', id: 'my call', error: { code: -32000, message: 'Session ended: deleted' } },
    ]);
    await gates.aborted('a');
    expect(supervisor.session(sessionId)).toBeUndefined();
  });

  test('a handler that does not listen to its signal changes nothing', async () => {
    const { counts, server, gates } = counting();
    const { url } = await serve({ server });
    const { headers } = await initialize(url);
    const calling = post(url, callBody('gate', { key: 'a', stubborn: true }, 1), headers);
    await gates.entered('a');
    expect((await del(url, headers)).status).toBe(200);
    expect((await calling).messages()).toMatchObject([{ id: 1, error: { code: -32000 } }]);
    await until(() => counts.cleaned.length === 1, { what: 'the cleanup, while the handler still runs' });
    gates.open('a');
  });
});

const BODY = JSON.stringify(callBody('echo', { text: 'too late' }));

describe('3. The session ends while a POST is still sending its body', () => {
  test.each([
    { what: 'a request', body: BODY },
    { what: 'a notification', body: '{"jsonrpc":"2.0","method":"notifications/x"}' },
    { what: 'an initialize', body: JSON.stringify(initializeBody()) },
  ])('$what: 404, and the ended session is not heard of again', async ({ body }) => {
    const { counts, server } = counting();
    const { url, port, supervisor, events } = await serve({ server });
    const { sessionId, headers } = await initialize(url);
    await becomesIdle({ supervisor }, sessionId);
    const raw = await rawSocket(port);
    raw.begin('POST', { 'content-length': String(body.length), ...headers });
    raw.write(body.slice(0, 20));
    await until(() => supervisor.session(sessionId)?.inFlight === 1, { what: 'the upload to claim the session' });
    await del(url, headers);
    await until(() => counts.cleaned.length === 1, { what: 'the cleanup' });
    const heard = events.length;
    raw.write(body.slice(20));
    expect(await raw.readResponse()).toMatchObject({ status: 404, body: expect.stringContaining('-32001') });
    expect(events).toHaveLength(heard);
    expect([...supervisor.sessions()]).toEqual([]);
    expect(counts).toEqual({ built: 1, closed: 1, cleaned: [sessionId] });
  });
});

describe('3. The session ends while the server factory is still running: nothing is registered, nothing leaks', () => {
  const ends = {
    'its client disconnects': (raw: RawSocket) => raw.destroy(),
    'its client resets the connection': (raw: RawSocket) => raw.reset(),
  };
  test.each(Object.entries(ends))('%s', async (_, end) => {
    const gates = new Gates();
    const { counts, server } = counting();
    const aborted: boolean[] = [];
    const served = await serve({
      server: async (session) => {
        session.signal.addEventListener('abort', () => aborted.push(true));
        await gates.pass('factory', session.signal, true);
        return server(session);
      },
    });
    const raw = await rawSocket(served.port);
    const body = JSON.stringify(initializeBody());
    raw.begin('POST', { 'content-length': String(body.length) });
    raw.write(body);
    await gates.entered('factory');
    expect([...served.supervisor.sessions()]).toMatchObject([{ state: 'initializing' }]);
    end(raw);
    await until(() => [...served.supervisor.sessions()].length === 0, { what: 'the session to be forgotten' });
    expect(aborted).toEqual([true]);
    expect(endingsIn(served.log)).toMatchObject([{ reason: 'closed' }]);
    expect(counts.built).toBe(0);
    gates.open('factory');
    await until(() => counts.cleaned.length === 1, { what: 'the late server to be closed and cleaned up' });
    expect(counts).toMatchObject({ built: 1, closed: 1 });
    expect([...served.supervisor.sessions()]).toEqual([]);
    expect(served.events.filter(({ type }) => type !== 'session.terminated')).toEqual([]);
  });
});

test('4. A request that arrives between the idle timer firing and the end of the teardown: 404, never 500, never a hang', async () => {
  const clock = new SimulatedClock();
  const gates = new Gates();
  const served = await serve({
    clock,
    sessionIdleTimeout: 1_000,
    server: (session) => {
      const inner = buildTestServer(session);
      const close = async () => {
        await gates.pass('closing', new AbortController().signal);
        await inner.close();
      };
      return { connect: (transport) => inner.connect(transport), close };
    },
  });
  const { sessionId } = await initialize(served.url);
  await becomesIdle(served, sessionId);
  // The request is on the wire, and the timer fires before the server has read it.
  const crossing = post(served.url, callBody('echo', { text: 'late' }), sessionHeaders(sessionId));
  clock.increment(1_000);
  await gates.entered('closing');
  expectNotFound(await crossing);
  for (const answer of await askInEveryWay(served.url, sessionHeaders(sessionId))) expectNotFound(answer);
  gates.open('closing');
  await expectGone(served.url, sessionId);
  expect(endingsIn(served.log)).toMatchObject([{ reason: 'idle' }]);
});

test('4. A request that arrives just before the idle timer fires is served, and the session goes on', async () => {
  const clock = new SimulatedClock();
  const { url, gates, supervisor } = await serve({ clock, sessionIdleTimeout: 1_000 });
  const { sessionId, headers } = await initialize(url);
  await becomesIdle({ supervisor }, sessionId);
  await advance(clock, 999);
  const calling = post(url, callBody('gate', { key: 'a' }), headers);
  await gates.entered('a');
  await advance(clock, 1);
  gates.open('a');
  expect((await calling).messages()).toMatchObject([{ result: {} }]);
  await becomesIdle({ supervisor }, sessionId);
});

describe('15. A server→client request (sampling, elicitation) pending when the session ends: rejected, not forgotten', () => {
  test.each([
    { via: 'call', on: 'the stream of its call' },
    { via: 'standalone', on: 'the GET stream' },
  ] as const)('$on', async ({ via }) => {
    const outcomes: unknown[] = [];
    const { url } = await serve({
      server: (session) => {
        const server = new McpServer({ name: 'asking', version: '1' }, session.serverOptions);
        server.registerTool('ask', {}, async ({ requestId }) => {
          const related = via === 'call' ? { relatedRequestId: requestId } : {};
          const asked = { message: 'Well?', requestedSchema: { type: 'object' as const, properties: {} } };
          const asking = server.server.elicitInput(asked, related);
          outcomes.push(await asking.catch((error: unknown) => error));
          return { content: [] };
        });
        return server;
      },
    });
    const { headers } = await initialize(url, { capabilities: { elicitation: {} } });
    const get = await openStream(url, { headers });
    const calling = await openStream(url, { headers, body: callBody('ask', {}, 5) });
    const question = await (via === 'call' ? calling : get).message();
    expect(question).toMatchObject({ method: 'elicitation/create' });
    await del(url, headers);
    expect(await calling.message()).toMatchObject({ id: 5, error: { message: 'Session ended: deleted' } });
    expect(await withTimeout(calling.closed)).toBe(true);
    expect(await withTimeout(get.closed)).toBe(true);
    await until(() => outcomes.length === 1, { what: 'the pending request to be settled' });
    expect(outcomes[0]).toMatchObject({ message: expect.stringContaining('Connection closed') });
    // The client's answer comes too late: the session is gone.
    expectNotFound(await post(url, { jsonrpc: '2.0', id: question.id, result: { action: 'decline' } }, headers));
  });
});
