/** The supervisor's own edges: what is asked of it wrongly, or from within its own callbacks. */
import { expect, test } from 'vitest';
import { REFUSALS } from '../../src/errors.ts';
import { createSessionSupervisor } from '../../src/index.ts';
import { END_REASONS } from '../../src/machines/reasons.ts';
import { toNodeHandler } from '../../src/node.ts';
import type { SessionEventType, SessionListener } from '../../src/supervisor/sessionInfo.ts';
import { supervisorOf } from '../../src/supervisor/sessionSupervisor.ts';
import { serve } from '../support/serve.ts';
import { TinyServer } from '../support/tinyServer.ts';
import { until } from '../support/until.ts';
import { initialize, initializeBody, post } from '../support/wire.ts';
import { actorsOf, embed, initializeOf, open, ping } from './astray/embedder.ts';

const EVENTS =
  'session.opened, session.active, session.idle, session.terminated, session.parked, session.restored, ' +
  'handle.opened, handle.active, handle.idle, handle.terminated';

test.each([
  ['session.open', () => {}, `What on listens to must be one of ${EVENTS}; got "session.open"`],
  ['toString', () => {}, `What on listens to must be one of ${EVENTS}; got "toString"`],
  [['session.opened'], () => {}, `What on listens to must be one of ${EVENTS}; got an array`],
  ['session.opened', undefined, 'The listener of on must be a function; got undefined'],
] as unknown as [SessionEventType, SessionListener, string][])('on(%s, %s) is refused', (type, listener, message) => {
  const supervisor = createSessionSupervisor({ server: () => new TinyServer() });
  expect(() => supervisor.on(type, listener)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', message }));
});

test('a reason that is none is refused, and ends nothing', async () => {
  const { url, supervisor } = await serve();
  const { sessionId } = await initialize(url);
  await expect(supervisor.terminate(sessionId, 'bored' as never)).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: `A reason must be one of ${END_REASONS.join(', ')}; got "bored"`,
  });
  expect(supervisor.session(sessionId)).toBeDefined();
  expect(await supervisor.terminate(sessionId)).toBe(true);
  expect(await supervisor.terminate(sessionId)).toBe(false);
});

test('options of a drain that are none are refused, and nothing drains', async () => {
  const supervisor = embed();
  await expect(supervisor.drain(7 as never)).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringMatching(/^The options of a drain must be .*; got 7$/),
  });
  expect((await open(supervisor)).status).toBe(200);
});

test('what is no supervisor is refused', () => {
  expect(() => toNodeHandler({ ...createSessionSupervisor({ server: () => new TinyServer() }) })).toThrow(
    expect.objectContaining({
      code: 'NOT_A_SUPERVISOR',
      message: 'Expected a supervisor made by createSessionSupervisor',
    }),
  );
});

test('a logger that drains while a drain begins waits for that drain', async () => {
  const drains: Promise<void>[] = [];
  const supervisor = createSessionSupervisor({
    server: () => new TinyServer(),
    logger: ({ event }) => {
      if (event === 'supervisor.draining') drains.push(supervisor.drain());
    },
  });
  await supervisor.drain();
  expect(drains).toHaveLength(1);
  await drains[0];
});

test('an id generator that fails costs nobody a session', async () => {
  let ids = ['first'];
  const { url, supervisor, log } = await serve({ maxSessions: 1, sessionIdGenerator: () => ids.pop() ?? '' });
  const { sessionId } = await initialize(url);
  expect((await post(url, initializeBody())).status).toBe(500);
  expect([...supervisor.sessions()].map(({ id }) => id)).toEqual([sessionId]);
  ids = ['first']; // which is in use
  expect((await post(url, initializeBody())).status).toBe(500);
  expect([...supervisor.sessions()].map(({ id }) => id)).toEqual([sessionId]);
  const errors = log.filter(({ level }) => level === 'error').map(({ event }) => event);
  expect(errors).toEqual(['session.idFailed', 'session.idFailed']);
  ids = ['second'];
  expect((await initialize(url)).sessionId).toBe('second');
});

test('an id that is no text is refused, and one that nobody has is nobody’s', async () => {
  const supervisor = embed();
  const refused = expect.objectContaining({
    code: 'INVALID_OPTION',
    message: 'The id of a session must be a string; got 7',
  });
  expect(() => supervisor.session(7 as never)).toThrow(refused);
  expect(() => supervisor.server(7 as never)).toThrow(refused);
  await expect(supervisor.terminate(7 as never)).rejects.toEqual(refused);
  expect([supervisor.session('nobody'), supervisor.server('nobody')]).toEqual([undefined, undefined]);
  expect(await supervisor.terminate('nobody')).toBe(false);
});

