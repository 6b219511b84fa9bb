/** One session under the eyes of a viewer: its black box live and after its end, and the button that ends it. */
import { describe, expect, test } from 'vitest';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { Gates } from '../support/gates.ts';
import { buildTestServer } from '../support/testServer.ts';
import { until } from '../support/until.ts';
import { call, initialize, openStream } from '../support/wire.ts';
import { FeedClient } from './feedClient.ts';
import { MANY, openMany, serveInspected } from './inspect.ts';

describe('a session that is opened on the page', () => {
  test('is told at once, whenever it changes, and when it has ended', async () => {
    const { inspector, url, supervisor } = await serveInspected();
    const { sessionId } = await initialize(url);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    const client = await new FeedClient(inspector).synchronized();
    const [key = ''] = client.rows.keys();
    client.say({ type: 'open', key });
    const first = await client.session();
    expect(first).toMatchObject({ key, row: { key, state: 'idle' }, omitted: 0 });
    expect(first.history.map(({ event }) => event)).toEqual(['opened', 'active', 'idle', 'active', 'idle']);

    await call(url, sessionId, 'echo', { text: 'x' }, 1);
    const second = await client.session(({ history, row }) => history.length === 7 && row.state === 'idle');
    expect(second.history).toEqual(supervisor.session(sessionId)?.history);

    await supervisor.terminate(sessionId);
    const last = await client.session(({ row }) => row.state === 'terminated');
    expect(last.row).toMatchObject({ reason: 'terminated' });
    expect(last.history.at(-1)).toEqual({
      at: expect.any(Number),
      event: 'terminated',
      inFlight: 0,
      reason: 'terminated',
    });
  });

  test('can be opened after its end', async () => {
    const { inspector, url, supervisor } = await serveInspected();
    const { sessionId } = await initialize(url);
    await supervisor.terminate(sessionId, 'crashed');
    const client = await new FeedClient(inspector).synchronized();
    const [key = ''] = client.ended.keys();
    client.say({ type: 'open', key });
    const { row, history } = await client.session();
    expect(row).toMatchObject({ state: 'terminated', reason: 'crashed' });
    expect(history.at(-1)).toMatchObject({ event: 'terminated', reason: 'crashed' });
  });

  test('is told as long as it changes and no longer than it is wanted', async () => {
    const { inspector, url, supervisor } = await serveInspected();
    const { sessionId } = await initialize(url);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    const client = await new FeedClient(inspector).synchronized();
    const [key = ''] = client.rows.keys();
    client.say({ type: 'open', key });
    await client.session();
    const other = await initialize(url);
    await until(() => supervisor.session(other.sessionId)?.state === 'idle');
    await until(() => client.rows.size === 2);
    expect(client.of('session')).toHaveLength(1);
    client.say({ type: 'close' });
    client.say({ type: 'open', key: 'nobody' });
    expect(await client.result()).toEqual({ type: 'result', of: 'open', key: 'nobody', outcome: 'unknown' });
    const told = client.of('session').length;
    await call(url, sessionId, 'echo', { text: 'x' }, 1);
    await until(() => (client.transitions['active→idle'] ?? 0) > 0);
    await supervisor.terminate(sessionId);
    await until(() => client.rows.size === 1);
    expect(client.of('session')).toHaveLength(told);
  });

  test('with a long black box is told its end', async () => {
    const { inspector, supervisor } = await serveInspected({ ...MANY, historySize: 1_000 });
    const [id = ''] = await openMany(supervisor, 1);
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': id,
    };
    for (let n = 0; n < 200; n++) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: n, method: 'ping' });
      await supervisor.fetch(new Request('http://localhost/mcp', { method: 'POST', headers, body }));
    }
    const client = await new FeedClient(inspector).synchronized();
    const [key = ''] = client.rows.keys();
    client.say({ type: 'open', key });
    const { history, omitted } = await client.session();
    const whole = supervisor.session(id)?.history ?? [];
    expect(history).toEqual(whole.slice(-256));
    expect(omitted).toBe(whole.length - 256);
  });
});

