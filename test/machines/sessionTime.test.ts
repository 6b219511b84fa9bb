/** The session machine and time: before, at and past each deadline; for ever; and what is kept of a session. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createActor } from 'xstate';
import { sessionMachine } from '../../src/machines/session.ts';
import { until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { EVENTS, FOR_EVER, GIVEN, INITIALIZED, LIFETIME, Life, PARKING, REQUEST, RESPONSE, TIMEOUTS } from './life.ts';

beforeEach(() => {
  // xstate's development build tells of every event that a stopped actor gets.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});

describe('time', () => {
  const { initializeTimeout, sessionIdleTimeout, maxSessionLifetime } = {
    initializeTimeout: 100,
    sessionIdleTimeout: 1_000,
    maxSessionLifetime: 100_000,
  };

  test.each([
    ['just before', initializeTimeout - 1, 'initializing', []],
    ['at', initializeTimeout, 'terminated', ['release 1 initializeTimeout']],
    ['just past', initializeTimeout + 1, 'terminated', ['release 1 initializeTimeout']],
  ])('%s initializeTimeout', (_, at, state, actions) => {
    const life = new Life();
    life.clock.increment(at);
    expect(life.state).toBe(state);
    expect(life.actions).toEqual(actions);
  });

  test('initializeTimeout ends with the initialize', () => {
    const life = new Life();
    life.clock.increment(initializeTimeout - 1);
    life.actor.send(INITIALIZED);
    life.clock.increment(initializeTimeout);
    expect(life.state).toBe('active');
  });

  test('a REQUEST does not prolong the initialize', () => {
    const life = new Life();
    life.clock.increment(initializeTimeout - 1);
    life.actor.send(REQUEST);
    life.clock.increment(1);
    expect(life.context.reason).toBe('initializeTimeout');
  });

  test.each([
    ['just before', sessionIdleTimeout - 1, 'idle', []],
    ['at', sessionIdleTimeout, 'terminated', ['release 0 idle']],
    ['just past', sessionIdleTimeout + 1, 'terminated', ['release 0 idle']],
  ])('%s sessionIdleTimeout', (_, at, state, actions) => {
    const life = new Life().live(GIVEN.idle).from();
    life.clock.increment(at);
    expect(life.state).toBe(state);
    expect(life.actions).toEqual(actions);
  });

  test('each cycle of REQUEST and RESPONSE starts the idle time anew', () => {
    const life = new Life().live(GIVEN.idle);
    for (let cycle = 0; cycle < 5; cycle++) {
      life.clock.increment(sessionIdleTimeout - 1);
      life.actor.send(REQUEST);
      life.actor.send(RESPONSE);
      expect(life.timers).toEqual([`idle@${life.clock.now() + sessionIdleTimeout}`, LIFETIME]);
    }
    life.clock.increment(sessionIdleTimeout - 1);
    expect(life.state).toBe('idle');
    life.clock.increment(1);
    expect(life.context.reason).toBe('idle');
  });

  test.each([
    ['just before', 499, true, 'idle', []],
    ['at', 500, true, 'parked', ['park 0 null']],
    ['just past', 501, true, 'parked', ['park 0 null']],
    ['past, while something runs,', 999, false, 'idle', []],
    ['past, while something runs for longer than sessionIdleTimeout,', 1_000, false, 'terminated', ['release 0 idle']],
  ])('%s parkAfter', (_, at, nothingRuns, state, actions) => {
    const life = new Life(PARKING).live(GIVEN.idle).from();
    life.nothingRuns = nothingRuns;
    life.clock.increment(at);
    expect(life.state).toBe(state);
    expect(life.actions).toEqual(actions);
  });

  test('what an idle session ignores does not push the deadline', () => {
    const life = new Life().live(GIVEN.idle);
    life.clock.increment(sessionIdleTimeout - 1);
    life.actor.send(RESPONSE);
    life.actor.send(INITIALIZED);
    life.clock.increment(1);
    expect(life.context.reason).toBe('idle');
  });

  test('a call that runs three times the idle timeout goes on', () => {
    const life = new Life().live(GIVEN.idle).live([REQUEST, REQUEST]);
    life.clock.increment(3 * sessionIdleTimeout);
    expect(life.state).toBe('active');
    life.actor.send(RESPONSE);
    life.clock.increment(3 * sessionIdleTimeout);
    expect(life.state).toBe('active');
    expect(life.timers).toEqual([LIFETIME]);
  });

  test.each([
    ['initializing', [], 1],
    ['active', GIVEN['active, 2'], 2],
  ] as const)('%s: before, at and past maxSessionLifetime', (state, events, inFlight) => {
    for (const [at, reason] of [
      [maxSessionLifetime - 1, null],
      [maxSessionLifetime, 'lifetime'],
      [maxSessionLifetime + 1, 'lifetime'],
    ] as const) {
      const life = new Life({ ...TIMEOUTS, initializeTimeout: null }).live(events).from();
      life.clock.set(at);
      expect(life.state).toBe(reason === null ? state : 'terminated');
      expect(life.actions).toEqual(reason === null ? [] : [`release ${inFlight} ${reason}`]);
    }
  });

  test('nothing that happens starts the lifetime anew', () => {
    const life = new Life({ ...TIMEOUTS, sessionIdleTimeout: null }).live(GIVEN.idle);
    for (let cycle = 0; cycle < 5; cycle++) life.live([REQUEST, REQUEST, RESPONSE, RESPONSE]);
    life.clock.set(maxSessionLifetime - 1);
    expect(life.state).toBe('idle');
    life.clock.set(maxSessionLifetime);
    expect(life.context.reason).toBe('lifetime');
  });

  test('two deadlines at the same moment end it once', () => {
    const life = new Life({ initializeTimeout: 500, sessionIdleTimeout: 500, maxSessionLifetime: 510 });
    life.live([INITIALIZED]);
    life.actor.send(RESPONSE);
    expect(life.timers.map((timer) => timer.split('@')[1])).toEqual(['510', '510']);
    life.from().clock.set(510);
    expect(life.actions).toHaveLength(1);
    expect(life.outputs).toHaveLength(1);
    expect(life.timers).toEqual([]);
  });
});

describe('null timeouts', () => {
  test('never fire on a simulated clock', () => {
    for (const events of [GIVEN.initializing, GIVEN['active, 1'], GIVEN.idle]) {
      const life = new Life(FOR_EVER).live(events);
      const { state } = life;
      life.clock.increment(Number.MAX_SAFE_INTEGER / 2);
      expect(life.state).toBe(state);
    }
  });

  test.each(['initializeTimeout', 'sessionIdleTimeout', 'parkAfter', 'maxSessionLifetime'] as const)(
    '%s means nothing, even when its event comes',
    (name) => {
      const given = name === 'initializeTimeout' ? GIVEN.initializing : GIVEN.idle;
      const life = new Life({ ...TIMEOUTS, [name]: null }).live(given).from();
      const { state } = life;
      life.live([EVENTS[name]]);
      expect(life.state).toBe(state);
      expect(life.actions).toEqual([]);
    },
  );

  // Node's clock takes Infinity for 1 ms, so these timers do fire; the session has to stay alive all the same.
  test('never end a session on the real clock', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {}); // TimeoutOverflowWarning
    let fired = 0;
    const clock = {
      setTimeout: (fn: () => void, ms: number) =>
        setTimeout(() => {
          fn();
          fired++;
        }, ms),
      clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
    };
    const actor = createActor(sessionMachine, { clock, input: { sessionId: 'id-1', timeouts: FOR_EVER } }).start();

    await until(() => fired === 2, { what: 'the timers of initialize and lifetime to fire' });
    expect(actor.getSnapshot().value).toBe('initializing');

    actor.send(INITIALIZED);
    actor.send(RESPONSE);
    await until(() => fired === 4, { what: 'the timers of idling and parking to fire' });
    expect(actor.getSnapshot().value).toBe('idle');
    actor.stop();
  });

  test('are for ever, and the others are not: on the real clock', async () => {
    const timeouts = { ...FOR_EVER, sessionIdleTimeout: 5 };
    const reason = new Promise((resolve) => {
      vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
      const actor = createActor(sessionMachine, { input: { sessionId: 'id-1', timeouts } });
      actor.subscribe({ complete: () => resolve(actor.getSnapshot().output) });
      actor.start();
      actor.send(INITIALIZED);
      actor.send(RESPONSE);
    });
    expect(await until(reason)).toEqual({ reason: 'idle' });
  });
});

describe('what is kept', () => {
  const STATES = Object.entries(GIVEN);

  test.each(STATES)('%s: the context is JSON', (_, events) => {
    for (const timeouts of [TIMEOUTS, FOR_EVER]) {
      const { context } = new Life(timeouts).live(events);
      expect(JSON.parse(JSON.stringify(context))).toStrictEqual(context);
    }
  });

  test.each(STATES)('%s: a persisted snapshot is JSON, and small', (_, events) => {
    const life = new Life().live(events);
    const persisted = JSON.stringify(life.actor.getPersistedSnapshot());
    expect(JSON.parse(persisted)).toEqual(life.actor.getPersistedSnapshot());
    expect(persisted.length).toBeLessThan(300);
  });

  test.each(STATES)('%s: a restored snapshot is the same session', (_, events) => {
    const life = new Life().live(events);
    const snapshot = JSON.parse(JSON.stringify(life.actor.getPersistedSnapshot()));
    const restored = createActor(sessionMachine, { snapshot, clock: new WatchedClock(), input: life.context }).start();
    expect(restored.getSnapshot().value).toBe(life.state);
    expect(restored.getSnapshot().context).toStrictEqual(life.context);
    expect(restored.getSnapshot().output).toEqual(life.actor.getSnapshot().output);
  });
});
