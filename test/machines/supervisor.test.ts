/** The supervisor machine: every state × every event with its result written down, and the time that a drain takes. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createActor, fromCallback } from 'xstate';
import { type SupervisorEvent, supervisorMachine } from '../../src/machines/supervisor.ts';
import { turns, until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const SHUTDOWN_TIMEOUT = 10_000;

class Tree {
  readonly clock = new WatchedClock();
  readonly actions: string[] = [];
  readonly errors: unknown[] = [];
  readonly actor;

  constructor() {
    const machine = supervisorMachine.provide({
      actions: {
        endIdleSessions: () => void this.actions.push('endIdleSessions'),
        endAllSessions: () => void this.actions.push('endAllSessions'),
      },
    });
    this.actor = createActor(machine, { clock: this.clock, input: { shutdownTimeout: SHUTDOWN_TIMEOUT } });
    this.actor.subscribe({ error: (error) => void this.errors.push(error) });
    this.actor.start();
  }

  send(...events: readonly SupervisorEvent[]): this {
    for (const event of events) this.actor.send(event);
    return this;
  }

  from(): this {
    this.actions.length = 0;
    return this;
  }

  get state(): string {
    return this.actor.getSnapshot().value;
  }

  /** Those that run. */
  get partitions(): string[] {
    const children = Object.values(this.actor.getSnapshot().children);
    return children.filter((child) => child?.getSnapshot().status === 'active').map((child) => child?.id ?? '');
  }

  get timers(): number[] {
    return this.clock.pending.map(({ due }) => due);
  }
}

const sent = (type: string) => ({ type, error: new Error('a partition failed') }) as unknown as SupervisorEvent;

const EVENTS = {
  GROW: { type: 'GROW', id: 'p1' },
  DRAIN: { type: 'DRAIN' },
  'DRAIN within 500 ms': { type: 'DRAIN', timeout: 500 },
  'DRAIN within 0 ms': { type: 'DRAIN', timeout: 0 },
  'DRAIN for ever': { type: 'DRAIN', timeout: null },
  DRAINED: { type: 'DRAINED' },
  'a partition fails': sent('xstate.error.actor.p0'),
  shutdownTimeout: sent('xstate.after.shutdownTimeout.supervisor.draining'),
} as const satisfies Record<string, SupervisorEvent>;

const GROW_ONCE = { type: 'GROW', id: 'p0' } as const;
const GIVEN = {
  accepting: [GROW_ONCE],
  draining: [GROW_ONCE, EVENTS.DRAIN],
  stopped: [GROW_ONCE, EVENTS.DRAIN, EVENTS.DRAINED],
} as const satisfies Record<string, readonly SupervisorEvent[]>;

// biome-ignore format: a table is read by its columns
const TABLE: readonly (readonly [given: keyof typeof GIVEN, event: keyof typeof EVENTS, state: string,
  actions: string[], partitions: string[], timers: number[]])[] = [
  ['accepting', 'GROW',                'accepting', [],                  ['p0', 'p1'], []],
  ['accepting', 'DRAIN',               'draining',  ['endIdleSessions'], ['p0'],       [10_000]],
  ['accepting', 'DRAIN within 500 ms', 'draining',  ['endIdleSessions'], ['p0'],       [500]],
  ['accepting', 'DRAIN within 0 ms',   'draining',  ['endIdleSessions'], ['p0'],       [0]],
  ['accepting', 'DRAIN for ever',      'draining',  ['endIdleSessions'], ['p0'],       [Infinity]],
  ['accepting', 'DRAINED',             'accepting', [],                  ['p0'],       []],
  ['accepting', 'a partition fails',   'accepting', [],                  ['p0'],       []],
  ['accepting', 'shutdownTimeout',     'accepting', [],                  ['p0'],       []],

  ['draining',  'GROW',                'draining',  [],                  ['p0'],       [10_000]],
  ['draining',  'DRAIN',               'draining',  [],                  ['p0'],       [10_000]],
  ['draining',  'DRAIN within 500 ms', 'draining',  [],                  ['p0'],       [10_000]],
  ['draining',  'DRAIN within 0 ms',   'draining',  [],                  ['p0'],       [10_000]],
  ['draining',  'DRAIN for ever',      'draining',  [],                  ['p0'],       [10_000]],
  ['draining',  'DRAINED',             'stopped',   [],                  [],           []],
  ['draining',  'a partition fails',   'draining',  [],                  ['p0'],       [10_000]],
  ['draining',  'shutdownTimeout',     'draining',  ['endAllSessions'],  ['p0'],       [10_000]],

  ['stopped',   'GROW',                'stopped',   [],                  [],           []],
  ['stopped',   'DRAIN',               'stopped',   [],                  [],           []],
  ['stopped',   'DRAIN within 500 ms', 'stopped',   [],                  [],           []],
  ['stopped',   'DRAIN within 0 ms',   'stopped',   [],                  [],           []],
  ['stopped',   'DRAIN for ever',      'stopped',   [],                  [],           []],
  ['stopped',   'DRAINED',             'stopped',   [],                  [],           []],
  ['stopped',   'a partition fails',   'stopped',   [],                  [],           []],
  ['stopped',   'shutdownTimeout',     'stopped',   [],                  [],           []],
];

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {}); // xstate tells of events to stopped actors
});

