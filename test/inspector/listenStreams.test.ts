/** Listen streams of 2026-07-28 on the page: rows of their own, told when something of them changes. */
import { expect, test } from 'vitest';
import { Sessions } from '../../inspector-page/src/sessions.ts';
import type { DeltaFrame, Listens, SnapshotFrame } from '../../src/inspector/protocol.ts';
import { buildModernServer, modernBody, modernHeaders } from '../modern/modernServer.ts';
import { until } from '../support/until.ts';
import { openStream } from '../support/wire.ts';
import { FeedClient } from './feedClient.ts';
import { serveInspected } from './inspect.ts';

async function serveModern(options = {}) {
  const served = await serveInspected(
    { modern: 'serve', server: (context) => buildModernServer(context), principal: () => 'ada' },
    options,
  );
  const listen = async (id: string) => {
    const body = modernBody('subscriptions/listen', { notifications: { toolsListChanged: true } }, id);
    const stream = await openStream(served.url, { body, headers: modernHeaders(body) });
    await stream.message();
    return stream;
  };
  return { ...served, listen };
}

const lastOf = (client: FeedClient): Listens | undefined =>
  client.frames.flatMap((frame) => ('listens' in frame && frame.listens ? [frame.listens] : [])).at(-1);

test('a viewer is told of those that are there, of what they are sent, and when they are gone', async () => {
  const { inspector, supervisor, listen } = await serveModern();
  const first = await listen('a');
  const client = await new FeedClient(inspector).synchronized();
  const row = {
    ...{ key: 'listen 1', state: 'open', principal: expect.stringMatching(/^[\w-]{12}$/), wants: ['tools'], sent: 1 },
    ...{ client: { name: 'wire', version: '1.0.0' }, openedAt: expect.any(Number) },
  };
  expect(client.of('snapshot')[0]?.listens).toEqual({ count: 1, rows: [row] });
  const second = await listen('b');
  await until(() => lastOf(client)?.count === 2);
  supervisor.notify.toolsChanged();
  await until(() => lastOf(client)?.rows.every(({ sent }) => sent === 2));
  first.destroy();
  second.destroy();
  await until(() => lastOf(client)?.count === 0);
  const told = client.of('delta').filter(({ listens }) => listens !== undefined).length;
  const deltas = client.of('delta').length;
  await until(() => client.of('delta').length > deltas, { what: 'the next heartbeat' });
  expect(client.of('delta').filter(({ listens }) => listens !== undefined)).toHaveLength(told);
});

test('principals are revealed where sessions’ are', async () => {
  const { inspector, listen } = await serveModern({ revealPrincipals: true });
  const stream = await listen('a');
  const client = await new FeedClient(inspector).synchronized();
  expect(client.of('snapshot')[0]?.listens?.rows).toMatchObject([{ principal: 'ada' }]);
  stream.destroy();
});

test('where there are none, no frame speaks of them', async () => {
  const { inspector } = await serveInspected();
  const client = await new FeedClient(inspector).synchronized();
  await until(() => client.of('delta').length > 0);
  expect(client.frames.filter((frame) => 'listens' in frame)).toEqual([]);
});

test('the page has what it was told last', () => {
  const sessions = new Sessions();
  const listens: Listens = { count: 1, rows: [] };
  const part = {
    rows: [],
    parked: [],
    ended: [],
    totals: { states: {}, refused: {} },
    missed: 0,
    first: true,
    last: true,
  };
  sessions.hear({ ...part, type: 'snapshot', at: 0, listens } as unknown as SnapshotFrame);
  expect(sessions.listens.count).toBe(1);
  const news = {
    rows: [],
    changes: [],
    gone: [],
    parked: [],
    ended: [],
    totals: { states: {}, refused: {} },
    transitions: {},
  };
  sessions.hear({ ...news, type: 'delta', at: 0 } as unknown as DeltaFrame);
  expect(sessions.listens.count).toBe(1);
  sessions.hear({ ...news, type: 'delta', at: 0, listens: { count: 0, rows: [] } } as unknown as DeltaFrame);
  expect(sessions.listens.count).toBe(0);
  sessions.hear({ ...part, type: 'snapshot', at: 0 } as unknown as SnapshotFrame);
  expect(sessions.listens.count).toBe(0);
});
