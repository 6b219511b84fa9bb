/** A process starts anew and ten thousand sessions are asked for at once: what waits, for how long, and for whom. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { expect, test } from 'vitest';
import { createMemorySessionStore, type SessionStore } from '../../src/index.ts';
import { RECORD_FORMAT } from '../../src/stores/sessionRecord.ts';
import { supervise } from '../support/serve.ts';
import { turns, until, withTimeout } from '../support/until.ts';

const HEADERS = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
const SESSIONS = 10_000;
/** One user in a hundred sessions is another one. */
const userOf = (n: number) => (n % 100 === 99 ? 'bob' : 'ann');

/** Writes a session as another process left it. */
async function leave(store: SessionStore, n: number, principal: string): Promise<string> {
  const id = `session-${n}`;
  const now = Date.now();
  await store.create({
    format: RECORD_FORMAT,
    id,
    epoch: 1,
    principal,
    createdAt: now,
    initialize: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
    protocolVersion: '2025-11-25',
    capabilities: { tools: { listChanged: true } },
    initialized: true,
    logLevel: null,
    subscriptions: [],
    state: '{}',
    lastActiveAt: now,
    idleDeadline: now + 3_600_000,
    lifetimeDeadline: null,
    parkedAt: null,
    history: [],
  });
  return id;
}

test('10 000 sessions are asked for at once: all come back, in time, 16 at a time, and nobody waits for the many of another', {
  timeout: 120_000,
}, async () => {
  const store = createMemorySessionStore();
  const ids = await Promise.all(Array.from({ length: SESSIONS }, (_, n) => leave(store, n, userOf(n))));
  let [starting, most] = [0, 0];
  const { supervisor, stop } = supervise({
    sessionStore: store,
    maxSessions: SESSIONS + 1,
    restoreTimeout: 60_000, // how long it takes depends on what else the machine does
    enableJsonResponse: true,
    principal: ({ headers }) => headers['x-user'] as string,
    server: async ({ serverOptions }) => {
      most = Math.max(most, ++starting);
      await Promise.resolve();
      const server = new McpServer({ name: 'many', version: '1' }, { ...serverOptions });
      for (const name of ['a', 'b', 'c']) server.registerTool(name, {}, () => ({ content: [] }));
      starting--;
      return server;
    },
  });
  const ask = async (id: string, user: string, method = 'POST') => {
    const headers = { ...HEADERS, 'mcp-session-id': id, 'x-user': user };
    const body = method === 'POST' ? { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }) } : {};
    const begun = performance.now();
    const response = await supervisor.fetch(new Request('http://localhost/mcp', { method, headers, ...body }));
    if (method === 'POST') await response.text();
    else await response.body?.cancel();
    return { status: response.status, took: performance.now() - begun, user };
  };
  const live = await leave(store, SESSIONS, 'eve');
  expect((await ask(live, 'eve')).status).toBe(200);

  const gets = ids.map((id, n) => ask(id, userOf(n), 'GET'));
  const posts = ids.map((id, n) => ask(id, userOf(n)));
  // Who has a session that lives is answered meanwhile as ever.
  const lively: number[] = [];
  let over = false;
  const alive = (async () => {
    for (; !over; await turns(1)) lively.push((await ask(live, 'eve')).took);
  })();
  const answered = await withTimeout(Promise.all(posts), { within: 60_000 });
  over = true;
  await alive;
  const opened = await withTimeout(Promise.all(gets), { within: 60_000 });

  expect(new Set([...answered, ...opened].map(({ status }) => status))).toEqual(new Set([200]));
  expect(most).toBeLessThanOrEqual(16);
  const slowest = (name: string) => Math.max(...answered.filter((one) => one.user === name).map(({ took }) => took));
  expect(slowest('bob')).toBeLessThan(slowest('ann') / 2);
  expect(lively.length).toBeGreaterThan(50);
  expect(Math.max(...lively)).toBeLessThan(slowest('ann') / 4);
  await until(() => supervisor.stats().sessions.restoring === 0);
  await stop();
});
