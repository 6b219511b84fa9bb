/** Servers that answer what is no JSON: a bigint, a cycle. Their clients get an answer all the same. */
import { ListToolsRequestSchema, SetLevelRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import type { ConnectableServer, SessionSupervisorOptions } from '../../src/options.ts';
import { TestEventStore } from '../support/eventStore.ts';
import { serve } from '../support/serve.ts';
import { becomesIdle } from '../support/sessionLife.ts';
import { buildTestServer } from '../support/testServer.ts';
import { initialize, initializeBody, post } from '../support/wire.ts';

const cycle: Record<string, unknown> = { tools: [] };
cycle['itself'] = cycle;

/** `tools/list` answers a bigint, `logging/setLevel` a cycle. Both errors reach the server's own `onerror`. */
function unwritable(errors: unknown[]): NonNullable<SessionSupervisorOptions['server']> {
  return (session) => {
    const mcp = buildTestServer(session);
    mcp.server.onerror = (error) => errors.push(error.message);
    mcp.server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [], count: 1n }));
    mcp.server.setRequestHandler(SetLevelRequestSchema, () => cycle);
    return mcp;
  };
}

const list = (id: number) => ({ jsonrpc: '2.0', id, method: 'tools/list' });
const level = (id: number) => ({ jsonrpc: '2.0', id, method: 'logging/setLevel', params: { level: 'info' } });
const ping = (id: number) => ({ jsonrpc: '2.0', id, method: 'ping' });
const INTERNAL = { code: -32603, message: 'Internal error: the answer is not JSON' };

describe.each<[string, Partial<SessionSupervisorOptions>]>([
  ['on a stream', {}],
  ['as JSON', { enableJsonResponse: true }],
  ['with an event store', { eventStore: new TestEventStore() }],
])('%s', (_, options) => {
  test('each call gets an error, and the session goes on', async () => {
    const errors: unknown[] = [];
    const served = await serve({ ...options, server: unwritable(errors) });
    const { sessionId, headers } = await initialize(served.url);
    for (const body of [list(1), level(1)]) {
      const answer = await post(served.url, body, headers);
      expect(answer.status).toBe(200);
      expect(answer.messages()).toEqual([{ jsonrpc: '2.0', id: 1, error: INTERNAL }]);
    }
    expect(errors).toEqual([
      expect.stringContaining('Failed to send response: TypeError: Do not know how to serialize a BigInt'),
      expect.stringContaining('Failed to send response: TypeError: Converting circular structure to JSON'),
    ]);
    expect((await post(served.url, ping(2), headers)).messages()).toEqual([{ jsonrpc: '2.0', id: 2, result: {} }]);
    await becomesIdle(served, sessionId);
  });

  test('in a batch the others get theirs', async () => {
    const served = await serve({ ...options, server: unwritable([]) });
    const { sessionId, headers } = await initialize(served.url, { protocolVersion: '2025-03-26' });
    const answer = await post(served.url, [ping(1), list(2), ping(3), level(4)], headers);
    const messages = answer.messages().sort((a, b) => Number(a.id) - Number(b.id));
    expect(messages).toEqual([
      { jsonrpc: '2.0', id: 1, result: {} },
      { jsonrpc: '2.0', id: 2, error: INTERNAL },
      { jsonrpc: '2.0', id: 3, result: {} },
      { jsonrpc: '2.0', id: 4, error: INTERNAL },
    ]);
    await becomesIdle(served, sessionId);
  });
});

test('stateless: the call gets an error', async () => {
  const { url } = await serve({ stateless: true, server: unwritable([]) });
  expect((await post(url, list(1))).messages()).toEqual([{ jsonrpc: '2.0', id: 1, error: INTERNAL }]);
});

test('an initialize gets an error, and leaves no session', async () => {
  const refuses: ConnectableServer = {
    connect: async (transport) => {
      transport.onmessage = ({ id }: { id: number }) =>
        transport.send({ jsonrpc: '2.0', id, error: { code: 1, message: 'no', data: 1n } }).catch(() => {});
    },
    close: async () => {},
  };
  const { url, supervisor } = await serve({ server: () => refuses });
  const answer = await post(url, initializeBody());
  expect(answer.json()).toEqual({ jsonrpc: '2.0', id: 0, error: INTERNAL });
  expect(answer.headers).not.toHaveProperty('mcp-session-id');
  expect([...supervisor.sessions()]).toEqual([]);
});

describe.each<[string, Partial<SessionSupervisorOptions>]>([
  ['on a stream', {}],
  ['as JSON', { enableJsonResponse: true }],
  ['with an event store', { eventStore: new TestEventStore() }],
])('an initialize whose result is no JSON, %s', (_, options) => {
  test.each([
    ['a bigint', { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'a', version: 1n } }],
    ['a cycle', { ...cycle, protocolVersion: '2025-11-25' }],
  ])('gets an error, and leaves neither a session nor an id: %s', async (__, result) => {
    const rejected: unknown[] = [];
    const server: ConnectableServer = {
      connect: async (transport) => {
        transport.onmessage = ({ id }: { id: number }) =>
          transport.send({ jsonrpc: '2.0', id, result }).catch((error: unknown) => rejected.push(error));
      },
      close: async () => {},
    };
    const { url, supervisor, events } = await serve({ ...options, server: () => server });
    const answer = await post(url, initializeBody());
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({ jsonrpc: '2.0', id: 0, error: INTERNAL });
    expect(answer.headers).not.toHaveProperty('mcp-session-id');
    expect([...supervisor.sessions()]).toEqual([]);
    expect(events.map(({ type }) => type)).not.toContain('session.opened');
    expect(rejected).toHaveLength(1); // whoever wrote the server is told
  });
});
