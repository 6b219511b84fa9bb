/** A session's life over HTTP, from the initialize to the 404 after its end, as clients and the embedder see it. */
import { expect, test } from 'vitest';
import type { SessionEvent } from '../../src/supervisor/sessionInfo.ts';
import { serve } from '../support/serve.ts';
import { becomesIdle, endingsIn, expectGone, expectNotFound, lifeOf } from '../support/sessionLife.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { call, callBody, del, initialize, initializeBody, openStream, post } from '../support/wire.ts';

const IDLE = 60_000;
const START = Date.UTC(2025, 10, 25);

async function serveWithClock(options: Parameters<typeof serve>[0] = {}) {
  const clock = new SimulatedClock();
  clock.set(START);
  return { clock, ...(await serve({ clock, sessionIdleTimeout: IDLE, ...options })) };
}

test('initialize gives an id, the session works, idles, ends when its time is up, and is not found from then on', async () => {
  const { url, clock, supervisor, log, ...served } = await serveWithClock();
  const { sessionId, response, headers } = await initialize(url);
  expect(sessionId).toMatch(/^[\x21-\x7e]{16,}$/);
  expect(response.headers['content-type']).toContain('text/event-stream');
  expect(response.messages()).toMatchObject([{ id: 0, result: { protocolVersion: '2025-11-25' } }]);

  const list = await post(url, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, headers);
  expect(list.headers['mcp-session-id']).toBe(sessionId);
  expect(list.messages()[0]?.result.tools.length).toBeGreaterThan(5);
  const echo = await call(url, sessionId, 'echo', { text: 'hello' }, 2);
  expect(echo.messages()).toMatchObject([{ id: 2, result: { content: [{ type: 'text', text: 'hello' }] } }]);

  await becomesIdle({ supervisor }, sessionId);
  await advance(clock, IDLE - 1);
  expect(supervisor.session(sessionId)?.state).toBe('idle');
  await advance(clock, 1);
  expect(supervisor.session(sessionId)).toBeUndefined();
  await expectGone(url, sessionId);
  await advance(clock, 10 * IDLE);
  await expectGone(url, sessionId);
  expect(lifeOf(served.events, sessionId).at(-1)).toBe('terminated: idle');
  expect(endingsIn(log)).toMatchObject([{ level: 'info', sessionId, reason: 'idle' }]);
});

test.each([
  { activity: 'a request', body: callBody('echo', { text: 'hi' }), status: 200 },
  { activity: 'a notification', body: { jsonrpc: '2.0', method: 'notifications/roots/list_changed' }, status: 202 },
  { activity: 'a request that is refused', body: 'not JSON', status: 400 },
])('$activity pushes the deadline', async ({ body, status }) => {
  const { url, clock, supervisor, ...served } = await serveWithClock();
  const { sessionId, headers } = await initialize(url);
  for (let round = 0; round < 3; round++) {
    await becomesIdle({ supervisor }, sessionId);
    await advance(clock, IDLE - 1);
    expect((await post(url, body, headers)).status).toBe(status);
  }
  await becomesIdle({ supervisor }, sessionId);
  expect(supervisor.session(sessionId)?.lastActiveAt).toBe(START + 3 * (IDLE - 1));
  await advance(clock, IDLE - 1);
  expect(supervisor.session(sessionId)).toBeDefined();
  await advance(clock, 1);
  expect(supervisor.session(sessionId)).toBeUndefined();
  expect(lifeOf(served.events).at(-1)).toBe('terminated: idle');
});

test('without an idle timeout a session stays', async () => {
  const { url, clock, supervisor } = await serveWithClock({ sessionIdleTimeout: Number.POSITIVE_INFINITY });
  const { sessionId, headers } = await initialize(url);
  await becomesIdle({ supervisor }, sessionId);
  await advance(clock, 1_000 * 24 * 3_600_000);
  expect(supervisor.session(sessionId)?.state).toBe('idle');
  expect((await post(url, callBody('echo', { text: 'hi' }), headers)).status).toBe(200);
});

