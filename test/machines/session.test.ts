/** The session machine: every state × every event with its result written down. Time has a file of its own. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { EndReason } from '../../src/machines/reasons.ts';
import { sessionMachine } from '../../src/machines/session.ts';
import {
  EVENTS,
  GIVEN,
  INITIALIZED,
  LIFETIME,
  Life,
  PARK,
  PARKING,
  REQUEST,
  RESPONSE,
  RESTORED,
  TERMINATE,
  TIMEOUTS,
} from './life.ts';

// biome-ignore format: a table is read by its columns
const TABLE: readonly (readonly [given: keyof typeof GIVEN, event: keyof typeof EVENTS, state: string,
  inFlight: number, reason: EndReason | null, actions: string[], timers: string[]])[] = [
  ['initializing',   'INITIALIZED',        'active',       1, null,                ['announceActive 1 null'],       [LIFETIME]],
  ['initializing',   'REQUEST',            'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing',   'RESPONSE',           'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing',   'RESTORED',           'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing',   'PARK',               'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing',   'DROP',               'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing',   'TERMINATE',          'terminated',   1, 'evicted',           ['release 1 evicted'],           []],
  ['initializing',   'initializeTimeout',  'terminated',   1, 'initializeTimeout', ['release 1 initializeTimeout'], []],
  ['initializing',   'restoreTimeout',     'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing',   'sessionIdleTimeout', 'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing',   'parkAfter',          'initializing', 1, null,                [],                              ['initialize@100', LIFETIME]],
  ['initializing',   'maxSessionLifetime', 'terminated',   1, 'lifetime',          ['release 1 lifetime'],          []],

  ['active, 1',      'INITIALIZED',        'active',       1, null,                [],                              [LIFETIME]],
  ['active, 1',      'REQUEST',            'active',       2, null,                [],                              [LIFETIME]],
  ['active, 1',      'RESPONSE',           'idle',         0, null,                ['announceIdle 0 null'],         ['park@520', 'idle@1020', LIFETIME]],
  ['active, 1',      'RESTORED',           'active',       1, null,                [],                              [LIFETIME]],
  ['active, 1',      'PARK',               'active',       1, null,                [],                              [LIFETIME]],
  ['active, 1',      'DROP',               'parked',       1, null,                ['park 1 null'],                 []],
  ['active, 1',      'TERMINATE',          'terminated',   1, 'evicted',           ['release 1 evicted'],           []],
  ['active, 1',      'initializeTimeout',  'active',       1, null,                [],                              [LIFETIME]],
  ['active, 1',      'restoreTimeout',     'active',       1, null,                [],                              [LIFETIME]],
  ['active, 1',      'sessionIdleTimeout', 'active',       1, null,                [],                              [LIFETIME]],
  ['active, 1',      'parkAfter',          'active',       1, null,                [],                              [LIFETIME]],
  ['active, 1',      'maxSessionLifetime', 'terminated',   1, 'lifetime',          ['release 1 lifetime'],          []],

  ['active, 2',      'INITIALIZED',        'active',       2, null,                [],                              [LIFETIME]],
  ['active, 2',      'REQUEST',            'active',       3, null,                [],                              [LIFETIME]],
  ['active, 2',      'RESPONSE',           'active',       1, null,                [],                              [LIFETIME]],
  ['active, 2',      'RESTORED',           'active',       2, null,                [],                              [LIFETIME]],
  ['active, 2',      'PARK',               'active',       2, null,                [],                              [LIFETIME]],
  ['active, 2',      'DROP',               'parked',       2, null,                ['park 2 null'],                 []],
  ['active, 2',      'TERMINATE',          'terminated',   2, 'evicted',           ['release 2 evicted'],           []],
  ['active, 2',      'initializeTimeout',  'active',       2, null,                [],                              [LIFETIME]],
  ['active, 2',      'restoreTimeout',     'active',       2, null,                [],                              [LIFETIME]],
  ['active, 2',      'sessionIdleTimeout', 'active',       2, null,                [],                              [LIFETIME]],
  ['active, 2',      'parkAfter',          'active',       2, null,                [],                              [LIFETIME]],
  ['active, 2',      'maxSessionLifetime', 'terminated',   2, 'lifetime',          ['release 2 lifetime'],          []],

  ['active, 3',      'INITIALIZED',        'active',       3, null,                [],                              [LIFETIME]],
  ['active, 3',      'REQUEST',            'active',       4, null,                [],                              [LIFETIME]],
  ['active, 3',      'RESPONSE',           'active',       2, null,                [],                              [LIFETIME]],
  ['active, 3',      'RESTORED',           'active',       3, null,                [],                              [LIFETIME]],
  ['active, 3',      'PARK',               'active',       3, null,                [],                              [LIFETIME]],
  ['active, 3',      'DROP',               'parked',       3, null,                ['park 3 null'],                 []],
  ['active, 3',      'TERMINATE',          'terminated',   3, 'evicted',           ['release 3 evicted'],           []],
  ['active, 3',      'initializeTimeout',  'active',       3, null,                [],                              [LIFETIME]],
  ['active, 3',      'restoreTimeout',     'active',       3, null,                [],                              [LIFETIME]],
  ['active, 3',      'sessionIdleTimeout', 'active',       3, null,                [],                              [LIFETIME]],
  ['active, 3',      'parkAfter',          'active',       3, null,                [],                              [LIFETIME]],
  ['active, 3',      'maxSessionLifetime', 'terminated',   3, 'lifetime',          ['release 3 lifetime'],          []],

  ['idle',           'INITIALIZED',        'idle',         0, null,                [],                              ['park@520', 'idle@1020', LIFETIME]],
  ['idle',           'REQUEST',            'active',       1, null,                ['announceActive 1 null'],       [LIFETIME]],
  ['idle',           'RESPONSE',           'idle',         0, null,                [],                              ['park@520', 'idle@1020', LIFETIME]],
  ['idle',           'RESTORED',           'idle',         0, null,                [],                              ['park@520', 'idle@1020', LIFETIME]],
  ['idle',           'PARK',               'parked',       0, null,                ['park 0 null'],                 []],
  ['idle',           'DROP',               'idle',         0, null,                [],                              ['park@520', 'idle@1020', LIFETIME]],
  ['idle',           'TERMINATE',          'terminated',   0, 'evicted',           ['release 0 evicted'],           []],
  ['idle',           'initializeTimeout',  'idle',         0, null,                [],                              ['park@520', 'idle@1020', LIFETIME]],
  ['idle',           'restoreTimeout',     'idle',         0, null,                [],                              ['park@520', 'idle@1020', LIFETIME]],
  ['idle',           'sessionIdleTimeout', 'terminated',   0, 'idle',              ['release 0 idle'],              []],
  ['idle',           'parkAfter',          'parked',       0, null,                ['park 0 null'],                 []],
  ['idle',           'maxSessionLifetime', 'terminated',   0, 'lifetime',          ['release 0 lifetime'],          []],

  ['restoring',      'INITIALIZED',        'restoring',    1, null,                [],                              ['initialize@100', LIFETIME]],
  ['restoring',      'REQUEST',            'restoring',    1, null,                [],                              ['initialize@100', LIFETIME]],
  ['restoring',      'RESPONSE',           'restoring',    1, null,                [],                              ['initialize@100', LIFETIME]],
  ['restoring',      'RESTORED',           'active',       1, null,                ['announceActive 1 null'],       [LIFETIME]],
  ['restoring',      'PARK',               'restoring',    1, null,                [],                              ['initialize@100', LIFETIME]],
  ['restoring',      'DROP',               'parked',       1, null,                ['park 1 null'],                 []],
  ['restoring',      'TERMINATE',          'terminated',   1, 'evicted',           ['release 1 evicted'],           []],
  ['restoring',      'initializeTimeout',  'restoring',    1, null,                [],                              ['initialize@100', LIFETIME]],
  ['restoring',      'restoreTimeout',     'parked',       1, null,                ['park 1 null'],                 []],
  ['restoring',      'sessionIdleTimeout', 'restoring',    1, null,                [],                              ['initialize@100', LIFETIME]],
  ['restoring',      'parkAfter',          'restoring',    1, null,                [],                              ['initialize@100', LIFETIME]],
  ['restoring',      'maxSessionLifetime', 'terminated',   1, 'lifetime',          ['release 1 lifetime'],          []],

  ['parked',         'INITIALIZED',        'parked',       0, null,                [],                              []],
  ['parked',         'REQUEST',            'parked',       0, null,                [],                              []],
  ['parked',         'RESPONSE',           'parked',       0, null,                [],                              []],
  ['parked',         'RESTORED',           'parked',       0, null,                [],                              []],
  ['parked',         'PARK',               'parked',       0, null,                [],                              []],
  ['parked',         'DROP',               'parked',       0, null,                [],                              []],
  ['parked',         'TERMINATE',          'parked',       0, null,                [],                              []],
  ['parked',         'initializeTimeout',  'parked',       0, null,                [],                              []],
  ['parked',         'restoreTimeout',     'parked',       0, null,                [],                              []],
  ['parked',         'sessionIdleTimeout', 'parked',       0, null,                [],                              []],
  ['parked',         'parkAfter',          'parked',       0, null,                [],                              []],
  ['parked',         'maxSessionLifetime', 'parked',       0, null,                [],                              []],

  ['terminated',     'INITIALIZED',        'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'REQUEST',            'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'RESPONSE',           'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'RESTORED',           'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'PARK',               'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'DROP',               'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'TERMINATE',          'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'initializeTimeout',  'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'restoreTimeout',     'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'sessionIdleTimeout', 'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'parkAfter',          'terminated',   1, 'deleted',           [],                              []],
  ['terminated',     'maxSessionLifetime', 'terminated',   1, 'deleted',           [],                              []],
];

beforeEach(() => {
  // xstate's development build tells of every event that a stopped actor gets.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});

describe('every state × every event', () => {
  test.each(TABLE)('%s: %s → %s', (given, event, state, inFlight, reason, actions, timers) => {
    const life = new Life(PARKING, { restored: given === 'restoring' }).live(GIVEN[given]).from();
    life.live([EVENTS[event]]);
    expect({ state: life.state, inFlight: life.context.inFlight, reason: life.context.reason }).toEqual({
      state,
      inFlight,
      reason,
    });
    expect(life.actions).toEqual(actions);
    expect(life.timers).toEqual(timers);
    const isOver = state === 'terminated' || state === 'parked';
    expect(life.outputs).toEqual(isOver ? [{ reason }] : []);
    expect(life.actor.getSnapshot().status).toBe(isOver ? 'done' : 'active');
  });

  test('the table has them all', () => {
    const rows = TABLE.map(([given, event]) => `${given}: ${event}`);
    const wanted = Object.keys(GIVEN).flatMap((given) => Object.keys(EVENTS).map((event) => `${given}: ${event}`));
    expect(rows).toEqual(wanted);
    expect(Object.keys(sessionMachine.states).sort()).toEqual([
      'active',
      'idle',
      'initializing',
      'parked',
      'restoring',
      'terminated',
    ]);
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
    'unrestorable',
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

  test.each(REASONS)('carries the reason %s, from restoring', (reason) => {
    const life = new Life(PARKING, { restored: true }).live([{ type: 'TERMINATE', reason }]);
    expect(life.actor.getSnapshot().output).toEqual({ reason });
    expect(life.timers).toEqual([]);
  });

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

describe('a session that is brought back', () => {
  test('begins in restoring, and announces nothing', () => {
    const life = new Life(PARKING, { restored: true });
    expect(life.state).toBe('restoring');
    expect(life.context).toStrictEqual({
      sessionId: 'id-1',
      timeouts: PARKING,
      restored: true,
      inFlight: 1,
      reason: null,
    });
    expect(life.actions).toEqual([]);
    expect(life.timers).toEqual(['initialize@100', LIFETIME]);
  });

  test('lives as any other, until it is parked again', () => {
    const life = new Life(PARKING, { restored: true }).live([RESTORED, REQUEST, RESPONSE, RESPONSE, PARK, TERMINATE]);
    expect(life.actions).toEqual(['announceActive 1 null', 'announceIdle 0 null', 'park 0 null']);
    expect(life.outputs).toEqual([{ reason: null }]);
  });

  test('is parked anew where it takes longer than initializeTimeout', () => {
    const life = new Life(PARKING, { restored: true });
    life.clock.increment(99);
    expect(life.state).toBe('restoring');
    life.clock.increment(1);
    expect([life.state, ...life.actions]).toEqual(['parked', 'park 1 null']);
  });
});
