/** What the restart test finds of servers that forget everything, something, or nothing when they are killed. */
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import {
  createMemoryEventStore,
  createMemorySessionStore,
  createSessionSupervisor,
  type SessionSupervisorOptions,
} from '../../src/index.ts';
import { toNodeHandler } from '../../src/node.ts';
import { restartTest, type StartedServer } from '../../src/testing/index.ts';
import { buildTestServer } from '../support/testServer.ts';

type Kept = Pick<SessionSupervisorOptions, 'eventStore' | 'sessionStore'>;

/** Starts a server on the same port each time; what is `kept` is what outlives a kill. */
function starter(port: number, kept: () => Kept): () => Promise<StartedServer> {
  return async () => {
    const supervisor = createSessionSupervisor({
      server: (session) => buildTestServer(session),
      logger: () => {},
      ...kept(),
    });
    const server = createServer(toNodeHandler(supervisor));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return {
      kill: async () => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
      },
    };
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function verdicts(kept: () => Kept): Promise<Record<string, string>> {
  const port = await freePort();
  const { rows, down } = await restartTest({
    url: `http://127.0.0.1:${port}/mcp`,
    start: starter(port, kept),
    slowCall: 'sleep:{"ms":$MS}',
  });
  expect(down).toBeGreaterThan(0);
  return Object.fromEntries(rows.map(({ what, verdict }) => [what, verdict]));
}

test('a server that keeps nothing', { timeout: 60_000 }, async () => {
  expect(await verdicts(() => ({}))).toEqual({
    'a session': 'lost',
    'what it can do': 'not tried',
    'its GET stream': 'lost',
    'events of before': 'not tried',
    'a call that was cut off': 'lost',
    'a session that was ended': 'survives',
    'new sessions': 'survives',
  });
});

test('a server that keeps its sessions, and one that keeps their events too', { timeout: 60_000 }, async () => {
  const sessionStore = createMemorySessionStore();
  const kept = await verdicts(() => ({ sessionStore }));
  expect(kept).toMatchObject({ 'a session': 'survives', 'what it can do': 'survives', 'its GET stream': 'survives' });
  expect(kept).toMatchObject({ 'a call that was cut off': 'lost', 'a session that was ended': 'survives' });

  const stores = { sessionStore: createMemorySessionStore(), eventStore: createMemoryEventStore() };
  expect([...new Set(Object.values(await verdicts(() => stores)))]).toEqual(['survives']);
});

test('a server in which what has ended comes back', { timeout: 60_000 }, async () => {
  const sessionStore = createMemorySessionStore();
  const forgetful = { ...sessionStore, remove: async () => 'removed' as const };
  for (const name of ['create', 'load', 'claim', 'update', 'park', 'expired', 'count', 'countOf', 'close'] as const) {
    Object.assign(forgetful, {
      [name]: (...all: never[]) => (sessionStore[name] as (...all: never[]) => unknown)(...all),
    });
  }
  expect(await verdicts(() => ({ sessionStore: forgetful }))).toMatchObject({ 'a session that was ended': 'wrong' });
});

test('a server that never answers is told of', async () => {
  const never = restartTest({
    url: 'http://127.0.0.1:9/mcp',
    start: async () => ({ kill: async () => {} }),
    startTimeout: 300,
  });
  await expect(never).rejects.toMatchObject({ code: 'UNREACHABLE' });
});
