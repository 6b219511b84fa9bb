/** What viewers are told of handles: as they are, under names that stand for them, and the last that have ended. */
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { describe, expect, test } from 'vitest';
import { Sessions } from '../../inspector-page/src/sessions.ts';
import type { HandlesFrame, HelloFrame } from '../../src/inspector/protocol.ts';
import { ANN, browsersOf, gate } from '../supervisor/handleLife.ts';
import { until } from '../support/until.ts';
import { initialize } from '../support/wire.ts';
import { FeedClient } from './feedClient.ts';
import { serveInspected } from './inspect.ts';

/** The latest that was told, once it is as it should be. */
const told = (client: FeedClient, which: (frame: HandlesFrame) => boolean = () => true): Promise<HandlesFrame> =>
  until(() => client.of('handles').findLast(which), { what: 'the handles' });

describe('a viewer of the feed', () => {
  test('is told nothing of handles where there is no kind of them', async () => {
    const { inspector, url } = await serveInspected();
    const client = await new FeedClient(inspector).synchronized();
    await initialize(url);
    await until(() => client.rows.size === 1);
    expect(client.of('handles')).toEqual([]);
  });

  test('is told of each as it is now, and of how it ended', async () => {
    const { inspector, supervisor } = await serveInspected();
    const { handles } = browsersOf(supervisor);
    const client = await new FeedClient(inspector).synchronized();
    expect(await told(client)).toMatchObject({ kinds: { browser: { idle: 0 } }, rows: [], ended: [] });
    const id = await handles.create(ANN);
    const [info] = supervisor.openHandles();
    expect((await told(client, ({ rows }) => rows.length === 1)).rows).toEqual([
      {
        key: expect.stringMatching(/^[\w-]{12}$/),
        name: 'browser',
        state: 'idle',
        inFlight: 0,
        createdAt: info?.createdAt,
        lastActiveAt: info?.lastActiveAt,
        idleDeadline: (info?.lastActiveAt ?? 0) + 1_800_000,
        principal: expect.stringMatching(/^[\w-]{12}$/),
      },
    ]);
    const held = gate();
    const running = handles.use(id, ANN, () => held.opened);
    const { rows } = await told(client, ({ kinds }) => kinds['browser']?.active === 1);
    expect(rows).toMatchObject([{ state: 'active', inFlight: 1, idleDeadline: null }]);
    held.open();
    await running;
    await handles.end(id, ANN);
    const last = await told(client, ({ ended }) => ended.length === 1);
    expect(last.rows).toEqual([]);
    expect(last.ended).toMatchObject([{ key: rows[0]?.key, state: 'terminated', reason: 'deleted' }]);
    expect(JSON.stringify(client.frames)).not.toContain(id);
    expect(JSON.stringify(client.frames)).not.toContain('ann');
  });

  test('sees ids and principals where they are revealed', async () => {
    const { inspector, supervisor } = await serveInspected({}, { revealIds: true, revealPrincipals: true });
    const { handles } = browsersOf(supervisor);
    const id = await handles.create(ANN);
    const client = await new FeedClient(inspector).synchronized();
    expect((await told(client)).rows).toMatchObject([{ id, principal: 'ann' }]);
  });

  test('who comes late is told the same, and no more than 200 and the last 50 that ended', async () => {
    const { inspector, supervisor } = await serveInspected();
    const { handles } = browsersOf(supervisor, { maxPerPrincipal: 300 });
    const ids = await Promise.all(Array.from({ length: 300 }, () => handles.create(ANN)));
    for (const id of ids.slice(0, 60)) await handles.end(id, ANN);
    const client = await new FeedClient(inspector).synchronized();
    const { rows, ended, kinds } = await told(client);
    expect([rows.length, ended.length, kinds['browser']?.idle]).toEqual([200, 50, 240]);
    const again = await new FeedClient(inspector).synchronized();
    expect(await told(again)).toEqual(client.of('handles').at(-1));
  });

  test('is told once of what does not change', async () => {
    const { inspector, supervisor, url } = await serveInspected();
    const { handles } = browsersOf(supervisor);
    await handles.create(ANN);
    const client = await new FeedClient(inspector).synchronized();
    await told(client);
    await initialize(url);
    await until(() => client.rows.size === 1);
    expect(client.of('handles')).toHaveLength(1);
  });

  test('is told the idle time of sessions, not that of a handle which was there before', async () => {
    const { inspector, supervisor, url } = await serveInspected({ sessionIdleTimeout: 70_000 });
    const { handles } = browsersOf(supervisor, { idleTimeout: 5_000 });
    await handles.create(ANN);
    const client = await new FeedClient(inspector).synchronized();
    await initialize(url);
    const row = await until(() => [...client.rows.values()].find(({ state }) => state === 'idle'));
    expect((row.idleDeadline ?? 0) - row.lastActiveAt).toBe(70_000);
  });
});

test('a viewer of Stately’s inspector is shown its actor, by its kind', async () => {
  const { inspector, supervisor } = await serveInspected();
  const { handles } = browsersOf(supervisor);
  const id = await handles.create(ANN);
  const events: StatelyInspectionEvent[] = [];
  const server = `ws://127.0.0.1:${inspector.port}/stately?token=${inspector.token}`;
  createWebSocketReceiver({ server }).subscribe((event) => events.push(event));
  const actor = await until(() =>
    events.find((event) => event.type === '@xstate.actor' && event.name.startsWith('browser ')),
  );
  expect(actor).toMatchObject({
    name: expect.stringMatching(/^browser [\w-]{12}$/),
    snapshot: { value: 'idle', context: { handle: 'browser', inFlight: 0 } },
  });
  await handles.use(id, ANN, () => {});
  await until(() => events.some((event) => event.type === '@xstate.event' && event.event.type === 'REQUEST'));
  expect(JSON.stringify(events)).not.toContain(id);
});

test('the page keeps what was told last, and forgets it with the server', () => {
  const sessions = new Sessions();
  const frame = (n: number): HandlesFrame => ({
    type: 'handles',
    kinds: { [`kind ${n}`]: {} as never },
    rows: [],
    ended: [],
  });
  expect(sessions.handles).toBeUndefined();
  sessions.hear(frame(1));
  sessions.hear(frame(2));
  expect([sessions.handles, sessions.result]).toEqual([frame(2), undefined]);
  sessions.hear({ type: 'hello', maxEnded: 1, now: 0 } as HelloFrame);
  expect(sessions.handles).toBeUndefined();
});
