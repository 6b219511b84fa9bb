/** The stores on LMDB keep the contracts of both kinds of store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLmdbStores, type LmdbStores } from 'mcp-session-supervisor/lmdb';
import { sessionStoreConformance, storeConformance } from 'mcp-session-supervisor/testing';
import { expect, test } from 'vitest';

/** Opens stores in a folder of their own, and how to remove it. */
async function opened(durability: 'process' | 'power') {
  const path = await mkdtemp(join(tmpdir(), 'lmdb-'));
  const all: LmdbStores[] = [];
  const open = () => {
    const stores = createLmdbStores({ path, durability });
    all.push(stores);
    return stores;
  };
  const dispose = async () => {
    for (const stores of all) await stores.close();
    await rm(path, { recursive: true, force: true });
  };
  return { stores: open(), open, dispose };
}

function sessionCases(durability: 'process' | 'power') {
  return sessionStoreConformance(async () => {
    const { stores, open, dispose } = await opened(durability);
    return { store: stores.sessionStore, reopen: () => open().sessionStore, dispose };
  }).map((each) => [each.name, each] as const);
}

test.each(sessionCases('process'))('the session store: %s', async (_, { run }) => {
  await expect(run()).resolves.toBeUndefined();
});

// The code is the same; what is different is how it is committed.
test.each(sessionCases('power').filter(([name]) => /at once|opened again/.test(name)))(
  'the session store that waits for the disk: %s',
  async (_, { run }) => {
    await expect(run()).resolves.toBeUndefined();
  },
);

const eventCases = storeConformance(async () => {
  const { stores, dispose } = await opened('process');
  return { store: stores.eventStore, dispose };
});

test.each(eventCases.map((each) => [each.name, each] as const))('the event store: %s', async (_, { run }) => {
  await expect(run()).resolves.toBeUndefined();
});
