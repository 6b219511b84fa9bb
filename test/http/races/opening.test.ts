/** Races while sessions are being opened: refusals, slow and broken factories, many at once at the cap. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { InitializeRequestSchema, McpError } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import type { ServerFactory } from '../../../src/options.ts';
import { Gates } from '../../support/gates.ts';
import { type Served, serve } from '../../support/serve.ts';
import { endingsIn } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { buildTestServer } from '../../support/testServer.ts';
import { until } from '../../support/until.ts';
import { call, callBody, get, initialize, initializeBody, post, type WireResponse } from '../../support/wire.ts';

const never = new Promise<never>(() => {});

/** Whoever was refused got no id, and left no session, none that was opened, and no slot taken. */
async function expectNoTrace(served: Served, response: WireResponse): Promise<void> {
  expect(response.headers).not.toHaveProperty('mcp-session-id');
  expect(response.json()).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } });
  expect([...served.supervisor.sessions()]).toEqual([]);
  expect(served.events.filter(({ type }) => type !== 'session.terminated')).toEqual([]);
  await initialize(served.url);
}

describe('9. A first request that is refused: no session, no id, no slot taken', () => {
  test.each<{ what: string; status: number; send: (url: string) => Promise<WireResponse> }>([
    { what: 'GET', status: 400, send: (url) => get(url) },
    { what: 'a bad Accept', status: 406, send: (url) => post(url, initializeBody(), { accept: 'text/html' }) },
    { what: 'a body that is not JSON', status: 400, send: (url) => post(url, '{"jsonrpc":') },
    { what: 'a request before the initialize', status: 400, send: (url) => post(url, callBody('echo')) },
    {
      what: 'an unsupported version header',
      status: 400,
      send: (url) => post(url, callBody('echo'), { 'mcp-protocol-version': '1999-01-01' }),
    },
    {
      what: 'an initialize without parameters',
      status: 400,
      send: (url) => post(url, { jsonrpc: '2.0', id: 1, method: 'initialize' }),
    },
  ])('$what: $status', async ({ status, send }) => {
    const served = await serve({ maxSessions: 1, whenFull: 'reject', sessionIdleTimeout: 5_000 });
    const response = await send(served.url);
    expect(response.status).toBe(status);
    await expectNoTrace(served, response);
  });
});

describe('10. initialize whose factory or answer never comes: initializeTimeout ends it, answers 504 and frees its slot', () => {
  const servers: Record<string, ServerFactory> = {
    'the factory': () => never,
    connect: () => ({ connect: () => never, close: async () => {} }),
    'the answer': () => ({ connect: async () => {}, close: async () => {} }),
    'the answer of an McpServer': (session) => {
      const server = buildTestServer(session);
      server.server.setRequestHandler(InitializeRequestSchema, () => never);
      return server;
    },
  };
  test.each(Object.entries(servers))('%s never comes', async (_, stuck) => {
    const clock = new SimulatedClock();
    let started = 0;
    const served = await serve({
      clock,
      initializeTimeout: 5_000,
      maxSessions: 1,
      server: (session) => (started++ === 0 ? stuck(session) : buildTestServer(session)),
    });
    const opening = post(served.url, initializeBody({}, 'first'));
    await until(() => started === 1, { what: 'the factory to be called' });
    await advance(clock, 4_999);
    expect([...served.supervisor.sessions()]).toMatchObject([{ state: 'initializing', inFlight: 1 }]);
    expect((await post(served.url, initializeBody())).status).toBe(503); // nothing is idle, so the slot is taken
    await advance(clock, 1);
    const response = await opening;
    expect(response.status).toBe(504);
    expect(response.json().error).toEqual({ code: -32000, message: expect.stringContaining('Gateway Timeout') });
    expect(endingsIn(served.log)).toMatchObject([{ reason: 'initializeTimeout' }]);
    await expectNoTrace(served, response);
  });

  test('an answer that comes after the 504 is dropped, and its server is closed', async () => {
    const clock = new SimulatedClock();
    const gates = new Gates();
    let closed = 0;
    const served = await serve({
      clock,
      initializeTimeout: 5_000,
      server: async (session) => {
        await gates.pass('factory', session.signal, true);
        const server = buildTestServer(session);
        const close = async () => {
          closed++;
          await server.close();
        };
        return { connect: (transport) => server.connect(transport), close };
      },
    });
    const opening = post(served.url, initializeBody());
    await gates.entered('factory');
    await advance(clock, 5_000);
    expect((await opening).status).toBe(504);
    await gates.aborted('factory');
    gates.open('factory');
    await until(() => closed === 1, { what: 'the late server to be closed' });
    expect([...served.supervisor.sessions()]).toEqual([]);
    expect(served.events.filter(({ type }) => type !== 'session.terminated')).toEqual([]);
    expect(endingsIn(served.log)).toHaveLength(1);
  });
});

