/** Trouble that must stay where it is: broken handlers, broken endings, and a session that two clients share. */
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import type { ConnectableServer, ServerFactory } from '../../../src/options.ts';
import { type Served, serve } from '../../support/serve.ts';
import { endingsIn, expectGone, expectNotFound } from '../../support/sessionLife.ts';
import { SimulatedClock } from '../../support/simulatedClock.ts';
import { buildTestServer } from '../../support/testServer.ts';
import { until, withTimeout } from '../../support/until.ts';
import { call, callBody, del, initialize, openStream, post } from '../../support/wire.ts';

const failed = new Error('failed as asked');
const fail = () => {
  throw failed;
};

/** A second session that has been there all the while still works. */
async function expectUnhurt({ url }: Served, sessionId: string): Promise<void> {
  const { messages } = await call(url, sessionId, 'echo', { text: 'unhurt' });
  expect(messages()).toMatchObject([{ result: { content: [{ text: 'unhurt' }] } }]);
}

describe("13. A handler that throws, rejects or errs late inside the session's own callbacks: only that session is affected", () => {
  const handlers = { throws: fail, rejects: () => Promise.reject(failed), 'rejects late': lateRejection };
  async function lateRejection(): Promise<never> {
    await new Promise((resolve) => setImmediate(resolve));
    throw failed;
  }

  test.each(Object.entries(handlers))(
    'a tool handler that %s: a result that says so, and the session goes on',
    async (_, handler) => {
      const served = await serve({
        server: (session) => {
          const server = buildTestServer(session);
          server.registerTool('broken', {}, handler);
          return server;
        },
      });
      const neighbour = await initialize(served.url);
      const { sessionId } = await initialize(served.url);
      const answer = await call(served.url, sessionId, 'broken');
      expect(answer.messages()).toMatchObject([{ id: 1, result: { isError: true } }]);
      await expectUnhurt(served, sessionId);
      await expectUnhurt(served, neighbour.sessionId);
    },
  );

  test.each(Object.entries(handlers))(
    'a request handler that %s: a JSON-RPC error, and the session goes on',
    async (_, handler) => {
      const served = await serve({
        server: (session) => {
          const server = buildTestServer(session);
          server.server.setRequestHandler(ListToolsRequestSchema, handler);
          return server;
        },
      });
      const { sessionId, headers } = await initialize(served.url);
      const answer = await post(served.url, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, headers);
      expect(answer.messages()).toMatchObject([{ id: 1, error: { code: -32603, message: 'failed as asked' } }]);
      await expectUnhurt(served, sessionId);
    },
  );

  /** The test server with other ends. */
  const ending =
    (ends: (server: McpServer) => Partial<ConnectableServer> & { cleanup?: () => unknown }): ServerFactory =>
    (session) => {
      const server = buildTestServer(session);
      const { cleanup, ...over } = ends(server);
      const close = () => server.close();
      const connect = (transport: Transport) => server.connect(transport);
      return { server: { connect, close, ...over }, ...(cleanup && { cleanup }) };
    };

  const ends: Record<string, ServerFactory> = {
    'server.onclose throws': ending((server) => {
      server.server.onclose = fail;
      return {};
    }),
    'server.close throws': ending(() => ({ close: fail })),
    'server.close rejects': ending(() => ({ close: () => Promise.reject(failed) })),
    'the cleanup throws': ending(() => ({ cleanup: fail })),
    'the cleanup rejects': ending(() => ({ cleanup: () => Promise.reject(failed) })),
    'server.close does nothing, and transport.onclose throws': ending((server) => ({
      connect: async (transport) => {
        await server.connect(transport);
        transport.onclose = fail;
      },
      close: async () => {},
    })),
  };

  test.each(Object.entries(ends))('at the end %s: logged, and all else goes its way', async (_, factory) => {
    let started = 0;
    const served = await serve({
      server: (session) => (started++ === 0 ? factory(session) : buildTestServer(session)),
    });
    const { sessionId } = await initialize(served.url);
    const neighbour = await initialize(served.url);
    const ended = served.supervisor.terminate(sessionId);
    expect(await withTimeout(ended, { what: 'the session to be torn down' })).toBe(true);
    await expectGone(served.url, sessionId);
    expect(served.log.filter(({ level }) => level === 'warn')).toMatchObject([{ sessionId, error: failed }]);
    await expectUnhurt(served, neighbour.sessionId);
    await withTimeout(served.supervisor.drain({ timeout: 0 }), { what: 'the drain' });
  });

  test('at the end server.close hangs: given up after shutdownTimeout, and logged', async () => {
    const clock = new SimulatedClock();
    const factory = ending(() => ({ close: () => new Promise<void>(() => {}) }));
    const { url, supervisor, log, gates } = await serve({ clock, shutdownTimeout: 3_000, server: factory });
    const { sessionId, headers } = await initialize(url);
    const calling = post(url, callBody('echo', { text: 'quick' }), headers);
    await calling;
    const ended = supervisor.terminate(sessionId);
    await expectGone(url, sessionId);
    expect(log.filter(({ level }) => level === 'warn')).toEqual([]);
    clock.increment(3_000);
    expect(await withTimeout(ended, { what: 'the session to be torn down' })).toBe(true);
    expect(log.filter(({ level }) => level === 'warn')).toMatchObject([
      { sessionId, message: expect.stringContaining('3000 ms') },
    ]);
    gates.openAll();
  });
});

