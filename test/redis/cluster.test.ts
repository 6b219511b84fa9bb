/** A Redis Cluster: slots that move while sessions are claimed and written, and nodes that are away. */

import { createRedisStores } from 'mcp-session-supervisor/redis';
import { createCluster } from 'redis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { until } from '../support/until.ts';
import { type RedisCluster, type RedisServer, startCluster } from './redisServer.ts';
import { message, newRecord, replayed, storesAt } from './stores.ts';

const SLOW = { timeout: 60_000 };

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster();
}, 60_000);
afterAll(() => cluster.dispose());

const first = () => cluster.nodes[0] as RedisServer;
const ids = new Map<RedisServer, string>();
async function idOf(node: RedisServer): Promise<string> {
  const id = ids.get(node) ?? String(await node.ask('CLUSTER', 'MYID'));
  ids.set(node, id);
  return id;
}

/** Who has the slot of a key, and another node that could. */
async function placeOf(key: string) {
  const slot = String(await first().ask('CLUSTER', 'KEYSLOT', key));
  const counted = await Promise.all(
    cluster.nodes.map(async (node) => [node, await node.ask('CLUSTER', 'COUNTKEYSINSLOT', slot)] as const),
  );
  const from = counted.find(([, count]) => Number(count) > 0)?.[0] ?? first();
  const to = cluster.nodes.find((node) => node !== from) ?? first();
  return { slot, from, to };
}

/** Moves a slot in steps, as an operator does; `between` runs before each of them. */
async function move(key: string, between: (step: string) => Promise<void>): Promise<void> {
  const { slot, from, to } = await placeOf(key);
  await to.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from));
  await from.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await idOf(to));
  await between('begun');
  for (const each of (await from.ask('CLUSTER', 'GETKEYSINSLOT', slot, '100')) as string[]) {
    await from.ask('MIGRATE', '127.0.0.1', String(to.port), each, '0', '5000');
    await between(`moved ${each}`);
  }
  for (const node of [to, from, ...cluster.nodes]) {
    await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', await idOf(to));
  }
  await between('done');
}

test('keys of a session are in one slot, and sessions in all of them', async () => {
  const { sessionStore, eventStore, keys } = storesAt(first().url);
  for (let n = 0; n < 50; n++) {
    const record = newRecord();
    expect(await sessionStore.create(record)).toBe('created');
    await eventStore.storeEvent(`${record.id}:1.0`, message(n));
    const slots = await Promise.all(keys(record.id).map((key) => first().ask('CLUSTER', 'KEYSLOT', key)));
    expect(new Set(slots).size).toBe(1);
  }
  const sizes = await Promise.all(cluster.nodes.map((node) => node.ask('DBSIZE')));
  for (const size of sizes) expect(size).toBeGreaterThan(0);
});

test('while a slot moves, its session is claimed, written and read at each step', SLOW, async () => {
  const { sessionStore, eventStore, keys, prefix } = storesAt(first().url);
  const other = storesAt((cluster.nodes[2] as RedisServer).url, prefix);
  const record = newRecord();
  await sessionStore.create(record);
  const event = await eventStore.storeEvent(`${record.id}:1.0`, message('first'));
  let { epoch } = record;
  let n = 0;
  await move(keys(record.id)[0], async (step) => {
    // Two claim it at once: one has it.
    const claims = await Promise.all([
      sessionStore.claim(record.id, epoch),
      other.sessionStore.claim(record.id, epoch),
    ]);
    expect(claims.map(({ verdict }) => verdict).toSorted(), step).toEqual(['claimed', 'fenced']);
    const claimed = claims.find(({ verdict }) => verdict === 'claimed');
    if (claimed?.verdict !== 'claimed') return;
    ({ epoch } = claimed.record);
    // Neither key can be had by a script as long as one has been moved and the other not.
    if (step.startsWith('moved') && n++ === 0) return;
    const state = JSON.stringify({ step });
    const writes = ['info', 'error', 'debug'].map((logLevel) => sessionStore.update(record.id, epoch, { logLevel }));
    expect(await Promise.all([...writes, other.sessionStore.update(record.id, epoch, { state })]), step).toEqual(
      Array(4).fill('updated'),
    );
    expect(await other.sessionStore.load(record.id), step).toMatchObject({
      verdict: 'found',
      record: { epoch, state },
    });
  });
  expect(await replayed(eventStore, event)).toEqual([]);
  expect((await placeOf(keys(record.id)[0])).from.port).not.toBe(0);
});

