/** A drain while Redis is held: it waits no longer than a second for that, whatever is still to be written, read or told. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { Directory, SessionContext } from 'mcp-session-supervisor';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type Served, serve } from '../support/serve.ts';
import { until, withTimeout } from '../support/until.ts';
import { call, del, initialize, sessionHeaders } from '../support/wire.ts';
import { type RedisServer, startRedis } from './redisServer.ts';
import { storesAt } from './stores.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.dispose());

const SLOW = { timeout: 60_000 };

/** How long a drain takes with all the time that it may have, from when Redis is held. */
async function drainOf({ supervisor }: Served): Promise<number> {
  const began = performance.now();
  await withTimeout(supervisor.drain(), { within: 12_000 });
  return performance.now() - began;
}

const held = () => {
  redis.pause();
  onTestFinished(() => redis.resume());
};

test('a drain of many sessions waits for it no longer than a second', SLOW, async () => {
  const { sessionStore, eventStore } = storesAt(redis.url);
  const served = await serve({ sessionStore, eventStore });
  for (let n = 0; n < 50; n++) await initialize(served.url);
  held();
  expect(await drainOf(served)).toBeLessThan(1_500);
});

test('nor does that of a node in a cluster, whose life ends with it', SLOW, async () => {
  const { sessionStore, directory } = storesAt(redis.url);
  const served = await serve({ sessionStore, cluster: cluster(directory) });
  await until(() => served.supervisor.stats().cluster?.state === 'member');
  for (let n = 0; n < 5; n++) await initialize(served.url);
  held();
  expect(await drainOf(served)).toBeLessThan(1_700);
  expect(served.supervisor.stats().cluster?.state).toBe('left');
});

test('a call whose state can not be stored is told so by a drain, which does not wait for it', SLOW, async () => {
  const { sessionStore } = storesAt(redis.url);
  const served = await serve({ sessionStore, server: (session) => keepingServer(session) });
  const { sessionId } = await initialize(served.url);
  held();
  const calling = call(served.url, sessionId, 'keep', { text: 'x' });
  await until(() => served.supervisor.stats().calls === 1);
  expect(await drainOf(served)).toBeLessThan(1_700);
  expect((await calling).messages().at(-1)).toMatchObject({ error: { message: expect.stringContaining('goes on') } });
});

test('requests that wait for it are told that the server goes, and end no drain late', SLOW, async () => {
  const { sessionStore } = storesAt(redis.url);
  const served = await serve({ sessionStore });
  const { sessionId } = await initialize(served.url);
  held();
  const unknown = call(served.url, '00000000-0000-4000-8000-000000000000', 'echo', { text: 'x' });
  const deleting = del(served.url, sessionHeaders(sessionId));
  await until(() => served.supervisor.stats().sessions.idle === 0);
  expect(await drainOf(served)).toBeLessThan(1_700);
  expect([(await unknown).status, (await deleting).status]).toEqual([503, 503]);
});

test('what it keeps of events alone is not waited for either', SLOW, async () => {
  const { eventStore } = storesAt(redis.url);
  const served = await serve({ eventStore });
  const { sessionId } = await initialize(served.url);
  await call(served.url, sessionId, 'echo', { text: 'x' });
  held();
  expect(await drainOf(served)).toBeLessThan(1_500);
});

/** A server whose tool keeps what it is given. */
function keepingServer({ state, serverOptions }: SessionContext): McpServer {
  const server = new McpServer({ name: 'keeping', version: '1.0.0' }, serverOptions);
  server.registerTool('keep', { inputSchema: { text: z.string() } }, ({ text }) => {
    state?.set('text', text);
    return { content: [{ type: 'text', text: 'kept' }] };
  });
  return server;
}

const cluster = (directory: Directory) => ({
  directory,
  node: 'a',
  listen: { host: '127.0.0.1', port: 0 },
  secrets: ['a secret that only this test has'],
});