test('a session that is still being opened can not be deleted by who guesses its id', async () => {
  const supervisor = embed({ server: () => new Promise(() => {}), sessionIdGenerator: () => 'guessed' });
  const opening = supervisor.fetch(initializeOf());
  await until(() => supervisor.session('guessed'));
  const request = new Request('http://localhost/', { method: 'DELETE', headers: { 'mcp-session-id': 'guessed' } });
  expect((await supervisor.fetch(request)).status).toBe(404);
  expect(supervisor.session('guessed')).toMatchObject({ state: 'initializing' });
  await supervisor.terminate('guessed');
  await opening;
});

test('an event has a reason where it tells of an end, and no such member elsewhere', async () => {
  const supervisor = embed();
  const events: object[] = [];
  for (const type of ['session.opened', 'session.terminated'] as const)
    supervisor.on(type, (told) => events.push(told));
  const { id } = await open(supervisor);
  await supervisor.terminate(id, 'deleted');
  expect(events.map((told) => Object.keys(told))).toEqual([
    ['type', 'session'],
    ['type', 'session', 'reason'],
  ]);
});

test('an exchange is kept for as long as it is open', async () => {
  const supervisor = embed();
  const { id } = await open(supervisor);
  expect(await ping(supervisor, id)).toBe(200);
  expect(supervisorOf(supervisor).exchanges.size).toBe(0);
});

test('a generator that drains opens no session', async () => {
  let drained: Promise<void> | undefined;
  const supervisor = embed({
    sessionIdGenerator: () => {
      drained = supervisor.drain();
      return 'late';
    },
  });
  const response = await supervisor.fetch(initializeOf());
  expect([response.status, await response.json()]).toMatchObject([
    503,
    { error: { message: REFUSALS.draining.message } },
  ]);
  await drained;
});

test('an initialize whose body is still coming when a drain begins is asked no id for', async () => {
  const asked: string[] = [];
  const supervisor = embed({ sessionIdGenerator: () => `session-${asked.push('id')}` });
  const body = new Uint8Array(await initializeOf().arrayBuffer());
  const coming = new TransformStream<Uint8Array, Uint8Array>();
  const writer = coming.writable.getWriter();
  const { headers } = initializeOf();
  const request = new Request('http://localhost/mcp', {
    method: 'POST',
    headers,
    body: coming.readable,
    duplex: 'half',
  });
  const response = supervisor.fetch(request);
  await writer.write(body.subarray(0, 10));
  const drained = supervisor.drain();
  await writer.write(body.subarray(10));
  await writer.close();
  expect((await response).status).toBe(503);
  expect(asked).toEqual([]);
  await drained;
});

test('what the actors know of their session is JSON, durations without an end included', async () => {
  const supervisor = embed({ sessionIdleTimeout: Number.POSITIVE_INFINITY });
  const { id } = await open(supervisor);
  const contexts = actorsOf(supervisor).sessions.map((actor) => actor.getSnapshot().context);
  expect(contexts).toMatchObject([{ sessionId: id, timeouts: { initializeTimeout: 200, sessionIdleTimeout: null } }]);
  expect(JSON.parse(JSON.stringify(contexts))).toEqual(contexts);
  await supervisor.drain();
});

test.each([
  ['crashed', 'serverFailed'],
  ['deleted', 'endedEarly'],
] as const)('a session that an observer ends as %s while it is spawned is refused: %s', async (reason, name) => {
  let admitting = false; // the root and its partitions are spawned before
  const supervisor = embed({
    sessionIdGenerator: () => {
      admitting = true;
      return 'watched';
    },
    inspect: ({ type }) => {
      if (type === '@xstate.actor' && admitting) void supervisor.terminate('watched', reason);
    },
  });
  const response = await supervisor.fetch(initializeOf());
  const { status, message } = REFUSALS[name];
  expect([response.status, await response.json()]).toMatchObject([status, { error: { message } }]);
  expect([...supervisor.sessions()]).toEqual([]);
});

test.each(['with a session', 'without any'])('a root that is stopped, %s, is a drain', async (which) => {
  const events: string[] = [];
  const supervisor = embed({ logger: ({ event }) => events.push(event) });
  const ended: unknown[] = [];
  supervisor.on('session.terminated', ({ reason }) => ended.push(reason));
  if (which === 'with a session') await open(supervisor);
  supervisor.actor.stop();
  expect((await supervisor.fetch(initializeOf())).status).toBe(503);
  await until(() => events.includes('supervisor.stopped'));
  expect([...supervisor.sessions()]).toEqual([]);
  expect(ended).toEqual(which === 'with a session' ? ['drained'] : []);
  await supervisor.drain();
  expect(events.filter((event) => event === 'supervisor.draining')).toHaveLength(1);
});