test('what can’t be done while a slot moves is done when it has', SLOW, async () => {
  const { sessionStore, keys } = storesAt(first().url);
  const record = newRecord();
  await sessionStore.create(record); // without events: one of its two keys is not there
  let update: Promise<unknown> | undefined;
  await move(keys(record.id)[0], async (step) => {
    if (step === 'begun') update = sessionStore.update(record.id, 1, { logLevel: 'info' });
  });
  expect(await update).toBe('updated');
});

test('a node that is held keeps nobody from the others, and closing takes no second', SLOW, async () => {
  const { sessionStore, keys, close } = storesAt(first().url);
  const records = Array.from({ length: 12 }, () => newRecord());
  await Promise.all(records.map((record) => sessionStore.create(record)));
  const held = cluster.nodes[1] as RedisServer;
  const ports: number[] = [];
  for (const { id } of records) ports.push((await placeOf(keys(id)[0])).from.port);
  held.pause();
  try {
    const loads = records.map(({ id }, at) =>
      sessionStore.load(id).then(
        ({ verdict }) => [ports[at] === held.port, verdict],
        () => [ports[at] === held.port, 'unknown'],
      ),
    );
    for (const [isThere, verdict] of await Promise.all(loads)) expect(verdict).toBe(isThere ? 'unknown' : 'found');
    // Who connects meanwhile has what the others have.
    const late = createRedisStores({ url: first().url, prefix: keys('x')[0].replace(/\{.*/, '') });
    onTestFinished(() => late.close());
    const reachable = records.filter((_, at) => ports[at] !== held.port);
    for (const { id } of reachable) {
      await until(
        () =>
          late.sessionStore
            .load(id)
            .then(({ verdict }) => verdict === 'found')
            .catch(() => false),
        {
          within: 15_000,
        },
      );
    }
    const began = performance.now();
    void sessionStore.load(records[0]?.id ?? '').catch(() => {});
    await close();
    expect(performance.now() - began).toBeLessThan(1_300);
  } finally {
    held.resume();
  }
  await until(async () => /cluster_state:ok/.test(String(await first().ask('CLUSTER', 'INFO'))), { within: 10_000 });
  const again = storesAt(first().url, keys('x')[0].replace(/\{.*/, ''));
  for (const { id } of records) {
    await until(
      () =>
        again.sessionStore
          .load(id)
          .then(({ verdict }) => verdict === 'found')
          .catch(() => false),
      {
        within: 10_000,
      },
    );
  }
});

test('all nodes are killed and come back: so does the store', SLOW, async () => {
  const { sessionStore } = storesAt(first().url);
  const records = Array.from({ length: 6 }, () => newRecord());
  await Promise.all(records.map((record) => sessionStore.create(record)));
  for (const node of cluster.nodes) await node.kill();
  await expect(sessionStore.load(records[0]?.id ?? '')).rejects.toMatchObject({ code: 'STORE_FAILED' });
  await Promise.all(cluster.nodes.map((node) => node.start('kept')));
  for (const record of records) {
    const found = () => sessionStore.load(record.id).then(({ verdict }) => verdict === 'found');
    await until(() => found().catch(() => false), { within: 20_000 });
  }
});

test('a cluster of one’s own is duplicated, and neither used nor closed', SLOW, async () => {
  const own = createCluster({ rootNodes: [{ url: first().url }] });
  own.on('error', () => {});
  await own.connect();
  onTestFinished(() => own.destroy());
  const { sessionStore, close } = createRedisStores({ client: own, prefix: 'own:' });
  const records = Array.from({ length: 10 }, () => newRecord());
  for (const record of records) expect(await sessionStore.create(record)).toBe('created');
  await close();
  expect(await own.get('nothing')).toBeNull();
});