test('ending twice is harmless: one ending, one event, one line in the log', async () => {
  const { url, supervisor, events, log } = await serveWithClock();
  const { sessionId, headers } = await initialize(url);
  const ends = await Promise.all([
    supervisor.terminate(sessionId),
    supervisor.terminate(sessionId, 'crashed'),
    del(url, headers),
  ]);
  expect(ends).toMatchObject([true, false, { status: 404 }]);
  expect(await supervisor.terminate(sessionId)).toBe(false);
  expectNotFound(await del(url, headers));
  expect(lifeOf(events, sessionId).filter((step) => step.startsWith('terminated'))).toEqual(['terminated: terminated']);
  expect(endingsIn(log, sessionId)).toHaveLength(1);
});

test('the events come in order, each with the session as it then was', async () => {
  const { url, clock, events, supervisor, gates } = await serveWithClock({ principal: () => 'ada' });
  const clientInfo = { name: 'inspector', version: '3.1', title: 'The Inspector' };
  const { sessionId, headers } = await initialize(url, { clientInfo, protocolVersion: '2025-06-18', notify: false });
  await becomesIdle({ supervisor }, sessionId);
  await advance(clock, 1_000);
  const calling = post(url, callBody('gate', { key: 'a' }, 1), headers);
  await gates.entered('a');
  const second = post(url, callBody('echo', { text: 'meanwhile' }, 2), headers);
  expect((await second).status).toBe(200);
  await until(() => supervisor.session(sessionId)?.inFlight === 1);
  await advance(clock, 5 * IDLE);
  gates.open('a');
  await calling;
  await becomesIdle({ supervisor }, sessionId);
  await advance(clock, IDLE);

  const known = {
    id: sessionId,
    principal: 'ada',
    clientInfo,
    protocolVersion: '2025-06-18',
    createdAt: START,
    epoch: 1,
  };
  const answered = START + 1_000 + 5 * IDLE;
  const at = (lastActiveAt: number, state: string, inFlight: number) => ({
    ...known,
    state,
    inFlight,
    calls: 0,
    openStreams: 0,
    lastActiveAt,
  });
  const lines = [
    { at: START, event: 'opened', inFlight: 1 },
    { at: START, event: 'active', inFlight: 1 },
    { at: START, event: 'idle', inFlight: 0 },
    { at: START + 1_000, event: 'active', inFlight: 1 },
    { at: START + 1_000, event: 'request', inFlight: 2 },
    { at: START + 1_000, event: 'response', inFlight: 1 },
    { at: answered, event: 'idle', inFlight: 0 },
    { at: answered + IDLE, event: 'terminated', inFlight: 0, reason: 'idle' },
  ];
  expect(events.map(({ session }) => session.history)).toEqual([1, 2, 3, 4, 7, 8].map((n) => lines.slice(0, n)));
  expect(events.map(({ session: { history, ...session }, ...event }) => ({ ...event, session }))).toEqual([
    { type: 'session.opened', session: at(START, 'active', 1) },
    { type: 'session.active', session: at(START, 'active', 1) },
    { type: 'session.idle', session: at(START, 'idle', 0) },
    { type: 'session.active', session: at(START + 1_000, 'active', 1) },
    { type: 'session.idle', session: at(answered, 'idle', 0) },
    { type: 'session.terminated', session: at(answered, 'terminated', 0), reason: 'idle' },
  ]);
});

test('the lives of many sessions at once are each whole and in order', async () => {
  const { url, clock, events, supervisor } = await serveWithClock();
  const ids = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const { sessionId } = await initialize(url);
      await Promise.all([1, 2, 3].map((id) => call(url, sessionId, 'echo', { text: 'x' }, id)));
      if (n % 2 === 0) await del(url, { 'mcp-session-id': sessionId });
      else await becomesIdle({ supervisor }, sessionId);
      return sessionId;
    }),
  );
  await advance(clock, IDLE);
  expect([...supervisor.sessions()]).toEqual([]);
  for (const [n, id] of ids.entries()) {
    const life = lifeOf(events, id);
    expect(life.join(' ')).toMatch(/^opened (active idle )*(active )?terminated: (idle|deleted)$/);
    expect(life.at(-1)).toBe(n % 2 === 0 ? 'terminated: deleted' : 'terminated: idle');
  }
});

