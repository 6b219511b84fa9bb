/** Our own server along every path of its own statechart. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore, createSessionSupervisor } from '../../src/index.ts';
import {
  createGatedServer,
  inProcessDriver,
  runPaths,
  type SessionPathsOptions,
  sessionPaths,
} from '../../src/testing/index.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';

const IDLE = 60_000;

async function simulate(options: SessionPathsOptions) {
  const clock = new SimulatedClock();
  const server = createGatedServer({ holdInitialize: true });
  const { initializeTimeout, sessionIdleTimeout, maxSessionLifetime, parkAfter } = { ...options.timeouts };
  const supervisor = createSessionSupervisor({
    server: server.factory,
    clock,
    keepAliveInterval: Number.POSITIVE_INFINITY,
    sessionIdleTimeout: sessionIdleTimeout ?? Number.POSITIVE_INFINITY,
    initializeTimeout: initializeTimeout ?? 2 ** 31 - 1,
    maxSessionLifetime: maxSessionLifetime ?? Number.POSITIVE_INFINITY,
    ...(parkAfter != null && { parkAfter, sessionStore: createMemorySessionStore() }),
  });
  const endings = ['deleted', 'terminated', 'closed', 'crashed'] as const;
  const paths = sessionPaths({ endings, holdInitialize: true, ...options });
  const driver = inProcessDriver(supervisor, clock, { server, timeouts: options.timeouts ?? {}, endings });
  const result = await runPaths(paths, driver);
  await supervisor.drain();
  return { result, paths };
}

describe('in simulated time', () => {
  test.each([
    { coverage: 'transitions', timeouts: { sessionIdleTimeout: IDLE, initializeTimeout: 1_000 } },
    { coverage: 'pairs', timeouts: { sessionIdleTimeout: IDLE, initializeTimeout: 1_000 } },
    { coverage: 'pairs', timeouts: { sessionIdleTimeout: IDLE, maxSessionLifetime: 100 * IDLE } },
    { coverage: 'pairs', timeouts: { maxSessionLifetime: IDLE } },
    { coverage: 'pairs', timeouts: { sessionIdleTimeout: IDLE, parkAfter: 5_000 } },
    { coverage: 'pairs', timeouts: { sessionIdleTimeout: IDLE, parkAfter: 5_000, maxSessionLifetime: 100 * IDLE } },
    { coverage: 'random', timeouts: { sessionIdleTimeout: IDLE, initializeTimeout: 1_000 }, walks: 100, length: 30 },
  ] satisfies SessionPathsOptions[])('$coverage of $timeouts', async (options) => {
    const { result, paths } = await simulate(options);
    expect(result.violations).toEqual([]);
    expect(result.paths).toBe(paths.length);
    expect([...result.covered].sort()).toEqual(
      [...new Set(paths.flatMap(({ steps }) => steps.map(({ transition }) => transition)))].sort(),
    );
  });
});
