/** A session that another incarnation is made of: what its client, and its server, notice of that. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { expect, test } from 'vitest';
import {
  createMemorySessionStore,
  createSessionSupervisor,
  type SessionContext,
  type SessionSupervisorOptions,
} from '../../../src/index.ts';

const HEADERS = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };

function counter(session: SessionContext) {
  const server = new McpServer(
    { name: 'counter', version: '1' },
    { ...session.serverOptions, capabilities: { logging: {} } },
  );
  server.registerTool('count', { description: 'Counts' }, () => {
    const count = Number(session.state?.get('count') ?? 0) + 1;
    session.state?.set('count', count);
    return { content: [{ type: 'text', text: `${count} ${session.epoch} ${session.restored}` }] };
  });
  return server;
}

function supervise(options: Partial<SessionSupervisorOptions> & Pick<SessionSupervisorOptions, 'sessionStore'>) {
  return createSessionSupervisor({
    server: counter,
    enableJsonResponse: true,
    logger: (e) => console.log(e),
    ...options,
  });
}

type Supervisor = ReturnType<typeof createSessionSupervisor>;

function post(supervisor: Supervisor, body: object, id?: string) {
  return supervisor.fetch(
    new Request('http://localhost/mcp', {
      method: 'POST',
      headers: { ...HEADERS, ...(id !== undefined && { 'mcp-session-id': id }) },
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    }),
  );
}

async function open(supervisor: Supervisor) {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const response = await post(supervisor, { id: 1, method: 'initialize', params });
  expect(response.status).toBe(200);
  const id = response.headers.get('mcp-session-id') as string;
  await post(supervisor, { method: 'notifications/initialized' }, id);
  return id;
}

async function count(supervisor: Supervisor, id: string) {
  const response = await post(
    supervisor,
    { id: 2, method: 'tools/call', params: { name: 'count', arguments: {} } },
    id,
  );
  expect(response.status).toBe(200);
  const { result } = (await response.json()) as { result: { content: [{ text: string }] } };
  return result.content[0].text;
}

test('a session goes on in another supervisor, with its state', async () => {
  const sessionStore = createMemorySessionStore();
  const first = supervise({ sessionStore });
  const id = await open(first);
  expect(await count(first, id)).toBe('1 1 false');
  expect(await count(first, id)).toBe('2 1 false');
  const second = supervise({ sessionStore });
  expect(await count(second, id)).toBe('3 2 true');
  expect(second.session(id)).toMatchObject({ epoch: 2 });
  expect(second.stats()).toMatchObject({ restored: 1 });
  // the first one is fenced
  const late = await post(first, { id: 3, method: 'tools/call', params: { name: 'count', arguments: {} } }, id);
  expect(await late.json()).toMatchObject({ error: { code: -32000 } });
  await Promise.all([first.drain(), second.drain()]);
});
