/** Sessions that have records, as viewers of the feed are told of them: parked, brought back, and ended without that. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { Pseudonyms } from '../../src/door/pseudonym.ts';
import { createMemorySessionStore, type SessionContext, type SessionInfo } from '../../src/index.ts';
import { Census } from '../../src/inspector/census.ts';
import { FeedViewer } from '../../src/inspector/feedViewer.ts';
import type { ParkedRow, Row, SnapshotFrame, Totals } from '../../src/inspector/protocol.ts';
import { Rows } from '../../src/inspector/rows.ts';
import { Viewer } from '../../src/inspector/viewer.ts';
import { Gates } from '../support/gates.ts';
import { type ServeOptions, supervise } from '../support/serve.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { buildTestServer } from '../support/testServer.ts';
import { TinyServer } from '../support/tinyServer.ts';
import { until } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';
import { FeedClient } from './feedClient.ts';
import { MANY, openMany, serveInspected, useOnce } from './inspect.ts';
import { StuckSocket } from './stuckSocket.ts';

const PARK_AFTER = 60_000;
const IDLE_TIMEOUT = 600_000;

/** On simulated time, a supervisor whose sessions are parked, and its inspector. */
async function servePark(options: ServeOptions = {}, inspectorOptions: Parameters<typeof serveInspected>[1] = {}) {
  const clock = new SimulatedClock();
  const timeouts = { parkAfter: PARK_AFTER, sessionIdleTimeout: IDLE_TIMEOUT };
  const served = await serveInspected(
    { sessionStore: createMemorySessionStore(), clock, ...timeouts, ...options },
    { now: () => clock.now(), ...inspectorOptions },
  );
  return { ...served, clock };
}

type ServedPark = Awaited<ReturnType<typeof servePark>>;

/** Opens a session and lets it be parked. */
async function parkOne({ url, supervisor, clock }: ServedPark): Promise<string> {
  const { sessionId } = await initialize(url);
  await until(() => supervisor.session(sessionId)?.state === 'idle');
  await advance(clock, PARK_AFTER);
  await until(() => supervisor.session(sessionId) === undefined);
  return sessionId;
}