describe('11. N initializes at once at the cap: never more than the cap, and a failed one gives its slot back', () => {
  const CAP = 5;
  const AT_ONCE = 40;

  test.each(['evict-idle', 'reject'] as const)('%s', async (whenFull) => {
    const gates = new Gates();
    const counts: number[] = [];
    const served = await serve({
      maxSessions: CAP,
      whenFull,
      server: async (session) => {
        counts.push([...served.supervisor.sessions()].length);
        const turn = counts.length;
        await gates.pass('factory', session.signal, true);
        if (turn === 3) throw new Error('failed as asked');
        return buildTestServer(session);
      },
    });
    const answers: WireResponse[] = [];
    const opening = Array.from({ length: AT_ONCE }, async (_, id) => {
      answers.push(await post(served.url, initializeBody({}, id)));
    });
    await until(() => answers.length === AT_ONCE - CAP, { what: 'all beyond the cap to be refused' });
    for (const response of answers) {
      expect(response.status).toBe(503);
      expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      expect(response.headers).not.toHaveProperty('mcp-session-id');
    }
    expect(gates.counts('factory').entered).toBe(CAP);
    expect([...served.supervisor.sessions()]).toHaveLength(CAP);
    gates.open('factory');
    await Promise.all(opening);
    expect(
      answers
        .slice(-CAP)
        .map(({ status }) => status)
        .sort(),
    ).toEqual([200, 200, 200, 200, 500]);
    // The slot of the failed one is free again, and nobody has to go for it.
    const open = [...served.supervisor.sessions()].map(({ id }) => id);
    expect(open).toHaveLength(CAP - 1);
    await initialize(served.url);
    expect([...served.supervisor.sessions()].map(({ id }) => id)).toEqual([...open, expect.any(String)]);
    expect(Math.max(...counts)).toBe(CAP);
  });

  test('with idle sessions to evict: every newcomer replaces one, and the cap holds', async () => {
    const counts: number[] = [];
    const served = await serve({
      maxSessions: CAP,
      server: (session) => {
        counts.push([...served.supervisor.sessions()].length);
        return buildTestServer(session);
      },
    });
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, id) => post(served.url, initializeBody({}, id))),
    );
    const opened = answers.filter(({ status }) => status === 200);
    expect(opened.length).toBeGreaterThanOrEqual(CAP);
    expect(opened.length + answers.filter(({ status }) => status === 503).length).toBe(AT_ONCE);
    expect(Math.max(...counts)).toBe(CAP);
    const evicted = served.events.filter(({ reason }) => reason === 'evicted');
    expect(evicted).toHaveLength(opened.length - CAP);
    expect([...served.supervisor.sessions()]).toHaveLength(CAP);
  });
});

describe('12. A server factory that throws, or returns a broken server: the client gets an error, the supervisor goes on', () => {
  const failed = new Error('failed as asked');
  const fail = () => {
    throw failed;
  };
  const broken: Record<string, { factory: () => unknown; error: Error | { code: string } | undefined }> = {
    'throws synchronously': { factory: fail, error: failed },
    rejects: { factory: () => Promise.reject(failed), error: failed },
    'throws undefined': { factory: () => Promise.reject(undefined), error: undefined },
    'returns nothing': { factory: () => undefined, error: { code: 'INVALID_SERVER' } },
    'returns no server': { factory: () => ({ connect: 'to what?' }), error: { code: 'INVALID_SERVER' } },
    'returns a broken cleanup': {
      factory: () => ({ server: new McpServer({ name: 'a', version: '1' }), cleanup: 'later' }),
      error: { code: 'INVALID_SERVER' },
    },
    'returns a server that cannot connect': { factory: () => ({ connect: fail, close: fail }), error: failed },
    'returns a server that throws at the first message': {
      factory: () => ({
        connect: async (transport: { onmessage: () => void }) => {
          transport.onmessage = fail;
        },
        close: () => Promise.reject(new Error('cannot close either')),
      }),
      error: failed,
    },
  };

  test.each(Object.entries(broken))('a factory that %s', async (_, { factory, error }) => {
    let started = 0;
    const served = await serve({
      maxSessions: 1,
      whenFull: 'reject',
      server: (session) => (started++ === 0 ? (factory() as never) : buildTestServer(session)),
    });
    const response = await post(served.url, initializeBody());
    expect(response.status).toBe(500);
    expect(response.json().error).toEqual({ code: -32603, message: 'Internal error: the server could not be started' });
    expect(response.text).not.toContain('asked'); // what went wrong inside is nobody's business outside
    const [line] = endingsIn(served.log);
    expect(line).toMatchObject({ level: 'error', reason: 'crashed' });
    if (error !== undefined) expect(line?.error).toMatchObject(error);
    await expectNoTrace(served, response);
  });

  test('a server that answers the initialize with an error: the client gets it, and there is no session', async () => {
    let started = 0;
    const served = await serve({
      maxSessions: 1,
      whenFull: 'reject',
      server: (session) => {
        const server = buildTestServer(session);
        if (started++ === 0) {
          server.server.setRequestHandler(InitializeRequestSchema, () => {
            throw new McpError(-32042, 'not today');
          });
        }
        return server;
      },
    });
    const response = await post(served.url, initializeBody({}, 'first'));
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.json()).toMatchObject({ id: 'first', error: { code: -32042 } });
    await expectNoTrace(served, response);
    expect(endingsIn(served.log)).toMatchObject([{ reason: 'closed' }]);
  });

  test('a factory that hangs holds up nobody else', async () => {
    const gates = new Gates();
    let started = 0;
    const { url } = await serve({
      server: async (session) => {
        if (started++ === 0) await gates.pass('factory', session.signal, true);
        return buildTestServer(session);
      },
    });
    const hanging = post(url, initializeBody({}, 'slow'));
    await gates.entered('factory');
    const { sessionId } = await initialize(url);
    expect((await call(url, sessionId, 'echo', { text: 'hi' })).status).toBe(200);
    gates.open('factory');
    expect((await hanging).messages()).toMatchObject([{ id: 'slow', result: {} }]);
  });
});
