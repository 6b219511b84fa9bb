/** The contract of directories: the one in memory keeps it, and each way to break it is found. */
import { AssertionError } from 'node:assert/strict';
import { createMemoryDirectory } from 'mcp-session-supervisor';
import { directoryConformance, type OpenedDirectory } from 'mcp-session-supervisor/testing';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { brokenDirectory, DIRECTORY_BREAKS } from './brokenDirectories.ts';

/** How a directory fails each of the cases whose names have such a beginning. */
async function failures(create: () => OpenedDirectory, beginning = ''): Promise<Record<string, unknown>> {
  const failed: Record<string, unknown> = {};
  for (const { name, run } of directoryConformance(create).filter((each) => each.name.startsWith(beginning))) {
    await until(run().then(() => true)).catch((error: unknown) => {
      failed[name] = error;
    });
  }
  return failed;
}

describe('the directory in memory keeps the contract, in real time', () => {
  const cases = directoryConformance(() => createMemoryDirectory()).map((each) => [each.name, each] as const);
  test.concurrent.each(cases)('%s', async (_, { run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe('a directory that breaks the contract is found', () => {
  test('without a break it is none', async () => {
    expect(await failures(() => brokenDirectory(() => ({})))).toEqual({});
  });

  test.each(Object.entries(DIRECTORY_BREAKS))('one that %s', async (_, [by, found]) => {
    const failed = Object.entries(await failures(() => brokenDirectory(by), found));
    expect(failed).toEqual([[expect.stringMatching(`^${found}`), expect.any(AssertionError)]]);
  });

  test('there is one for every case', () => {
    const found = Object.values(DIRECTORY_BREAKS).map(([, beginning]) => beginning);
    const all = directoryConformance(createMemoryDirectory).map(({ name }) => name);
    expect(all.filter((name) => !found.some((beginning) => name.startsWith(beginning)))).toEqual([]);
  });
});

test('each case opens a directory of its own, and disposes of it, passed or failed', async () => {
  let opened = 0;
  let disposed = 0;
  const cases = directoryConformance(async () => ({
    ...brokenDirectory(() => (opened % 2 === 0 ? {} : { join: async () => 'taken' })),
    ...(opened++ >= 0 && { dispose: async () => void disposed++ }),
  }));
  expect(opened).toBe(0);
  const results = await Promise.allSettled(cases.map(({ run }) => run()));
  expect({ opened, disposed }).toEqual({ opened: cases.length, disposed: cases.length });
  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']));
});
