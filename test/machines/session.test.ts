/** The session machine: every state × every event with its result written down, and time on a simulated clock. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createActor } from 'xstate';
import type { EndReason } from '../../src/machines/reasons.ts';
import {
  type SessionMachineContext,
  type SessionMachineEvent,
  type SessionTimeouts,
  sessionMachine,
} from '../../src/machines/session.ts';
import { until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const TIMEOUTS: SessionTimeouts = { initializeTimeout: 100, sessionIdleTimeout: 1_000, maxSessionLifetime: 100_000 };
const FOR_EVER: SessionTimeouts = { initializeTimeout: null, sessionIdleTimeout: null, maxSessionLifetime: null };
const TIMER_NAMES: Readonly<Record<number, string>> = { 100: 'initialize', 1000: 'idle', 100000: 'lifetime' };

/** Simulated time that passes before each event of a story, in ms. */
const STEP = 10;

class Life {
  readonly clock = new WatchedClock();
  /** The world's actions that ran, with what the context said as they did. */
  readonly actions: string[] = [];
  /** The outputs that a parent would see: one at most, if the end is the end. */
  readonly outputs: unknown[] = [];
  readonly actor;

  constructor(timeouts: SessionTimeouts = TIMEOUTS) {
    const did =
      (name: string) =>
      ({ context }: { context: SessionMachineContext }) =>
        void this.actions.push(`${name} ${context.inFlight} ${context.reason}`);
    const machine = sessionMachine.provide({
      actions: {
        announceActive: did('announceActive'),
        announceIdle: did('announceIdle'),
        release: did('release'),
      },
    });
    this.actor = createActor(machine, { clock: this.clock, input: { sessionId: 'id-1', timeouts } });
    this.actor.subscribe({ complete: () => void this.outputs.push(this.actor.getSnapshot().output) });
    this.actor.start();
  }

  /** Lets these happen, one after the other. */
  live(events: readonly SessionMachineEvent[]): this {
    for (const event of events) {
      this.clock.increment(STEP);
      this.actor.send(event);
    }
    return this;
  }

  /** Forgets which actions ran so far. */
  from(): this {
    this.actions.length = 0;
    return this;
  }

  get state(): string {
    return this.actor.getSnapshot().value;
  }

  get context(): SessionMachineContext {
    return this.actor.getSnapshot().context;
  }

  /** The pending timers, by name, with the time at which they fire. */
  get timers(): string[] {
    return this.clock.pending.map(({ delay, due }) => `${TIMER_NAMES[delay] ?? delay}@${due}`);
  }
}

const INITIALIZED = { type: 'INITIALIZED' } as const;
const REQUEST = { type: 'REQUEST' } as const;
const RESPONSE = { type: 'RESPONSE' } as const;
const TERMINATE = { type: 'TERMINATE', reason: 'evicted' } as const;
/** What xstate sends when a delay has passed; sent by hand it shows that a timer's event means nothing elsewhere. */
const late = (type: string) => ({ type }) as unknown as SessionMachineEvent;

const EVENTS = {
  INITIALIZED,
  REQUEST,
  RESPONSE,
  TERMINATE,
  initializeTimeout: late('xstate.after.initializeTimeout.session.initializing'),
  sessionIdleTimeout: late('xstate.after.sessionIdleTimeout.session.idle'),
  maxSessionLifetime: late('xstate.after.maxSessionLifetime.session'),
} as const;

/** How a session comes to be in each state: at these steps, `STEP` ms apart. */
const GIVEN = {
  initializing: [],
  'active, 1': [INITIALIZED],
  'active, 2': [INITIALIZED, REQUEST],
  'active, 3': [INITIALIZED, REQUEST, REQUEST],
  idle: [INITIALIZED, RESPONSE],
  terminated: [INITIALIZED, { type: 'TERMINATE', reason: 'deleted' }],
} as const satisfies Record<string, readonly SessionMachineEvent[]>;

const LIFETIME = 'lifetime@100000';