describe('ending a session', () => {
  test('is refused unless the server allows it', async () => {
    const { inspector, url, supervisor } = await serveInspected();
    const { sessionId } = await initialize(url);
    const client = await new FeedClient(inspector).synchronized();
    const [key = ''] = client.rows.keys();
    client.say({ type: 'terminate', key });
    expect(await client.result()).toEqual({ type: 'result', of: 'terminate', key, outcome: 'forbidden' });
    expect(supervisor.session(sessionId)).toBeDefined();
  });

  test('is done where it does, for the reason that names it', async () => {
    const { inspector, url, supervisor, events } = await serveInspected({}, { allowTerminate: true });
    const { sessionId } = await initialize(url);
    const client = await new FeedClient(inspector).synchronized();
    expect((await client.hello()).allowTerminate).toBe(true);
    const [key = ''] = client.rows.keys();
    client.say({ type: 'terminate', key });
    expect(await client.result()).toEqual({ type: 'result', of: 'terminate', key, outcome: 'done' });
    expect(supervisor.session(sessionId)).toBeUndefined();
    expect(events.at(-1)).toMatchObject({ type: 'session.terminated', reason: 'terminated' });
    client.say({ type: 'terminate', key });
    await until(() => client.of('result').length === 2);
    expect(client.of('result').at(-1)).toMatchObject({ outcome: 'unknown' });
  });

  test('says where its record stays, so that it may come back', async () => {
    const sessionStore = controlledSessionStore();
    sessionStore.before.remove = () => Promise.reject(Object.assign(new Error('closed'), { code: 'STORE_CLOSED' }));
    const { inspector, url } = await serveInspected({ sessionStore }, { allowTerminate: true });
    await initialize(url);
    const client = await new FeedClient(inspector).synchronized();
    const [key = ''] = client.rows.keys();
    client.say({ type: 'terminate', key });
    expect(await client.result()).toEqual({ type: 'result', of: 'terminate', key, outcome: 'failed' });
  });

  test('takes the key, not the id', async () => {
    const { inspector, url, supervisor } = await serveInspected({}, { allowTerminate: true, revealIds: true });
    const { sessionId } = await initialize(url);
    const client = await new FeedClient(inspector).synchronized();
    client.say({ type: 'terminate', key: sessionId });
    expect(await client.result()).toMatchObject({ outcome: 'unknown' });
    expect(supervisor.session(sessionId)).toBeDefined();
  });
});

describe('what no event tells', () => {
  test('is found by looking: a stream that opens, a session that is being initialized', async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let first = true;
    const { inspector, url } = await serveInspected({
      server: async (session) => {
        if (!first) await answered;
        first = false;
        return buildTestServer(session, new Gates());
      },
    });
    const { headers } = await initialize(url);
    const client = await new FeedClient(inspector).synchronized();
    await openStream(url, { headers });
    await until(() => [...client.rows.values()].some(({ openStreams }) => openStreams === 1));
    const second = initialize(url);
    await until(() => client.totals?.states.initializing === 1);
    expect([...client.rows.values()].map(({ state }) => state).sort()).toEqual(['active', 'initializing']);
    answer();
    await second;
    await until(() => client.totals?.states.initializing === 0);
    expect(client.transitions['initializing→active']).toBe(1);
  });

  test('one that ends before it opened is counted', async () => {
    const { inspector, url } = await serveInspected({
      server: () => {
        throw new Error('no server');
      },
    });
    const client = await new FeedClient(inspector).synchronized();
    await expect(initialize(url)).rejects.toThrow();
    await until(() => client.totals?.ended === 1);
    expect(client.transitions).toEqual({ 'initializing→terminated': 1 });
    expect(client.totals).toMatchObject({ opened: 0, reasons: { crashed: 1 } });
  });
});
