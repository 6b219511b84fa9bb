/** Many sessions that are to be brought back at once: how many at a time, who goes first, and how long anybody waits. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore, type SessionContext } from '../../../src/index.ts';
import { advance } from '../../support/simulatedClock.ts';
import { turns, until } from '../../support/until.ts';
import { call, listen, open, ping, rests, start } from './life.ts';

const MAX_RESTORES = 16;

/** Sessions that a process has left behind, by principal; and the next process, whose factory the test lets go on. */
async function crowd(counts: Readonly<Record<string, number>>, options: Parameters<typeof start>[1] = {}) {
  const sessionStore = createMemorySessionStore();
  const first = start(sessionStore);
  const ids: Record<string, string[]> = {};
  for (const [principal, count] of Object.entries(counts)) {
    ids[principal] = [];
    for (let n = 0; n < count; n++) ids[principal].push(await open(first, { 'x-user': principal }));
  }
  const doors: (() => void)[] = [];
  const order: string[] = [];
  const process = start(sessionStore, {
    ...options,
    server: async ({ principal }: SessionContext, build) => {
      order.push(principal ?? '');
      await new Promise<void>((resolve) => doors.push(resolve));
      return build();
    },
  });
  const openDoor = () => doors.shift()?.();
  return { ids, process, order, doors, openDoor };
}

/** Lets everything go on until all of these are answered. */
async function all<T>(promises: readonly Promise<T>[], openDoor: () => void): Promise<T[]> {
  let isDone = false;
  const done = Promise.all(promises).finally(() => {
    isDone = true;
  });
  await until(
    () => {
      openDoor();
      return isDone;
    },
    { within: 15_000, what: 'all to be answered' },
  );
  return done;
}

describe('restores', () => {
  test('at most 16 run at a time; all are answered in the end, and live sessions meanwhile', async () => {
    const { ids, process, doors, openDoor } = await crowd({ ada: 60 });
    const pings = (ids['ada'] ?? []).map((id) => ping(process, id, { 'x-user': 'ada' }));
    await until(() => doors.length === MAX_RESTORES);
    await turns(10);
    expect(process.built).toHaveLength(MAX_RESTORES);
    expect(process.supervisor.stats().sessions.restoring).toBe(MAX_RESTORES);
    expect(process.supervisor.stats().servers.starting).toBe(MAX_RESTORES);
    const answers = await all(pings, () => {
      expect(doors.length).toBeLessThanOrEqual(MAX_RESTORES);
      openDoor();
    });
    expect(answers.map(({ status }) => status)).toEqual(new Array(60).fill(200));
    expect(process.supervisor.stats()).toMatchObject({ restored: 60, sessions: { restoring: 0 } });
  });

  test('each principal has its turn, however many sessions another brings', async () => {
    const { ids, process, order, openDoor, doors } = await crowd({ many: 60, few: 2 });
    const crowdPings = (ids['many'] ?? []).map((id) => ping(process, id, { 'x-user': 'many' }));
    await until(() => doors.length === MAX_RESTORES);
    const few = (ids['few'] ?? []).map((id) => ping(process, id, { 'x-user': 'few' }));
    await turns(5);
    await all([...crowdPings, ...few], openDoor);
    const places = order.flatMap((principal, n) => (principal === 'few' ? [n] : []));
    expect(places.every((place) => place < MAX_RESTORES + 6)).toBe(true);
  });

  test('a GET lets POSTs go first, and waits three times as long', async () => {
    const { ids, process, order, doors, openDoor } = await crowd({ ada: 16, get: 1, post: 1 }, { restoreTimeout: 900 });
    const first = (ids['ada'] ?? []).map((id) => ping(process, id, { 'x-user': 'ada' }));
    await until(() => doors.length === MAX_RESTORES);
    const got = listen(process, ids['get']?.[0] as string, { 'x-user': 'get' });
    await turns(5);
    const posted = ping(process, ids['post']?.[0] as string, { 'x-user': 'post' });
    await turns(5);
    await advance(process.clock, 900);
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual(new Array(16).fill(503));
    expect((await posted).status).toBe(503);
    for (const next of ['post', 'get']) {
      openDoor(); // a restore goes on without the request that asked for it
      await until(() => order.at(-1) === next, { what: `the turn of ${next}` });
    }
    expect(order).toHaveLength(18);
    await all([got], openDoor);
    expect((await got).status).toBe(200);
    await (await got).cancel();
  });

  test('a GET that waits for more than that: 503', async () => {
    const { ids, process, doors } = await crowd({ ada: 1 }, { restoreTimeout: 1_000 });
    const got = listen(process, ids['ada']?.[0] as string, { 'x-user': 'ada' });
    await until(() => doors.length === 1);
    await advance(process.clock, 2_999);
    await turns(3);
    await advance(process.clock, 1);
    expect((await got).status).toBe(503);
    doors.shift()?.();
  });

  test('a session that only a GET asked for goes first once a POST asks for it', async () => {
    const { ids, process, order, doors, openDoor } = await crowd({ ada: 16, early: 1, both: 1 });
    const first = (ids['ada'] ?? []).map((id) => ping(process, id, { 'x-user': 'ada' }));
    await until(() => doors.length === MAX_RESTORES);
    const early = listen(process, ids['early']?.[0] as string, { 'x-user': 'early' });
    await turns(3);
    const both = listen(process, ids['both']?.[0] as string, { 'x-user': 'both' });
    await turns(3);
    const posted = ping(process, ids['both']?.[0] as string, { 'x-user': 'both' });
    await turns(3);
    await all<unknown>([...first, early, both, posted], openDoor);
    expect(order.slice(16)).toEqual(['both', 'early']);
    for (const stream of [await early, await both]) await stream.cancel();
  });

  test('whose client has left is finished all the same', async () => {
    const { ids, process, doors, openDoor } = await crowd({ ada: 1 });
    const id = ids['ada']?.[0] as string;
    const left = new AbortController();
    const headers = {
      ...{ accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
      ...{ 'mcp-session-id': id, 'x-user': 'ada' },
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
    const request = new Request('http://localhost/mcp', { method: 'POST', headers, body, signal: left.signal });
    void process.supervisor.fetch(request).catch(() => {});
    await until(() => doors.length === 1);
    left.abort();
    await turns(3);
    openDoor();
    await rests(process, id);
    expect(await call(process, id, 'who', {}, { 'x-user': 'ada' })).toContain(' 2 true ');
  });
});