// biome-ignore format: a table is read by its columns
const TABLE: readonly (readonly [given: keyof typeof GIVEN, event: keyof typeof EVENTS, state: string,
  inFlight: number, reason: EndReason | null, actions: string[], timers: string[]])[] = [
  ['initializing', 'INITIALIZED',        'active',       1, null,                ['announceActive 1 null'],       [LIFETIME]],
  ['initializing', 'REQUEST',            'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing', 'RESPONSE',           'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing', 'TERMINATE',          'terminated',   1, 'evicted',           ['release 1 evicted'],           []],
  ['initializing', 'initializeTimeout',  'terminated',   1, 'initializeTimeout', ['release 1 initializeTimeout'], []],
  ['initializing', 'sessionIdleTimeout', 'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing', 'maxSessionLifetime', 'terminated',   1, 'lifetime',          ['release 1 lifetime'],          []],

  ['active, 1',    'INITIALIZED',        'active',       1, null,                [],                              [LIFETIME]],
  ['active, 1',    'REQUEST',            'active',       2, null,                [],                              [LIFETIME]],
  ['active, 1',    'RESPONSE',           'idle',         0, null,                ['announceIdle 0 null'],         ['idle@1020', LIFETIME]],
  ['active, 1',    'TERMINATE',          'terminated',   1, 'evicted',           ['release 1 evicted'],           []],
  ['active, 1',    'initializeTimeout',  'active',       1, null,                [],                              [LIFETIME]],
  ['active, 1',    'sessionIdleTimeout', 'active',       1, null,                [],                              [LIFETIME]],
  ['active, 1',    'maxSessionLifetime', 'terminated',   1, 'lifetime',          ['release 1 lifetime'],          []],

  ['active, 2',    'INITIALIZED',        'active',       2, null,                [],                              [LIFETIME]],
  ['active, 2',    'REQUEST',            'active',       3, null,                [],                              [LIFETIME]],
  ['active, 2',    'RESPONSE',           'active',       1, null,                [],                              [LIFETIME]],
  ['active, 2',    'TERMINATE',          'terminated',   2, 'evicted',           ['release 2 evicted'],           []],
  ['active, 2',    'initializeTimeout',  'active',       2, null,                [],                              [LIFETIME]],
  ['active, 2',    'sessionIdleTimeout', 'active',       2, null,                [],                              [LIFETIME]],
  ['active, 2',    'maxSessionLifetime', 'terminated',   2, 'lifetime',          ['release 2 lifetime'],          []],

  ['active, 3',    'INITIALIZED',        'active',       3, null,                [],                              [LIFETIME]],
  ['active, 3',    'REQUEST',            'active',       4, null,                [],                              [LIFETIME]],
  ['active, 3',    'RESPONSE',           'active',       2, null,                [],                              [LIFETIME]],
  ['active, 3',    'TERMINATE',          'terminated',   3, 'evicted',           ['release 3 evicted'],           []],
  ['active, 3',    'initializeTimeout',  'active',       3, null,                [],                              [LIFETIME]],
  ['active, 3',    'sessionIdleTimeout', 'active',       3, null,                [],                              [LIFETIME]],
  ['active, 3',    'maxSessionLifetime', 'terminated',   3, 'lifetime',          ['release 3 lifetime'],          []],

  ['idle',         'INITIALIZED',        'idle',         0, null,                [],                              ['idle@1020', LIFETIME]],
  ['idle',         'REQUEST',            'active',       1, null,                ['announceActive 1 null'],       [LIFETIME]],
  ['idle',         'RESPONSE',           'idle',         0, null,                [],                              ['idle@1020', LIFETIME]],
  ['idle',         'TERMINATE',          'terminated',   0, 'evicted',           ['release 0 evicted'],           []],
  ['idle',         'initializeTimeout',  'idle',         0, null,                [],                              ['idle@1020', LIFETIME]],
  ['idle',         'sessionIdleTimeout', 'terminated',   0, 'idle',              ['release 0 idle'],              []],
  ['idle',         'maxSessionLifetime', 'terminated',   0, 'lifetime',          ['release 0 lifetime'],          []],

  ['terminated',   'INITIALIZED',        'terminated',   1, 'deleted',           [],                              []],
  ['terminated',   'REQUEST',            'terminated',   1, 'deleted',           [],                              []],
  ['terminated',   'RESPONSE',           'terminated',   1, 'deleted',           [],                              []],
  ['terminated',   'TERMINATE',          'terminated',   1, 'deleted',           [],                              []],
  ['terminated',   'initializeTimeout',  'terminated',   1, 'deleted',           [],                              []],
  ['terminated',   'sessionIdleTimeout', 'terminated',   1, 'deleted',           [],                              []],
  ['terminated',   'maxSessionLifetime', 'terminated',   1, 'deleted',           [],                              []],
];