describe('20. The same session used by two clients at once', () => {
  test('each gets its own answers, however they cross', async () => {
    const { url, gates } = await serve();
    const { sessionId, headers } = await initialize(url);
    const client = (name: string) =>
      Array.from({ length: 10 }, async (_, n) => {
        const id = `${name}-${n}`;
        const held = n % 2 === 0;
        const body = held ? callBody('gate', { key: id }, id) : callBody('echo', { text: id }, id);
        const [message] = (await post(url, body, headers)).messages();
        expect(message).toMatchObject({ id, result: { content: [{ text: held ? `passed ${id}` : id }] } });
      });
    const calls = [...client('a'), ...client('b')];
    const keys = calls.map((_, n) => `${n < 10 ? 'a' : 'b'}-${n % 10}`).filter((_, n) => n % 2 === 0);
    await Promise.all(keys.map((key) => gates.entered(key)));
    for (const key of keys.reverse()) gates.open(key);
    await Promise.all(calls);
    expect((await call(url, sessionId, 'echo', { text: 'x' })).status).toBe(200);
  });

  test('of two calls with the same id in flight the second is refused, and gets nothing of the first', async () => {
    const { url, gates } = await serve();
    const { headers } = await initialize(url);
    const first = post(url, callBody('gate', { key: 'mine' }, 1), headers);
    await gates.entered('mine');
    const second = await post(url, callBody('gate', { key: 'yours' }, 1), headers);
    expect(second.status).toBe(400);
    expect(second.json()).toMatchObject({ id: 1, error: { code: -32600, message: expect.stringContaining('id') } });
    expect(gates.counts('yours').entered).toBe(0);
    gates.open('mine');
    expect((await first).messages()).toMatchObject([{ id: 1, result: { content: [{ text: 'passed mine' }] } }]);
    // The id is free again, and "1" was never the same as 1.
    gates.open('yours');
    const both = await Promise.all([1, '1'].map((id) => post(url, callBody('gate', { key: 'yours' }, id), headers)));
    expect(both.map(({ messages }) => messages()[0]?.id)).toEqual([1, '1']);
  });

  test('each may have a GET stream, and a message is on one of them', async () => {
    const { url, supervisor } = await serve();
    const { sessionId, headers } = await initialize(url);
    const [first, second] = [await openStream(url, { headers }), await openStream(url, { headers })];
    expect([first.status, second.status]).toEqual([200, 200]);
    await call(url, sessionId, 'notifyStandalone', { text: 'to the second' });
    expect((await second.message()).params.data).toBe('to the second');
    second.destroy();
    await until(() => supervisor.session(sessionId)?.openStreams === 1, { what: 'the second stream to be given up' });
    await call(url, sessionId, 'notifyStandalone', { text: 'to the first' });
    expect((await first.message()).params.data).toBe('to the first');
    expect([first.waiting, second.waiting]).toEqual([[], []]);
  });

  test('when one of them deletes the session, the other one is told', async () => {
    const served = await serve();
    const { url, gates, log } = served;
    const { sessionId, headers } = await initialize(url);
    const stream = await openStream(url, { headers });
    const calling = post(url, callBody('gate', { key: 'a' }, 'other'), headers);
    await gates.entered('a');
    expect((await del(url, headers)).status).toBe(200);
    expect((await calling).messages()).toMatchObject([{ id: 'other', error: { message: 'Session ended: deleted' } }]);
    expect(await withTimeout(stream.closed)).toBe(true);
    expectNotFound(await call(url, sessionId, 'echo', { text: 'x' }));
    expect(endingsIn(log)).toHaveLength(1);
  });
});
