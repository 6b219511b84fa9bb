/** What the protocol asks of a session's beginning, of what was negotiated there, and of requests to the client. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { describe, expect, test } from 'vitest';
import type { ServerFactory } from '../../src/options.ts';
import { serve } from '../support/serve.ts';
import { becomesIdle, expectNotFound } from '../support/sessionLife.ts';
import { call, callBody, initialize, initializeBody, openStream, post } from '../support/wire.ts';

const PING = { jsonrpc: '2.0', id: 'p', method: 'ping' };

describe('an initialize', () => {
  test('is answered with what the server is and can do, and with the id', async () => {
    const { url } = await serve();
    const response = await post(url, initializeBody({}, 'first'));
    expect(response.status).toBe(200);
    expect(response.headers['mcp-session-id']).toMatch(/^[\x21-\x7E]+$/);
    expect(response.messages()).toEqual([
      {
        jsonrpc: '2.0',
        id: 'first',
        result: {
          protocolVersion: '2025-11-25',
          capabilities: { logging: {}, tools: { listChanged: true } },
          serverInfo: { name: 'test-server', version: '1.0.0' },
        },
      },
    ]);
  });

  test('tells the server what the client is and can do', async () => {
    const seen: unknown[] = [];
    const { url } = await serve({
      server: ({ serverOptions }) => {
        const server = new McpServer({ name: 'curious', version: '1' }, { ...serverOptions });
        server.server.oninitialized = () => {
          seen.push(server.server.getClientVersion(), server.server.getClientCapabilities());
        };
        return server;
      },
    });
    const clientInfo = { name: 'wire', version: '7', title: 'A wire' };
    const capabilities = { roots: { listChanged: true }, experimental: { x: { y: 1 } } };
    await initialize(url, { clientInfo, capabilities });
    expect(seen).toEqual([clientInfo, capabilities]);
  });

  test('without notifications/initialized after it: nothing is asked of the client, it is served, and idles', async () => {
    const served = await serve();
    const { url, supervisor } = served;
    const { sessionId, headers } = await initialize(url, { notify: false, capabilities: { sampling: {} } });
    await becomesIdle(served, sessionId);
    const get = await openStream(url, { headers });
    expect((await post(url, PING, headers)).messages()).toEqual([{ jsonrpc: '2.0', id: 'p', result: {} }]);
    expect((await call(url, sessionId, 'echo', { text: 'x' })).messages()).toMatchObject([{ result: {} }]);
    expect(get.waiting).toEqual([]);
    get.destroy();
    await becomesIdle(served, sessionId);
    expect(supervisor.session(sessionId)?.protocolVersion).toBe('2025-11-25');
  });

  test('after the 404 of an ended session: without its id a new session, with it 404 again', async () => {
    const { url, supervisor } = await serve();
    const first = await initialize(url);
    await supervisor.terminate(first.sessionId);
    expectNotFound(await post(url, PING, first.headers));
    expectNotFound(await post(url, initializeBody(), first.headers));
    const second = await initialize(url);
    expect(second.sessionId).not.toBe(first.sessionId);
    expect((await call(url, second.sessionId, 'echo', { text: 'x' })).status).toBe(200);
  });
});

describe('session ids', () => {
  test('are each given once, and are random: 500 of them differ in nearly every digit', async () => {
    const { url } = await serve();
    const ids: string[] = [];
    for (let n = 0; n < 500; n++) {
      const response = await post(url, initializeBody());
      ids.push(String(response.headers['mcp-session-id']));
    }
    expect(new Set(ids).size).toBe(500);
    for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    // Every random digit takes every value: chance has it that one is missing somewhere once in 10^11 runs.
    for (const at of [0, 9, 15, 20, 35]) expect(new Set(ids.map((id) => id[at])).size).toBe(16);
  });

  test.each([
    ['nothing', ''],
    ['a space', 'a b'],
    ['a line break', 'a\r\nX-Evil: 1'],
    ['what is not ASCII', 'ä'],
    ['DEL', 'a\x7F'],
    ['more than 256 characters', 'x'.repeat(257)],
  ])('that a generator makes with %s are not given out: 500, no session, and a line in the log', async (_, id) => {
    const { url, supervisor, log } = await serve({ sessionIdGenerator: () => id });
    const response = await post(url, initializeBody());
    expect(response.status).toBe(500);
    expect(response.headers).not.toHaveProperty('mcp-session-id');
    expect([...supervisor.sessions()]).toEqual([]);
    expect(log.filter(({ level }) => level === 'error')).toMatchObject([{ error: { code: 'INVALID_SESSION_ID' } }]);
  });

  test('that are in use are not given out again: 500, and the session that has it lives on', async () => {
    const { url, supervisor, log } = await serve({ sessionIdGenerator: () => 'always-the-same' });
    const { sessionId } = await initialize(url);
    expect((await post(url, initializeBody())).status).toBe(500);
    const failed = log.findLast(({ event }) => event === 'session.idFailed');
    expect(failed).toMatchObject({ level: 'error', error: { code: 'INVALID_SESSION_ID' } });
    expect([...supervisor.sessions()].map(({ id }) => id)).toEqual([sessionId]);
    expect((await call(url, sessionId, 'echo', { text: 'x' })).status).toBe(200);
  });

  test.each(['!', '~', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', 'x'.repeat(256)])(
    'of any visible ASCII work: %s',
    async (id) => {
      const { url } = await serve({ sessionIdGenerator: () => id });
      const { sessionId } = await initialize(url);
      expect(sessionId).toBe(id);
      expect((await call(url, id, 'echo', { text: 'x' })).status).toBe(200);
    },
  );

  test('come with the answers of their session, and with no refusal', async () => {
    const { url } = await serve();
    const { sessionId, headers } = await initialize(url);
    expect((await post(url, PING, headers)).headers['mcp-session-id']).toBe(sessionId);
    expect((await post(url, 'not JSON', headers)).headers).not.toHaveProperty('mcp-session-id');
  });
});

describe('what was not negotiated is not used', () => {
  test('a capability of the client: the server that asks for it gets an error, and the client hears nothing', async () => {
    const { url } = await serve({ server: asking({ enforceStrictCapabilities: true }) });
    const { sessionId } = await initialize(url, { capabilities: {} });
    const answer = await call(url, sessionId, 'ask');
    expect(answer.messages()).toMatchObject([{ id: 1, result: { isError: true } }]);
  });

  test('a capability of the server: the client that asks for it gets an error, and its session lives on', async () => {
    const { url } = await serve();
    const { headers } = await initialize(url);
    const answer = await post(url, { jsonrpc: '2.0', id: 1, method: 'resources/list' }, headers);
    expect(answer.messages()).toMatchObject([{ id: 1, error: { code: -32601 } }]);
    expect((await post(url, PING, headers)).status).toBe(200);
  });
});

test.each([50, 100])(
  'a request to the client that is not answered within its timeout (%i ms) is cancelled, and the call goes on',
  async (timeout) => {
    const { url } = await serve({ server: asking({}, timeout) });
    const { headers } = await initialize(url, { capabilities: { sampling: {} } });
    const stream = await openStream(url, { headers, body: callBody('ask') });
    const asked = await stream.message();
    expect(asked).toMatchObject({ method: 'sampling/createMessage' });
    expect(await stream.message()).toMatchObject({
      method: 'notifications/cancelled',
      params: { requestId: asked.id },
    });
    expect(await stream.message()).toMatchObject({ id: 1, result: { isError: true } });
    // An answer that comes too late is taken, and is nothing to anybody.
    const late = await post(url, { jsonrpc: '2.0', id: asked.id, result: {} }, headers);
    expect(late).toMatchObject({ status: 202, text: '' });
    expect((await post(url, PING, headers)).status).toBe(200);
  },
);

/** A server whose one tool asks the client to sample, and answers with how that went. */
function asking(options: { enforceStrictCapabilities?: boolean }, timeout = 5_000): ServerFactory {
  return ({ serverOptions }) => {
    const server = new McpServer({ name: 'asking', version: '1' }, { ...options, ...serverOptions });
    server.registerTool('ask', {}, async ({ requestId }) => {
      const request = { messages: [], maxTokens: 1 };
      await server.server.createMessage(request, { relatedRequestId: requestId, timeout });
      return { content: [] };
    });
    return server;
  };
}
