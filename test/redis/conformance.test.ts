/** The stores and the directory in Redis keep their contracts: in one Redis, and in a cluster. */
import { randomUUID } from 'node:crypto';
import { createRedisStores, type RedisStores } from 'mcp-session-supervisor/redis';
import { directoryConformance, sessionStoreConformance, storeConformance } from 'mcp-session-supervisor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { type RedisCluster, type RedisServer, startCluster, startRedis } from './redisServer.ts';

const CLOSES = /closed|opened again/;
const CASES = { timeout: 30_000 };
const servers: { one?: RedisServer; cluster?: RedisCluster } = {};

beforeAll(async () => {
  [servers.one, servers.cluster] = await Promise.all([startRedis(), startCluster()]);
}, 60_000);

afterAll(async () => {
  await Promise.all([servers.one?.dispose(), servers.cluster?.dispose()]);
});

const urls = {
  'one Redis': () => servers.one?.url ?? '',
  'a cluster of three': () => servers.cluster?.nodes[0]?.url ?? '',
};

/** Opens stores whose keys nobody else has, and how to end them. To connect takes most of the time of a case. */
function opened(url: string) {
  const prefix = `test-${randomUUID()}:`;
  const all: RedisStores[] = [];
  const open = () => {
    const stores = createRedisStores({ url, prefix });
    all.push(stores);
    return stores;
  };
  const dispose = async () => {
    for (const stores of all) await stores.close();
  };
  return { stores: open(), open, dispose };
}

const named = <T extends { readonly name: string }>(cases: readonly T[]) =>
  cases.map((each) => [each.name, each] as const);

describe.each(Object.entries(urls))('%s', (_, url) => {
  const shared: { stores?: RedisStores } = {};
  const sharedStores = () => {
    shared.stores ??= createRedisStores({ url: url(), prefix: `shared-${randomUUID()}:` });
    return shared.stores;
  };
  afterAll(() => shared.stores?.close());

  const closing = sessionStoreConformance(() => {
    const { stores, open, dispose } = opened(url());
    return { store: stores.sessionStore, reopen: () => open().sessionStore, dispose };
  }).filter(({ name }) => CLOSES.test(name));
  const others = sessionStoreConformance(() => sharedStores().sessionStore).filter(({ name }) => !CLOSES.test(name));
  test.each(named([...others, ...closing]))('the session store: %s', CASES, async (_name, { run }) => {
    await expect(run()).resolves.toBeUndefined();
  });

  const eventCases = storeConformance(() => sharedStores().eventStore);
  test.each(named(eventCases))('the event store: %s', CASES, async (_name, { run }) => {
    await expect(run()).resolves.toBeUndefined();
  });

  const directoryCases = directoryConformance(() => {
    const { stores, open, dispose } = opened(url());
    return { directory: stores.directory, other: open().directory, dispose };
  });
  describe('the directory', () => {
    // Before that, it says of nothing that it is gone.
    beforeAll(async () => {
      const { one, cluster } = servers;
      const nodes = [...(one === undefined ? [] : [one]), ...(cluster?.nodes ?? [])];
      const uptime = async (node: RedisServer) =>
        Number(/uptime_in_seconds:(\d+)/.exec(String(await node.ask('INFO', 'server')))?.[1]);
      for (const node of nodes) await until(async () => (await uptime(node)) >= 10, { within: 15_000 });
    });
    test.each(named(directoryCases))('%s', CASES, async (_name, { run }) => {
      await expect(run()).resolves.toBeUndefined();
    });
  });
});