describe('a session that is parked', () => {
  test('leaves the sessions that live here, is told among the parked, and comes back under the same key', async () => {
    const served = await servePark();
    const { inspector, supervisor, url, clock } = served;
    const { sessionId } = await initialize(url);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    const client = await new FeedClient(inspector).synchronized();
    const [[key, before] = []] = client.rows;
    expect(before).toMatchObject({ state: 'idle', epoch: 1 });
    const { lastActiveAt = 0 } = before ?? {};

    await advance(clock, PARK_AFTER);
    await until(() => client.parked.size === 1 && client.totals?.states.parked === 1);
    expect([...client.parked]).toEqual([
      [
        key,
        {
          ...before,
          state: 'parked',
          parkedAt: lastActiveAt + PARK_AFTER,
          idleDeadline: lastActiveAt + IDLE_TIMEOUT,
        },
      ],
    ]);
    expect(client.rows.size).toBe(0);
    expect(client.totals).toMatchObject({
      states: { initializing: 0, restoring: 0, active: 0, idle: 0, parked: 1 },
      calls: 0,
      parked: 1,
      restored: 0,
      ended: 0,
    });
    expect(client.transitions).toEqual({ 'idle→parked': 1 });

    await call(url, sessionId, 'echo', { text: 'x' }, 1);
    await until(() => client.rows.get(key ?? '')?.state === 'idle');
    expect(client.rows.get(key ?? '')).toMatchObject({ epoch: 2, createdAt: before?.createdAt });
    expect([client.rows.size, client.parked.size]).toEqual([1, 0]);
    expect(client.totals).toMatchObject({ states: { restoring: 0, idle: 1, parked: 0 }, restored: 1, opened: 1 });
    expect(client.transitions).toMatchObject({ 'parked→restoring': 1, 'restoring→active': 1 });
    const told = JSON.stringify(client.frames);
    expect(told).not.toContain(sessionId);
  });

  test('ends on time without being brought back, and is among the ended then', async () => {
    const served = await servePark();
    const client = await new FeedClient(served.inspector).synchronized();
    await parkOne(served);
    await until(() => client.parked.size === 1);
    const [key] = client.parked.keys();
    await advance(served.clock, IDLE_TIMEOUT);
    await until(() => client.ended.size === 1);
    expect([...client.ended]).toEqual([[key, expect.objectContaining({ state: 'terminated', reason: 'idle' })]]);
    expect([client.rows.size, client.parked.size]).toEqual([0, 0]);
    expect(client.totals).toMatchObject({ states: { parked: 0 }, parked: 1, ended: 1, reasons: { idle: 1 } });
    expect(client.transitions).toMatchObject({ 'parked→terminated': 1 });
    const late = await new FeedClient(served.inspector).synchronized();
    expect([late.parked.size, late.ended.size]).toEqual([0, 1]);
  });

  test('is shown to whoever comes later, with its deadline, although nobody looked when it was parked', async () => {
    const served = await servePark();
    const id = await parkOne(served);
    const { lastActiveAt = 0 } = (await served.supervisor.record(id)) ?? {};
    const client = await new FeedClient(served.inspector).synchronized();
    const [row] = client.parked.values();
    expect(row).toMatchObject({ state: 'parked', idleDeadline: lastActiveAt + IDLE_TIMEOUT });
    await call(served.url, id, 'echo', { text: 'x' }, 1);
    const again = await new FeedClient(served.inspector).synchronized();
    expect([again.rows.size, again.parked.size]).toEqual([1, 0]);
  });

  test('can be opened, and goes on to be watched when it is brought back and when it has ended', async () => {
    const served = await servePark();
    const id = await parkOne(served);
    const client = await new FeedClient(served.inspector).synchronized();
    const [key = ''] = client.parked.keys();
    client.say({ type: 'open', key });
    const parked = await client.session();
    expect(parked).toMatchObject({ key, row: { key, state: 'parked', epoch: 1 }, omitted: 0 });
    expect(parked.history.at(-1)).toMatchObject({ event: 'parked', inFlight: 0 });
    expect(parked).not.toHaveProperty('id');

    await call(served.url, id, 'echo', { text: 'x' }, 1);
    const back = await client.session(({ row }) => row.state === 'idle' && row.epoch === 2);
    expect(back.history.map(({ event }) => event).join(' ')).toMatch(
      /^opened active .*idle parked restored active .*idle$/,
    );
    await served.supervisor.terminate(id);
    expect(await client.session(({ row }) => row.state === 'terminated')).toMatchObject({ row: { epoch: 2 } });
  });

  test('is ended by a viewer where that is allowed', async () => {
    const served = await servePark({}, { allowTerminate: true });
    const id = await parkOne(served);
    const client = await new FeedClient(served.inspector).synchronized();
    const [key = ''] = client.parked.keys();
    client.say({ type: 'terminate', key });
    expect(await client.result()).toMatchObject({ of: 'terminate', key, outcome: 'done' });
    await until(() => client.ended.size === 1);
    expect([...client.ended.values()]).toEqual([expect.objectContaining({ key, reason: 'terminated' })]);
    expect([client.parked.size, await served.supervisor.record(id)]).toEqual([0, undefined]);
  });

  test('is kept as long as it is among the last that were parked, and the ended are kept beside', async () => {
    const served = await servePark({ ...MANY }, { maxEnded: 3 });
    const { supervisor, clock, inspector } = served;
    const client = await new FeedClient(inspector).synchronized();
    const [ended = '', ...ids] = await openMany(supervisor, 6);
    await supervisor.terminate(ended);
    for (const id of ids) {
      await advance(clock, 10);
      await useOnce(supervisor, id);
    }
    await until(() => [...supervisor.sessions()].every(({ state }) => state === 'idle'));
    await advance(clock, PARK_AFTER, 10);
    await until(() => client.totals?.states.parked === 5);
    const late = await new FeedClient(inspector).synchronized();
    expect([late.parked.size, late.ended.size]).toEqual([3, 1]);
    const names = new Map([...late.parked.values()].map(({ key, parkedAt }) => [key, parkedAt]));
    expect([...names.values()]).toEqual([...names.values()].toSorted());
    for (const row of client.parked.values()) if (names.has(row.key)) names.delete(row.key);
    expect(names.size).toBe(0);
    expect(late.totals?.parked).toBe(5);
  });

  test('none is kept where no ended ones are', async () => {
    const served = await servePark({}, { maxEnded: 0 });
    const client = await new FeedClient(served.inspector).synchronized();
    await parkOne(served);
    await until(() => client.totals?.states.parked === 1 && client.rows.size === 0);
    expect(client.parked.size).toBe(0);
  });
});

describe('a session that is being brought back', () => {
  /** A factory that brings none back before it may, and then only if it likes. */
  function reluctant() {
    let allow = () => {};
    let refuse = () => {};
    const allowed = new Promise<void>((resolve, reject) => {
      allow = resolve;
      refuse = () => reject(new Error('not now'));
    });
    const server = async (session: SessionContext) => {
      if (session.restored) await allowed;
      return buildTestServer(session, new Gates());
    };
    return { server, allow: () => allow(), refuse: () => refuse() };
  }

  test('is seen in restoring, and then active', async () => {
    const { server, allow } = reluctant();
    const served = await servePark({ server });
    const id = await parkOne(served);
    const client = await new FeedClient(served.inspector).synchronized();
    const [key = ''] = client.parked.keys();
    const called = call(served.url, id, 'echo', { text: 'x' }, 1);
    await until(() => client.rows.get(key)?.state === 'restoring' && client.totals?.states.restoring === 1);
    client.say({ type: 'open', key });
    expect(await client.session()).toMatchObject({ row: { state: 'restoring', epoch: 2 } });
    allow();
    await called;
    await until(() => client.rows.get(key)?.state === 'idle' && client.totals?.states.restoring === 0);
    expect(client.parked.size).toBe(0);
    expect(client.transitions).toMatchObject({ 'parked→restoring': 1, 'restoring→active': 1 });
  });

  test('is parked as before where that comes to nothing, of which no event tells', async () => {
    const { server, refuse } = reluctant();
    const served = await servePark({ server });
    const id = await parkOne(served);
    const client = await new FeedClient(served.inspector).synchronized();
    const [key = ''] = client.parked.keys();
    const called = call(served.url, id, 'echo', { text: 'x' }, 1).catch((error: unknown) => error);
    await until(() => client.rows.get(key)?.state === 'restoring');
    refuse();
    await called;
    await until(() => client.rows.size === 0 && client.totals?.states.restoring === 0);
    expect([...client.parked.keys()]).toEqual([key]);
    expect(client.totals).toMatchObject({ calls: 0, restored: 0, ended: 0 });
    expect(client.transitions['restoring→parked']).toBeGreaterThan(0);
    client.say({ type: 'open', key });
    expect(await client.session()).toMatchObject({ row: { state: 'parked' } });
  });
});