beforeEach(() => {
  // xstate's development build tells of every event that a stopped actor gets.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});

describe('every state × every event', () => {
  test.each(TABLE)('%s: %s → %s', (given, event, state, inFlight, reason, actions, timers) => {
    const life = new Life().live(GIVEN[given]).from();
    life.live([EVENTS[event]]);
    expect({ state: life.state, inFlight: life.context.inFlight, reason: life.context.reason }).toEqual({
      state,
      inFlight,
      reason,
    });
    expect(life.actions).toEqual(actions);
    expect(life.timers).toEqual(timers);
    expect(life.outputs).toEqual(reason === null ? [] : [{ reason }]);
    expect(life.actor.getSnapshot().status).toBe(reason === null ? 'active' : 'done');
  });

  test('the table has them all', () => {
    const rows = TABLE.map(([given, event]) => `${given}: ${event}`);
    const wanted = Object.keys(GIVEN).flatMap((given) => Object.keys(EVENTS).map((event) => `${given}: ${event}`));
    expect(rows).toEqual(wanted);
    expect(Object.keys(sessionMachine.states).sort()).toEqual(['active', 'idle', 'initializing', 'terminated']);
    const known: readonly string[] = Object.values(EVENTS).map(({ type }) => type);
    expect([...sessionMachine.events].sort()).toEqual([...known].sort());
  });

  test('the beginning announces nothing', () => {
    const life = new Life();
    expect(life.state).toBe('initializing');
    expect(life.context).toStrictEqual({ sessionId: 'id-1', timeouts: TIMEOUTS, inFlight: 1, reason: null });
    expect(life.actions).toEqual([]);
    expect(life.timers).toEqual(['initialize@100', LIFETIME]);
  });

  test('a whole life', () => {
    const life = new Life().live([INITIALIZED, RESPONSE, REQUEST, REQUEST, RESPONSE, RESPONSE, TERMINATE, TERMINATE]);
    expect(life.actions).toEqual([
      'announceActive 1 null',
      'announceIdle 0 null',
      'announceActive 1 null',
      'announceIdle 0 null',
      'release 0 evicted',
    ]);
    expect(life.outputs).toEqual([{ reason: 'evicted' }]);
  });
});

describe('terminated', () => {
  const REASONS: readonly EndReason[] = [
    'idle',
    'deleted',
    'evicted',
    'lifetime',
    'initializeTimeout',
    'crashed',
    'drained',
    'terminated',
    'closed',
  ];
  const ALIVE = ['initializing', 'active, 1', 'active, 2', 'active, 3', 'idle'] as const;

  test.each(REASONS.flatMap((reason) => ALIVE.map((given) => [reason, given] as const)))(
    'carries the reason %s, from %s',
    (reason, given) => {
      const life = new Life().live(GIVEN[given]).live([{ type: 'TERMINATE', reason }]);
      expect(life.actor.getSnapshot().output).toEqual({ reason });
      expect(life.context.reason).toBe(reason);
      expect(life.timers).toEqual([]);
    },
  );

  test('is absorbing: no event and no time changes anything', () => {
    const life = new Life().live(GIVEN['active, 2']).live([TERMINATE]).from();
    const before = life.actor.getSnapshot();
    life.live(Object.values(EVENTS));
    life.live([{ type: 'TERMINATE', reason: 'crashed' }]);
    life.clock.increment(1_000_000);
    expect(life.actor.getSnapshot()).toBe(before);
    expect(life.actions).toEqual([]);
    expect(life.outputs).toEqual([{ reason: 'evicted' }]);
  });
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
    expect(life.clock.pending.map(({ due }) => due)).toEqual([510, 510]);
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

  test.each(['initializeTimeout', 'sessionIdleTimeout', 'maxSessionLifetime'] as const)(
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
    await until(() => fired === 3, { what: 'the idle timer to fire' });
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