test('session() and sessions() show what is there now, as plain values, oldest first', async () => {
  const { url, clock, supervisor, gates } = await serveWithClock();
  const first = await initialize(url);
  await advance(clock, 10);
  const second = await initialize(url);
  await becomesIdle({ supervisor }, first.sessionId);
  const idle = supervisor.session(first.sessionId);

  const stream = await openStream(url, { headers: first.headers });
  const calls = [1, 2].map((id) => post(url, callBody('gate', { key: 'a' }, id), first.headers));
  await gates.entered('a', 2);
  expect(supervisor.session(first.sessionId)).toMatchObject({ state: 'active', inFlight: 3, openStreams: 3 });
  expect(idle).toMatchObject({ state: 'idle', inFlight: 0, openStreams: 0, createdAt: START });
  expect(JSON.parse(JSON.stringify(idle))).toMatchObject({ id: first.sessionId, state: 'idle' });
  expect([...supervisor.sessions()].map(({ id }) => id)).toEqual([first.sessionId, second.sessionId]);
  expect(supervisor.session('nobody')).toBeUndefined();

  gates.open('a');
  await Promise.all(calls);
  stream.destroy();
  await becomesIdle({ supervisor }, first.sessionId);
  expect(supervisor.session(first.sessionId)).toMatchObject({ inFlight: 0, openStreams: 0 });
});

test('terminate() ends a session for the reason given, and knows what it does not know', async () => {
  const { url, supervisor, log } = await serveWithClock();
  const { sessionId } = await initialize(url);
  await expect(supervisor.terminate(sessionId, 'bored' as 'idle')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  expect(supervisor.session(sessionId)).toBeDefined();
  expect(await supervisor.terminate('nobody')).toBe(false);
  expect(await supervisor.terminate(sessionId, 'evicted')).toBe(true);
  expect(endingsIn(log)).toMatchObject([{ sessionId, reason: 'evicted' }]);
  await expectGone(url, sessionId);
});

test('a listener that throws is logged, and neither the other listeners nor the client notice', async () => {
  const { url, supervisor, log, events } = await serveWithClock();
  const error = new Error('listener broke');
  const heard: string[] = [];
  for (const type of ['session.opened', 'session.active', 'session.idle', 'session.terminated'] as const) {
    supervisor.on(type, () => {
      throw error;
    });
    supervisor.on(type, (event) => heard.push(event.type));
  }
  const { sessionId, headers } = await initialize(url, { notify: false });
  await becomesIdle({ supervisor }, sessionId);
  expect((await del(url, headers)).status).toBe(200);
  expect(heard).toEqual(events.map(({ type }) => type));
  expect(heard).toEqual(['session.opened', 'session.active', 'session.idle', 'session.terminated']);
  const failures = log.filter(({ event }) => event === 'listener.failed');
  expect(failures).toHaveLength(4);
  for (const failure of failures) expect(failure).toMatchObject({ level: 'error', error });
});

test('a listener hears nothing once it has unsubscribed', async () => {
  const { url, supervisor } = await serveWithClock();
  const heard: SessionEvent[] = [];
  const listener = (event: SessionEvent) => void heard.push(event);
  const stopFirst = supervisor.on('session.opened', listener);
  const stopSecond = supervisor.on('session.opened', listener);
  const stopAtOnce = supervisor.on('session.opened', (event) => {
    heard.push(event);
    stopAtOnce();
  });
  await initialize(url);
  expect(heard).toHaveLength(3);
  stopFirst();
  stopFirst();
  await initialize(url);
  expect(heard).toHaveLength(4);
  stopSecond();
  await initialize(url);
  expect(heard).toHaveLength(4);
});

test.each(['session.opened', 'session.active', 'session.idle'] as const)(
  'a listener may end the session from within %s',
  async (type) => {
    const { url, supervisor, events, log } = await serveWithClock();
    let sessionId = '';
    supervisor.on(type, ({ session }) => {
      sessionId = session.id;
      void supervisor.terminate(session.id);
    });
    const answer = await post(url, initializeBody());
    // Nobody is told the id of a session that is gone; idle it is only when it has been told.
    expect(answer.status).toBe(type === 'session.idle' ? 200 : 503);
    expect('mcp-session-id' in answer.headers).toBe(type === 'session.idle');
    await until(() => supervisor.session(sessionId) === undefined, { what: 'the session to end' });
    expect(lifeOf(events, sessionId).at(-1)).toBe('terminated: terminated');
    expect(endingsIn(log)).toHaveLength(1);
    await expectGone(url, sessionId);
  },
);