describe('every state × every event', () => {
  test.each(TABLE)('%s: %s → %s', (given, event, state, actions, partitions, timers) => {
    const tree = new Tree().send(...GIVEN[given]).from();
    tree.send(EVENTS[event]);
    expect(tree.state).toBe(state);
    expect(tree.actions).toEqual(actions);
    expect(tree.partitions).toEqual(partitions);
    expect(tree.timers).toEqual(timers);
    expect(tree.errors).toEqual([]);
  });

  test('the table has them all', () => {
    const wanted = Object.keys(GIVEN).flatMap((given) => Object.keys(EVENTS).map((event) => `${given}: ${event}`));
    expect(TABLE.map(([given, event]) => `${given}: ${event}`)).toEqual(wanted);
    expect(Object.keys(supervisorMachine.states).sort()).toEqual(['accepting', 'draining', 'stopped']);
    expect([...supervisorMachine.events].sort()).toEqual([
      'DRAIN',
      'DRAINED',
      'GROW',
      'xstate.after.shutdownTimeout.supervisor.draining',
    ]);
  });
});

describe('a drain', () => {
  test.each([
    ['shutdownTimeout', EVENTS.DRAIN, SHUTDOWN_TIMEOUT],
    ['its own timeout', EVENTS['DRAIN within 500 ms'], 500],
  ])('ends all sessions after %s: once, and not before', (_, drain, timeout) => {
    const tree = new Tree().send(drain);
    tree.clock.increment(timeout - 1);
    expect(tree.actions).toEqual(['endIdleSessions']);
    tree.clock.increment(1);
    expect(tree.actions).toEqual(['endIdleSessions', 'endAllSessions']);
    tree.clock.increment(10 * SHUTDOWN_TIMEOUT);
    expect(tree.actions).toEqual(['endIdleSessions', 'endAllSessions']);
    expect(tree.state).toBe('draining');
  });

  test('within 0 ms ends them with the next tick of the clock', () => {
    const tree = new Tree().send(EVENTS['DRAIN within 0 ms']);
    tree.clock.increment(0);
    expect(tree.actions).toEqual(['endIdleSessions', 'endAllSessions']);
  });

  test('for ever ends no session, even when its event comes', () => {
    const tree = new Tree().send(EVENTS['DRAIN for ever']).from();
    tree.clock.increment(Number.MAX_SAFE_INTEGER / 2);
    tree.send(EVENTS.shutdownTimeout);
    expect(tree.actions).toEqual([]);
    tree.send(EVENTS.DRAINED);
    expect(tree.state).toBe('stopped');
  });

  test('that is over ends nothing more', () => {
    const tree = new Tree().send(EVENTS.DRAIN, EVENTS.DRAINED).from();
    tree.clock.increment(SHUTDOWN_TIMEOUT);
    expect(tree.actions).toEqual([]);
    expect(tree.actor.getSnapshot().status).toBe('done');
  });

  test('stops the partitions, in the end', () => {
    const tree = new Tree().send(...GIVEN.draining);
    const partition = tree.actor.getSnapshot().children['p0'];
    expect(partition?.getSnapshot().status).toBe('active');
    tree.send(EVENTS.DRAINED);
    expect(partition?.getSnapshot().status).toBe('stopped');
  });
});

test.each(Object.entries(EVENTS))('the context is JSON after %s', (_, event) => {
  const { context } = new Tree().send(event).actor.getSnapshot();
  expect(JSON.parse(JSON.stringify(context))).toStrictEqual(context);
});

// Node's clock takes Infinity for 1 ms, so the timer does fire; the sessions have to stay all the same.
test('a drain for ever ends no session on the real clock', async () => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {}); // TimeoutOverflowWarning
  let fired = 0;
  let ended = 0;
  const clock = {
    setTimeout: (fn: () => void, ms: number) =>
      setTimeout(() => {
        fn();
        fired++;
      }, ms),
    clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
  };
  const machine = supervisorMachine.provide({ actions: { endAllSessions: () => void ended++ } });
  const actor = createActor(machine, { clock, input: { shutdownTimeout: null } }).start();
  actor.send({ type: 'DRAIN' });
  await until(() => fired === 1, { what: 'the timer to fire' });
  expect(ended).toBe(0);
  expect(actor.getSnapshot().value).toBe('draining');
});

test('a partition that fails takes nobody along', async () => {
  const failing = fromCallback<{ type: 'FAIL' }>(({ receive }) => {
    receive(() => {
      throw new Error('a partition failed');
    });
  });
  const errors: unknown[] = [];
  const machine = supervisorMachine.provide({
    // biome-ignore lint/suspicious/noExplicitAny: an actor of another kind, to have one that fails
    actors: { partition: failing as any },
  });
  const actor = createActor(machine, { clock: new WatchedClock(), input: { shutdownTimeout: 1 } });
  actor.subscribe({ error: (error) => void errors.push(error) });
  actor.start();
  actor.send({ type: 'GROW', id: 'p0' });
  actor.send({ type: 'GROW', id: 'p1' });
  const { p0, p1 } = actor.getSnapshot().children;
  p0?.send({ type: 'FAIL' } as never);
  await turns(5); // xstate throws what nobody handled from a timer
  expect(p0?.getSnapshot().status).toBe('error');
  expect(p1?.getSnapshot().status).toBe('active');
  expect(actor.getSnapshot().value).toBe('accepting');
  expect(errors).toEqual([]);
});
