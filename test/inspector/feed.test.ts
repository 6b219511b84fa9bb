/** What viewers of the feed are told: everything once, in order, and what is the same for all of them. */
import { describe, expect, test } from 'vitest';
import { END_REASONS } from '../../src/index.ts';
import { until } from '../support/until.ts';
import { call, callBody, initialize, post } from '../support/wire.ts';
import { FeedClient } from './feedClient.ts';
import { serveInspected } from './inspect.ts';

describe('a viewer', () => {
  test('is told what there is to know first', async () => {
    const { inspector } = await serveInspected();
    const client = new FeedClient(inspector);
    const hello = await client.hello();
    expect(hello).toMatchObject({ v: 4, allowTerminate: false, reasons: END_REASONS, maxEnded: 1_000 });
    expect(hello.machine.states).toEqual(['initializing', 'restoring', 'active', 'idle', 'parked', 'terminated']);
    expect(hello.machine.edges.map(({ from, to, event }) => `${from} → ${to}: ${event}`).sort()).toEqual([
      'active → idle: RESPONSE',
      'active → parked: DROP',
      'active → terminated: TERMINATE',
      'active → terminated: after maxSessionLifetime',
      'idle → active: REQUEST',
      'idle → parked: PARK',
      'idle → parked: after parkAfter',
      'idle → terminated: TERMINATE',
      'idle → terminated: after maxSessionLifetime',
      'idle → terminated: after sessionIdleTimeout',
      'initializing → active: INITIALIZED',
      'initializing → terminated: TERMINATE',
      'initializing → terminated: after initializeTimeout',
      'initializing → terminated: after maxSessionLifetime',
      'parked → restoring: request',
      'parked → terminated: TERMINATE',
      'parked → terminated: after maxSessionLifetime',
      'parked → terminated: after sessionIdleTimeout',
      'restoring → active: RESTORED',
      'restoring → parked: DROP',
      'restoring → parked: after initializeTimeout',
      'restoring → terminated: TERMINATE',
      'restoring → terminated: after maxSessionLifetime',
    ]);
  });

  test('sees the sessions that are there, and then each that opens, works, rests and ends', async () => {
    const { inspector, supervisor, url, gates } = await serveInspected({ principal: () => 'ada' });
    const clientInfo = { name: 'inspector', version: '3.1' };
    const first = await initialize(url, { clientInfo });
    await until(() => supervisor.session(first.sessionId)?.state === 'idle');
    const client = await new FeedClient(inspector).synchronized();
    const [row] = client.rows.values();
    const info = supervisor.session(first.sessionId);
    expect(row).toEqual({
      key: expect.stringMatching(/^[\w-]{12}$/),
      state: 'idle',
      inFlight: 0,
      calls: 0,
      openStreams: 0,
      createdAt: info?.createdAt,
      lastActiveAt: info?.lastActiveAt,
      idleDeadline: (info?.lastActiveAt ?? 0) + 1_800_000,
      principal: expect.stringMatching(/^[\w-]{12}$/),
      client: clientInfo,
      protocolVersion: '2025-11-25',
      epoch: 1,
    });
    expect(JSON.stringify(client.frames)).not.toContain(first.sessionId);
    expect(JSON.stringify(client.frames)).not.toContain('ada');

    const second = await initialize(url);
    await until(() => client.rows.size === 2);
    const calling = post(url, callBody('gate', { key: 'a' }, 1), second.headers);
    await gates.entered('a');
    await until(() => [...client.rows.values()].some(({ state, inFlight }) => state === 'active' && inFlight === 1));
    await until(() => client.totals?.calls === 1);
    expect(client.totals?.states).toEqual({ initializing: 0, active: 1, idle: 1 });
    gates.open('a');
    await calling;
    await until(() => client.totals?.states.idle === 2);
    await supervisor.terminate(second.sessionId);
    await until(() => client.rows.size === 1);
    expect(client.totals).toMatchObject({
      opened: 2,
      ended: 1,
      reasons: { terminated: 1, idle: 0 },
      calls: 0,
      streams: 0,
    });
    expect([...client.ended.values()]).toEqual([
      expect.objectContaining({ state: 'terminated', reason: 'terminated', endedAt: expect.any(Number) }),
    ]);
    expect(client.transitions).toMatchObject({ 'initializing→active': 1, 'idle→terminated': 1 });
    expect(client.transitions['active→idle']).toBe((client.transitions['idle→active'] ?? 0) + 1);
  });

  test('is not told again what a snapshot has told', async () => {
    const { inspector, url, supervisor } = await serveInspected();
    const { sessionId } = await initialize(url);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    const client = await new FeedClient(inspector).synchronized();
    const delta = await until(() => client.of('delta')[0]);
    expect(delta).toMatchObject({
      rows: [],
      changes: [],
      gone: [],
      parked: [],
      ended: [],
      transitions: {},
      pending: 0,
    });
  });

  test('is told of a session that changes and ends at once that it is gone, and no more', async () => {
    const { inspector, url, supervisor } = await serveInspected({}, { interval: 300 });
    const { sessionId } = await initialize(url);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    const client = await new FeedClient(inspector).synchronized();
    const [key = ''] = client.rows.keys();
    const since = client.frames.length;
    await call(url, sessionId, 'echo', { text: 'x' }, 1);
    await supervisor.terminate(sessionId);
    await until(() => client.rows.size === 0);
    const told = client.of('delta').filter((delta) => client.frames.indexOf(delta) >= since);
    const end = told.findIndex(({ gone }) => gone.includes(key));
    for (const { changes } of told.slice(end)) expect(changes).toEqual([]);
    expect(client.transitions).toMatchObject({ 'idle→terminated': 1 });
  });

  test('is told ids and principals where the server reveals them', async () => {
    const options = { revealIds: true, revealPrincipals: true };
    const { inspector, url } = await serveInspected({ principal: () => 'ada' }, options);
    const { sessionId } = await initialize(url);
    const client = await new FeedClient(inspector).synchronized();
    expect([...client.rows.values()]).toEqual([expect.objectContaining({ id: sessionId, principal: 'ada' })]);
    expect((await client.hello()).reveals).toEqual({ ids: true, principals: true });
  });

  test('is told nothing more often than the interval, and something at least once a second', async () => {
    const { inspector, url } = await serveInspected({}, { interval: 200 });
    const { sessionId } = await initialize(url);
    const client = await new FeedClient(inspector).synchronized();
    const since = performance.now();
    for (let n = 0; n < 50; n++) await call(url, sessionId, 'echo', { text: 'x' }, n + 1);
    await until(() => client.transitions['active→idle'] === 50);
    const elapsed = performance.now() - since;
    const busy = client.of('delta').length;
    expect(busy).toBeLessThanOrEqual(Math.ceil(elapsed / 200) + 1);
    await until(() => client.of('delta').length > busy, { within: 1_500 });
  });
});
