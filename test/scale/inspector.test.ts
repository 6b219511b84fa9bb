/** The feed at many sessions, and before a viewer that is slow: in pieces, told once, and within its bounds. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { Pseudonyms } from '../../src/door/pseudonym.ts';
import { Feed } from '../../src/inspector/feed.ts';
import { Rows } from '../../src/inspector/rows.ts';
import { Timeouts } from '../../src/inspector/timeouts.ts';
import { Viewer } from '../../src/inspector/viewer.ts';
import { FeedClient } from '../inspector/feedClient.ts';
import { inspect, JSON_HEADERS, MANY, openMany, useOnce } from '../inspector/inspect.ts';
import { StuckSocket } from '../inspector/stuckSocket.ts';
import { type Supervisor, supervise } from '../support/serve.ts';
import { until } from '../support/until.ts';
import { initializeBody } from '../support/wire.ts';

function crowd(): Supervisor {
  const { supervisor, stop } = supervise(MANY);
  onTestFinished(stop);
  return supervisor;
}

test('20 000 sessions come in parts of at most 1 000, while the server goes on serving', {
  timeout: 60_000,
}, async () => {
  const supervisor = crowd();
  const ids = await openMany(supervisor, 20_000);
  const inspector = await inspect(supervisor);
  const client = new FeedClient(inspector);
  let longest = 0;
  let over = false;
  const serving = (async () => {
    while (!over) {
      const since = performance.now();
      await useOnce(supervisor, ids[0] ?? '');
      longest = Math.max(longest, performance.now() - since);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await until(() => client.of('snapshot').some(({ last }) => last), { within: 30_000, what: 'the snapshot' });
  over = true;
  await serving;
  const parts = client.of('snapshot');
  expect(parts.length).toBeGreaterThanOrEqual(20);
  expect(Math.max(...parts.map(({ rows }) => rows.length))).toBe(1_000);
  expect(parts.map(({ first }) => first)).toEqual(parts.map((_, n) => n === 0));
  expect(client.rows.size).toBe(20_000);
  expect(parts[0]?.totals.states).toMatchObject({ initializing: 0 });
  expect(longest).toBeLessThan(1_000);
});

test('a session that changes a thousand times is told a few times; its transitions are all counted', async () => {
  const supervisor = crowd();
  const [id = ''] = await openMany(supervisor, 1);
  const inspector = await inspect(supervisor, { interval: 100 });
  const client = await new FeedClient(inspector).synchronized();
  const deltas = client.of('delta').length;
  const since = performance.now();
  for (let n = 0; n < 1_000; n++) await useOnce(supervisor, id, n);
  await until(() => client.transitions['active→idle'] === 1_000);
  const ticks = Math.ceil((performance.now() - since) / 100) + 1;
  const told = client.of('delta').slice(deltas);
  expect(told.length).toBeLessThanOrEqual(ticks);
  for (const { changes } of told) expect(changes.length).toBeLessThanOrEqual(1);
  expect(client.transitions).toEqual({ 'idle→active': 1_000, 'active→idle': 1_000 });
});

test('more than 1 000 changes wait for the next delta, and none is lost', async () => {
  const supervisor = crowd();
  const inspector = await inspect(supervisor, { interval: 100 });
  const client = await new FeedClient(inspector).synchronized();
  const ids = await openMany(supervisor, 3_500);
  await until(() => client.rows.size === 3_500);
  await Promise.all(ids.map((id) => useOnce(supervisor, id)));
  const seen = () => [...client.rows.values()].map(({ lastActiveAt }) => lastActiveAt);
  const due = () => [...supervisor.sessions()].map(({ lastActiveAt }) => lastActiveAt);
  await until(() => seen().toSorted().join() === due().toSorted().join(), { within: 10_000, what: 'every change' });
  const sizes = client.of('delta').map(({ rows, changes }) => rows.length + changes.length);
  expect(Math.max(...sizes)).toBe(1_000);
  expect(client.of('delta').some(({ pending }) => pending > 0)).toBe(true);
});

describe('ended sessions', () => {
  test('the last so many are kept, the latest first', async () => {
    const supervisor = crowd();
    const inspector = await inspect(supervisor, { maxEnded: 10, revealIds: true });
    const ids = await openMany(supervisor, 25);
    for (const id of ids) await supervisor.terminate(id);
    const client = await new FeedClient(inspector).synchronized();
    const [part] = client.of('snapshot');
    expect(part?.ended.map(({ id }) => id)).toEqual(ids.slice(-10).toReversed());
    expect(client.totals).toMatchObject({ opened: 25, ended: 25, reasons: { terminated: 25 } });
  });

  test('of many that end at once, all are gone and the latest are told', async () => {
    const supervisor = crowd();
    const inspector = await inspect(supervisor, { maxEnded: 10, interval: 200 });
    const ids = await openMany(supervisor, 500);
    const client = await new FeedClient(inspector).synchronized();
    await Promise.all(ids.map((id) => supervisor.terminate(id)));
    await until(() => client.rows.size === 0);
    expect(Math.max(...client.of('delta').map(({ ended }) => ended.length))).toBeLessThanOrEqual(10);
    expect(client.of('delta').flatMap(({ gone }) => gone)).toHaveLength(500);
  });

  test('none are kept where that is asked for', async () => {
    const supervisor = crowd();
    const inspector = await inspect(supervisor, { maxEnded: 0 });
    const client = await new FeedClient(inspector).synchronized();
    const [id = ''] = await openMany(supervisor, 1);
    await until(() => client.rows.size === 1);
    await supervisor.terminate(id);
    await until(() => client.rows.size === 0);
    expect(client.ended.size).toBe(0);
    expect(client.totals?.ended).toBe(1);
  });
});

test('a client that says a lot of itself is told in a few words', async () => {
  const supervisor = crowd();
  const inspector = await inspect(supervisor);
  const body = initializeBody({ clientInfo: { name: 'n'.repeat(10_000), version: 'v'.repeat(10_000) } });
  const request = new Request('http://localhost/mcp', {
    method: 'POST',
    headers: JSON_HEADERS,
    body: JSON.stringify(body),
  });
  expect((await supervisor.fetch(request)).status).toBe(200);
  const client = await new FeedClient(inspector).synchronized();
  const [row] = client.rows.values();
  expect(row?.client?.name).toBe(`${'n'.repeat(99)}…`);
  expect(row?.client?.version).toHaveLength(100);
});

test('before a viewer that takes in nothing, no more than the bound and one frame is kept', async () => {
  const supervisor = crowd();
  const rows = new Rows(new Pseudonyms(), { revealIds: false, revealPrincipals: false, idleTimeout: () => null });
  const options = { version: '1', allowTerminate: false, revealIds: false, revealPrincipals: false };
  const feed = new Feed(supervisor, rows, {
    ...options,
    maxEnded: 100,
    maxViewers: 1,
    interval: 10,
    now: Date.now,
    timeouts: new Timeouts(supervisor),
  });
  onTestFinished(() => feed.close());
  const maxBuffer = 20_000;
  const socket = new StuckSocket();
  const viewer = new Viewer(socket, { maxBuffer, pingInterval: 60_000 });
  viewer.onGone = feed.addViewer(viewer);
  onTestFinished(() => viewer.leave(1001, ''));

  const ids = await openMany(supervisor, 2_000);
  for (const id of ids) await supervisor.terminate(id);
  const [last = ''] = await openMany(supervisor, 1);
  expect(socket.most).toBeGreaterThan(0);
  expect(socket.most).toBeLessThanOrEqual(maxBuffer + socket.longest);
  const before = socket.sent.length;

  socket.flow();
  await useOnce(supervisor, last);
  const after = () => socket.frames().slice(before);
  await until(() => after().some((frame) => frame.type === 'snapshot' && frame.last));
  const [first] = after();
  expect(first).toMatchObject({ type: 'snapshot', first: true });
  expect(first?.type === 'snapshot' && first.missed).toBeGreaterThan(0);
  expect(first?.type === 'snapshot' && first.rows).toHaveLength(1);
  expect(first?.type === 'snapshot' && first.totals.ended).toBe(2_000);
});
