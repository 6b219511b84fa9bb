/** What an operator reads of a supervisor's life: each line with its level, its event and its words. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { LogEntry, SessionSupervisorOptions } from '../../src/index.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { turns, until } from '../support/until.ts';
import { embed, initializeOf, open, ping } from './astray/embedder.ts';

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {}); // xstate tells of events to stopped actors
});

const error = new Error('broken');
const broken = () => {
  throw error;
};

function given(options: Partial<SessionSupervisorOptions> = {}) {
  const log: LogEntry[] = [];
  // How often a line is told of is not asked here.
  const supervisor = embed({ ...options, logger: ({ count: _, ...entry }) => log.push(entry) });
  return { supervisor, log };
}

test('a session is told of when it opens and when it ends, and so is a drain', async () => {
  const { supervisor, log } = given();
  const [first, second] = [(await open(supervisor)).id, (await open(supervisor)).id];
  await supervisor.terminate(first, 'deleted');
  await supervisor.drain();
  const ended = { level: 'info', event: 'session.terminated' };
  expect(log).toStrictEqual([
    { level: 'info', event: 'session.opened', message: 'Session opened by ann 1', sessionId: first },
    { level: 'info', event: 'session.opened', message: 'Session opened by ann 1', sessionId: second },
    { ...ended, message: 'Session ended: deleted', sessionId: first, reason: 'deleted' },
    { level: 'info', event: 'supervisor.draining', message: 'Draining: 1 sessions are open', sessions: 1 },
    { ...ended, message: 'Session ended: drained', sessionId: second, reason: 'drained' },
    { level: 'info', event: 'supervisor.stopped', message: 'Drained: nothing is left' },
  ]);
});

test('one whose server fails is told of as an error, with its cause', async () => {
  const { supervisor, log } = given({ server: broken });
  expect((await open(supervisor)).status).toBe(500);
  expect(log.filter(({ event }) => event !== 'request.refused')).toEqual([
    {
      level: 'error',
      event: 'session.terminated',
      message: 'Session ended: crashed',
      reason: 'crashed',
      sessionId: expect.any(String),
      error,
    },
  ]);
});

describe('what fails beside the sessions is told of as an error', () => {
  const trouble = (log: readonly LogEntry[]) => log.filter(({ level }) => level === 'error');

  test('a listener', async () => {
    const { supervisor, log } = given();
    supervisor.on('session.opened', broken);
    await open(supervisor);
    const message = 'A listener of session.opened failed';
    expect(trouble(log)).toEqual([{ level: 'error', event: 'listener.failed', message, error }]);
  });

  test.each([
    ['a function', broken],
    ['an observer', { next: broken }],
  ])('who inspects the actors, as %s', async (_, inspect) => {
    const { supervisor, log } = given({ inspect });
    await open(supervisor);
    const message = 'An observer of the actors failed';
    expect(trouble(log)[0]).toEqual({ level: 'error', event: 'inspect.failed', message, error });
  });

  test('a clock', async () => {
    const clock = new SimulatedClock();
    const { supervisor, log } = given({ clock: Object.assign(clock, { setTimeout: broken }) });
    await open(supervisor);
    expect(trouble(log)[0]).toEqual({
      level: 'error',
      event: 'clock.failed',
      message: 'The clock failed',
      error,
    });
  });

  test('an actor that never should', async () => {
    const { supervisor, log } = given();
    const { id } = await open(supervisor);
    const [partition] = Object.values(supervisor.actor.getSnapshot().children);
    Object.assign(partition as object, { logic: { transition: broken } });
    partition?.send({ type: 'SPAWN' } as never);
    await until(() => supervisor.session(id) === undefined);
    await turns(2);
    const message = 'An actor of the supervisor failed';
    expect(trouble(log)[0]).toEqual({ level: 'error', event: 'supervisor.failed', message, error });
    expect(trouble(log)[1]).toMatchObject({ event: 'session.terminated', reason: 'crashed', sessionId: id, error });
  });
});

describe('a drain', () => {
  test('takes any time that a timer can have, as a number or as Infinity', async () => {
    const refused = [-1, 2 ** 31, Number.NaN, '5', null];
    const { supervisor } = given();
    for (const timeout of refused) {
      await expect(supervisor.drain({ timeout: timeout as never })).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(
          /^The timeout of a drain must be a number of milliseconds from 0 to 2147483647, or Infinity; got /,
        ),
      });
    }
    expect((await open(supervisor)).status).toBe(200); // none of them has begun
    await supervisor.drain({ timeout: 2 ** 31 - 1 });
    for (const timeout of [0, Number.POSITIVE_INFINITY, undefined]) await given().supervisor.drain({ timeout });
    const response = await supervisor.fetch(initializeOf());
    expect(response.status).toBe(503);
  });

  test('begins and ends with who lives: a session that is busy ends when it is not', async () => {
    const { supervisor } = given();
    const { id } = await open(supervisor);
    const ended: unknown[] = [];
    supervisor.on('session.terminated', ({ reason }) => ended.push(reason));
    expect(await ping(supervisor, id)).toBe(200);
    await supervisor.drain();
    expect([ended, [...supervisor.sessions()]]).toEqual([['drained'], []]);
    expect(supervisor.actor.getSnapshot().value).toBe('stopped');
  });
});