describe('that there is a session store', () => {
  test('is not told where there is none', async () => {
    const { inspector, url, supervisor } = await serveInspected();
    const { sessionId } = await initialize(url);
    const client = await new FeedClient(inspector).synchronized();
    await supervisor.terminate(sessionId);
    await until(() => client.ended.size === 1);
    for (const { totals } of [...client.of('snapshot'), ...client.of('delta')]) {
      expect(Object.keys(totals.states)).toEqual(['initializing', 'active', 'idle']);
    }
  });

  test('is told with the first session, although none is ever parked', async () => {
    const { inspector, url } = await serveInspected({ sessionStore: createMemorySessionStore() });
    await initialize(url);
    const client = await new FeedClient(inspector).synchronized();
    expect(client.totals?.states).toMatchObject({ restoring: 0, parked: 0 });
    const open = await serveInspected({ sessionStore: createMemorySessionStore() });
    const early = await new FeedClient(open.inspector).synchronized();
    await initialize(open.url);
    await until(() => early.totals?.states.parked === 0);
  });

  test('is told by what a process before has left parked', async () => {
    const sessionStore = createMemorySessionStore();
    const first = await servePark({ sessionStore });
    await parkOne(first);
    const second = await servePark({ sessionStore });
    await advance(second.clock, 1_000); // when the store is asked
    await until(() => second.supervisor.stats().sessions.parked === 1);
    const client = await new FeedClient(second.inspector).synchronized();
    expect(client.totals?.states).toEqual({ initializing: 0, restoring: 0, active: 0, idle: 0, parked: 1 });
    expect(client.parked.size).toBe(0); // who it is, is in the store alone
  });
});

test('a census tells a session that was parked and brought back meanwhile as one that is there', async () => {
  const clock = new SimulatedClock();
  const { supervisor, stop } = supervise({
    server: () => new TinyServer(),
    sessionStore: createMemorySessionStore(),
    parkAfter: PARK_AFTER,
    clock,
  });
  onTestFinished(stop);
  const rows = new Rows(new Pseudonyms(), { revealIds: true, revealPrincipals: true, idleTimeout: () => null });
  const census = new Census(supervisor, rows);
  onTestFinished(() => census.close());
  const parked: SessionInfo[] = [];
  supervisor.on('session.parked', ({ session }) => {
    parked.push(session);
    census.left(session, 'parked');
  });
  const [id = ''] = await openMany(supervisor, 1);
  await until(() => supervisor.session(id)?.state === 'idle');
  await census.takeIn();
  census.forgetChanges();
  await advance(clock, PARK_AFTER);
  await until(() => parked.length === 1);
  await useOnce(supervisor, id);
  await until(() => supervisor.session(id)?.state === 'idle');
  const { rows: told, gone, changes } = census.changes(10);
  expect(told).toEqual([expect.objectContaining({ id, state: 'idle', epoch: 2 })]);
  expect([gone, changes]).toEqual([[], []]);
});

test('a snapshot tells who is parked when its turn comes, not who was when it began', () => {
  const rowOf = (n: number): Row => ({ key: `k${n}` }) as Row;
  const parked = new Map(['a', 'b', 'c'].map((key) => [key, { key } as ParkedRow]));
  const socket = new StuckSocket();
  socket.flow();
  const viewer = new Viewer(socket, { maxBuffer: 1_000_000, pingInterval: 60_000 });
  onTestFinished(() => viewer.leave(1001, ''));
  const feedViewer = new FeedViewer(viewer, {
    rows: () => Array.from({ length: 1_000 }, (_, n) => rowOf(n)).values(),
    parked: () => parked.values(),
    ended: () => [],
    listens: () => undefined,
    totals: () => ({}) as Totals,
    trend: () => [],
    now: () => 0,
  });
  feedViewer.sendPart();
  parked.delete('b');
  while (feedViewer.hungry) feedViewer.sendPart();
  const parts = socket.sent.map((text) => JSON.parse(text) as SnapshotFrame);
  expect(parts.flatMap(({ rows }) => rows)).toHaveLength(1_000);
  expect(parts.flatMap((part) => part.parked.map(({ key }) => key))).toEqual(['a', 'c']);
  expect(parts.map(({ last }) => last)).toEqual([...parts.slice(1).map(() => false), true]);
});
