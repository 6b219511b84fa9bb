/** A Redis that has no memory left: nodes live on in their cluster, and sessions that change nothing with them. */
import type { SessionSupervisorOptions } from 'mcp-session-supervisor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Served, serve } from '../support/serve.ts';
import { turns, until } from '../support/until.ts';
import { call, del, initialize, initializeBody, post, sessionHeaders } from '../support/wire.ts';
import { type RedisServer, startRedis } from './redisServer.ts';
import { storesAt } from './stores.ts';

const LEASE = 1_000;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.dispose());

async function join(node: string, prefix: string, options: Partial<SessionSupervisorOptions> = {}): Promise<Served> {
  const { sessionStore, directory } = storesAt(redis.url, prefix);
  const listen = { host: '127.0.0.1', port: 0 };
  const cluster = { directory, node, listen, secrets: ['a secret that only this test has'], leaseTime: LEASE };
  const served = await serve({ sessionStore, cluster, ...options });
  await until(() => served.supervisor.stats().cluster?.state === 'member');
  return served;
}

/** When the leases of the nodes run out, by Redis' clock. */
async function leases(prefix: string): Promise<number[]> {
  const lives = (await redis.ask('HVALS', `${prefix}{nodes}:lives`)) as string[];
  return lives.map((life) => Number(life.split('\n')[0]));
}

const echo = async ({ url }: Served, id: string) => (await call(url, id, 'echo', { text: 'x' })).status;

test('nodes keep their leases, take over what others leave, and end what is to end', { timeout: 60_000 }, async () => {
  const prefix = `full-${process.pid}:`;
  const [a, b] = [await join('a', prefix), await join('b', prefix)];
  const { sessionId: kept } = await initialize(a.url);
  const { sessionId: deleted } = await initialize(a.url);
  await redis.ask('CONFIG', 'SET', 'maxmemory', '1');
  expect((await post(a.url, initializeBody())).status).toBe(503);
  const before = await leases(prefix);
  await until(async () => Math.min(...(await leases(prefix))) > Math.max(...before) + 2 * LEASE, {
    within: 10 * LEASE,
  });
  for (const { supervisor } of [a, b]) {
    expect(supervisor.stats().cluster).toMatchObject({ state: 'member', fenced: 0 });
  }
  expect([await echo(a, kept), await echo(b, kept)]).toEqual([200, 200]);
  expect((await del(b.url, sessionHeaders(deleted))).status).toBe(200);
  expect(await echo(a, deleted)).toBe(404);
  await a.supervisor.drain();
  await turns(5);
  expect(await echo(b, kept)).toBe(200);
  expect(b.supervisor.session(kept)?.epoch).toBeGreaterThan(1);
  const again = await join('a', prefix);
  expect(await echo(again, kept)).toBe(200);
});
