/** The child machine: every state × every event with its result written down, then time, restarts and the end. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { childMachine } from '../../src/machines/child.ts';
import {
  ChildLife,
  EMPTIED,
  EVENTS,
  EXIT_0,
  EXIT_1,
  FAILED,
  GIVEN,
  given,
  KILLED,
  outcome,
  READY,
  STARTED,
  STOP,
} from './childLife.ts';
import { TABLE } from './childTable.ts';

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {}); // xstate tells of events to stopped actors
});

describe('every state × every event', () => {
  test.each(TABLE)('%s: %s', (name, event, state, summary, actions, timers) => {
    expect(outcome(name, event)).toEqual([state, summary, actions, timers]);
  });

  test('the table is complete', () => {
    const rows = new Set(TABLE.map(([name, event]) => `${name}: ${event}`));
    expect(rows.size).toBe(TABLE.length);
    expect(TABLE).toHaveLength(Object.keys(GIVEN).length * Object.keys(EVENTS).length);
    const events = Object.values(EVENTS).map(({ type }) => type);
    expect([...childMachine.events].sort()).toEqual([...new Set<string>(events)].sort());
  });
});

describe('the end', () => {
  test('takes three steps, 2 s after stdin SIGTERM, 1 s before its time is up SIGKILL, and is over by then', () => {
    const life = new ChildLife().live([STARTED, READY]).from();
    life.actor.send(STOP);
    const began = life.clock.now();
    const steps: unknown[] = [];
    while (life.state !== 'gone') {
      steps.push([life.clock.now() - began, life.state, ...life.actions.splice(0)]);
      life.pass((life.clock.pending[0]?.due ?? Number.NaN) - life.clock.now());
    }
    steps.push([life.clock.now() - began, life.state, ...life.actions.splice(0)]);
    expect(steps).toEqual([
      [0, 'stopping', 'closeStdin 1'],
      [2_000, 'terminating', 'terminate 1'],
      [9_000, 'killing', 'kill 1'],
      [10_000, 'gone', 'end 1'],
    ]);
  });

  test.each([
    [400, [100, 300, 400]],
    [4_000, [1_000, 3_000, 4_000]],
    [60_000, [2_000, 59_000, 60_000]],
  ])('where it may take %i ms, all three steps fit', (stopTimeout, expected) => {
    const life = new ChildLife({ stopTimeout }).live([STARTED, READY]);
    life.actor.send(STOP);
    const began = life.clock.now();
    const at: number[] = [];
    for (let n = 0; n < 3; n++) {
      life.pass((life.clock.pending[0]?.due ?? Number.NaN) - life.clock.now());
      at.push(life.clock.now() - began);
    }
    expect([life.state, ...at]).toEqual(['gone', ...expected]);
  });

  test('is over as soon as nobody is left, without a signal', () => {
    const life = new ChildLife().live([STARTED, READY]).from().live([STOP, EXIT_0, EMPTIED]);
    expect([life.state, life.actions]).toEqual(['gone', ['closeStdin 1', 'end 1']]);
    expect(life.outputs).toEqual([{ exit: { code: 0, signal: null }, gaveUp: false }]);
  });

  test('of one that is still being started abandons that', () => {
    const life = new ChildLife().from().live([STOP, FAILED]);
    expect([life.state, life.actions]).toEqual(['gone', ['closeStdin 1', 'end 1']]);
  });
});

describe('restarts', () => {
  // biome-ignore format: a table is read by its columns
  test.each([
    ['temporary', EXIT_0, false], ['temporary', EXIT_1, false], ['temporary', KILLED, false],
    ['transient', EXIT_0, false], ['transient', EXIT_1, true],  ['transient', KILLED, true],
    ['permanent', EXIT_0, true],  ['permanent', EXIT_1, true],  ['permanent', KILLED, true],
  ] as const)('case 55: %s, %o: %s', (restart, exit, again) => {
    const life = new ChildLife({ restart }).live([STARTED, READY, exit]);
    life.actor.send(EMPTIED);
    expect(life.state).toBe(again ? 'restarting' : 'gone');
    expect(life.context.gaveUp).toBe(false);
  });

  /** Has the process of a child that is up fail, and says how long the restart waits; undefined where there is none. */
  const failing = (life: ChildLife): number | undefined => {
    life.live([EXIT_1]);
    life.actor.send(EMPTIED);
    if (life.state === 'gone') return undefined;
    const delay = life.clock.pending[0]?.delay as number;
    life.pass(delay).live([STARTED, READY]);
    return delay;
  };

  test('wait 0, 1, 2 and 4 s, and 4 s from then on', () => {
    const life = new ChildLife({ restart: 'permanent', maxRestarts: 100 }).live([STARTED, READY]);
    expect([1, 2, 3, 4, 5, 6].map(() => failing(life))).toEqual([0, 1_000, 2_000, 4_000, 4_000, 4_000]);
    expect(life.context.generation).toBe(7);
  });

  test('case 60: the delay is forgotten after 30 s up, not by having been started', () => {
    const life = new ChildLife({ restart: 'permanent', maxRestarts: 100 }).live([STARTED, READY]);
    expect([failing(life), failing(life)]).toEqual([0, 1_000]);
    life.pass(29_900);
    expect(failing(life)).toBe(2_000);
    life.pass(30_000);
    expect(failing(life)).toBe(0);
  });

  test('case 56: more than maxRestarts within maxSeconds are none: it is gone, and says so', () => {
    const life = new ChildLife({ restart: 'permanent', maxRestarts: 3, maxSeconds: 30 }).live([STARTED, READY]);
    expect([1, 2, 3, 4].map(() => failing(life))).toEqual([0, 1_000, 2_000, undefined]);
    expect(life.outputs).toEqual([{ exit: { code: 1, signal: null }, gaveUp: true }]);
  });

  test('case 56: the window slides: what is older than maxSeconds does not count', () => {
    const life = new ChildLife({ restart: 'permanent', maxRestarts: 2, maxSeconds: 10 }).live([STARTED, READY]);
    expect([failing(life), failing(life)]).toEqual([0, 1_000]);
    const [first = Number.NaN, second = Number.NaN] = life.context.restarts;
    // The moment in which the first of them leaves the window; 10 ms pass before the event.
    life.pass(first + 10_000 - life.clock.now() - 10);
    expect(failing(life)).toBe(2_000);
    expect(life.context.restarts).toEqual([second, first + 10_000]);
  });

  test('case 56: up to its end the window counts', () => {
    const life = new ChildLife({ restart: 'permanent', maxRestarts: 2, maxSeconds: 10 }).live([STARTED, READY]);
    expect([failing(life), failing(life)]).toEqual([0, 1_000]);
    life.pass((life.context.restarts[0] ?? Number.NaN) + 10_000 - life.clock.now() - 11);
    expect(failing(life)).toBeUndefined();
  });

  test('what never was ready is not started again', () => {
    for (const event of [EXIT_1, FAILED]) {
      const life = new ChildLife({ restart: 'permanent' }).live([STARTED, event, EMPTIED]);
      expect(life.state).toBe('gone');
    }
  });

  test('a process that broke counts as one that failed', () => {
    for (const [restart, again] of [
      ['temporary', false],
      ['transient', true],
    ] as const) {
      const life = new ChildLife({ restart }).live([STARTED, READY, EVENTS.BROKEN, EXIT_0]);
      life.actor.send(EMPTIED);
      expect(life.state).toBe(again ? 'restarting' : 'gone');
    }
  });

  test('a start again that fails counts as one, whatever ended the process before', () => {
    const life = new ChildLife({ restart: 'transient' }).live([STARTED, READY, EXIT_1]);
    life.actor.send(EMPTIED);
    life.pass(0).live([FAILED]);
    expect([life.state, life.clock.pending[0]?.delay]).toEqual(['restarting', 1_000]);
  });

  test('case 59: the end during the delay leaves nothing', () => {
    const life = given('restarting').live([]);
    life.actor.send(STOP);
    expect([life.state, life.actions, life.timers]).toEqual(['gone', ['end 1'], []]);
  });
});

test('a persisted snapshot is JSON', () => {
  const life = new ChildLife({ restart: 'permanent' }).live([STARTED, READY, EXIT_1]);
  const persisted = life.actor.getPersistedSnapshot();
  expect(JSON.parse(JSON.stringify(persisted))).toEqual(persisted);
});
