/** The supervisor's own edges: what is asked of it wrongly, or from within its own callbacks. */
import { expect, test } from 'vitest';
import { createSessionSupervisor } from '../../src/index.ts';
import { END_REASONS } from '../../src/machines/reasons.ts';
import { toNodeHandler } from '../../src/node.ts';
import type { SessionEventType, SessionListener } from '../../src/supervisor/sessionInfo.ts';
import { serve } from '../support/serve.ts';
import { TinyServer } from '../support/tinyServer.ts';
import { initialize, initializeBody, post } from '../support/wire.ts';

const EVENTS = 'session.opened, session.active, session.idle, session.terminated';

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
  const { url, supervisor } = await serve({ maxSessions: 1, sessionIdGenerator: () => ids.pop() ?? '' });
  const { sessionId } = await initialize(url);
  expect((await post(url, initializeBody())).status).toBe(500);
  expect([...supervisor.sessions()].map(({ id }) => id)).toEqual([sessionId]);
  ids = ['second'];
  expect((await initialize(url)).sessionId).toBe('second');
});
