/** The contract of session stores: the one in memory keeps it, and each way to break it is found. */
import { AssertionError } from 'node:assert/strict';
import { createMemorySessionStore, type SessionStore } from 'mcp-session-supervisor';
import { type OpenedSessionStore, sessionStoreConformance } from 'mcp-session-supervisor/testing';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { BREAKS, broken } from './brokenSessionStores.ts';
import { EXPIRY_BREAKS, expiringStore } from './expiringSessionStores.ts';
import { sessionRecord } from './sessionRecords.ts';

/** How a store fails each of the cases whose names have such a beginning; a case that does not end fails too. */
async function failures(
  create: () => SessionStore | OpenedSessionStore,
  beginning = '',
): Promise<Record<string, unknown>> {
  const failed: Record<string, unknown> = {};
  for (const { name, run } of sessionStoreConformance(create).filter((each) => each.name.startsWith(beginning))) {
    await until(run().then(() => true)).catch((error: unknown) => {
      failed[name] = error;
    });
  }
  return failed;
}

describe('the store in memory keeps the contract', () => {
  test.each(sessionStoreConformance(createMemorySessionStore).map((each) => [each.name, each] as const))(
    '%s',
    async (_, { run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
  );
});

describe('a store that breaks the contract is found', () => {
  test('without a break it is none', async () => {
    expect(await failures(() => broken(() => ({})))).toEqual({});
  });

  test.each(Object.entries(BREAKS))('one that %s', async (_, [by, found]) => {
    const failed = Object.entries(await failures(() => broken(by), found));
    expect(failed).toEqual([[expect.stringMatching(`^${found}`), expect.any(AssertionError)]]);
  });

  test('there is one for every case but two', () => {
    const breaks = [...Object.values(BREAKS), ...Object.values(EXPIRY_BREAKS)];
    const found = breaks.map(([, beginning]) => beginning);
    const all = sessionStoreConformance(createMemorySessionStore).map(({ name }) => name);
    // Those need a store that forgets to answer, or one that can be opened again.
    expect(all.filter((name) => !found.some((beginning) => name.startsWith(beginning)))).toEqual([
      'settles what it was given before it was closed',
      'has all of it when it is opened again, where it is durable',
    ]);
  });
});

describe('a store that removes sessions by itself', () => {
  test('is held to that, and to no order of what has expired', async () => {
    expect(await failures(expiringStore)).toEqual({});
  });

  test.each(Object.entries(EXPIRY_BREAKS))('one that %s is found', async (_, [by, found]) => {
    const failed = Object.entries(await failures(() => expiringStore(by), found));
    expect(failed).toEqual([[expect.stringMatching(`^${found}`), expect.any(AssertionError)]]);
  });

  test('in real time it may take as long as it takes', async () => {
    const create = () => ({ store: expiringStore({ late: Number.POSITIVE_INFINITY }).store });
    expect(await failures(create)).toEqual({});
  });
});

test('each case opens a store of its own, and disposes of it, passed or failed', async () => {
  let opened = 0;
  let disposed = 0;
  const cases = sessionStoreConformance(async () => ({
    store: opened++ % 2 === 0 ? createMemorySessionStore() : broken(() => ({ create: async () => 'exists' })),
    dispose: async () => void disposed++,
  }));
  expect(opened).toBe(0);
  const results = await Promise.allSettled(cases.map(({ run }) => run()));
  expect({ opened, disposed }).toEqual({ opened: cases.length, disposed: cases.length });
  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']));
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});

test('a store may hold the sessions of others, parked ones and principals’ too', async () => {
  const store = createMemorySessionStore();
  const closing = /closed|opened again/;
  for (const [n, id] of ['other', 'parked', 'nobody'].entries()) {
    await store.create(sessionRecord(id, { principal: n === 2 ? null : 'other' }));
  }
  await store.park('parked', 1, { at: 1_700_000_000_000 });
  for (const { name, run } of sessionStoreConformance(() => store)) if (!closing.test(name)) await run();
  expect(await store.count()).toEqual({ sessions: 3, parked: 1 });
  expect(await store.countOf('other')).toBe(2);
});

test('one that does not count is not asked to', async () => {
  const lax = () =>
    broken(({ create, park, count, countOf }) => ({
      counts: false,
      create: (record) => create(record),
      park: (id, epoch, { maxParked: _, ...parking }) => park(id, epoch, parking),
      countOf: async (principal) => 0 * (await countOf(principal)),
      count: async () => ({ ...(await count()), parked: 0 }),
    }));
  expect(await failures(lax)).toEqual({});
});
