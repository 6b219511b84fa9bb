/** The direct way ends up where xstate's does, with the same actions and timers in the same order, whatever the machine. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type AnyActor,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  assign,
  createActor,
  createMachine,
  enqueueActions,
  raise,
  StateMachine,
  setup,
} from 'xstate';
import { sessionMachine } from '../../src/machines/session.ts';
import { withDirectTransitions } from '../../src/supervisor/directTransitions.ts';
import { guardInspection } from '../../src/supervisor/guardedActors.ts';
import { random } from '../../src/testing/random.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';

afterEach(() => void vi.restoreAllMocks());

type Change = (machine: AnyStateMachine) => AnyStateMachine;
const XSTATES: Change = (machine) => machine;
const DIRECT: Change = (machine) => withDirectTransitions(machine, () => false);

/** A clock that tells what is asked of it. */
function tellingClock(told: unknown[]) {
  const clock = new SimulatedClock();
  const { setTimeout } = clock;
  return Object.assign(clock, {
    setTimeout: (fn: () => void, ms: number) => {
      told.push(['timer', ms]);
      return setTimeout.call(clock, fn, ms);
    },
  });
}

function look(actor: AnyActor): unknown {
  const snapshot = actor.getSnapshot() as AnyMachineSnapshot;
  const { value, tags, _nodes } = snapshot;
  return [JSON.stringify(snapshot), Object.keys(snapshot), value, [...tags], _nodes.map(({ id }) => id)];
}

/** A session's actor through a schedule of events and of time, with all that it did. */
function live(change: Change, seed: number): unknown[] {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const told: unknown[] = [];
  const clock = tellingClock(told);
  const tell =
    (name: string) =>
    ({ context, event }: { context: unknown; event: unknown }) => {
      told.push([name, JSON.stringify(context), event]);
    };
  const machine = sessionMachine.provide({
    guards: { nothingRuns: () => next() < 0.5 },
    actions: {
      announceActive: tell('active'),
      announceIdle: tell('idle'),
      park: tell('park'),
      release: tell('release'),
    },
  });
  const limit = () => pick([null, 3, 7, 20]);
  const timeouts = {
    initializeTimeout: limit(),
    sessionIdleTimeout: limit(),
    maxSessionLifetime: pick([null, null, 60]),
    parkAfter: limit(),
  };
  const actor = createActor(change(machine), {
    clock,
    input: { sessionId: 's', timeouts, ...(next() < 0.3 && { restored: true }) },
  });
  actor.subscribe((snapshot) => void told.push(['observed', (snapshot as AnyMachineSnapshot).value]));
  actor.start();
  for (let step = 0; step < 60 && actor.getSnapshot().status === 'active'; step++) {
    const type = pick(['REQUEST', 'REQUEST', 'RESPONSE', 'RESPONSE', 'INITIALIZED', 'RESTORED', 'PARK', 'TIME', 'ODD']);
    if (type === 'TIME') clock.increment(pick([1, 2, 5]));
    else actor.send({ type });
    if (next() < 0.01) actor.send({ type: 'TERMINATE', reason: 'evicted' });
    told.push([type, clock.now(), look(actor)]);
  }
  return told;
}

test('a session lives the same life either way, in any schedule', () => {
  for (let seed = 1; seed <= 300; seed++) expect(live(DIRECT, seed), `seed ${seed}`).toEqual(live(XSTATES, seed));
});

test('what every request does goes the direct way', () => {
  const xstates = vi.spyOn(StateMachine.prototype, 'transition');
  const timeouts = { initializeTimeout: 5, sessionIdleTimeout: 5, maxSessionLifetime: null };
  const machine = DIRECT(sessionMachine.provide({}));
  const actor = createActor(machine, { clock: new SimulatedClock(), input: { sessionId: 's', timeouts } }).start();
  actor.send({ type: 'INITIALIZED' });
  xstates.mockClear();
  for (const type of ['REQUEST', 'RESPONSE', 'RESPONSE', 'REQUEST', 'RESPONSE']) actor.send({ type });
  expect(actor.getSnapshot()).toMatchObject({ value: 'idle', context: { inFlight: 0 } });
  expect(xstates).not.toHaveBeenCalled();
  actor.send({ type: 'TERMINATE', reason: 'deleted' });
  expect(xstates).toHaveBeenCalled();
});

test('whoever inspects sees each microstep and each action, as long as he does', () => {
  let isInspected = () => false;
  const machine = withDirectTransitions(sessionMachine.provide({}), () => isInspected());
  const timeouts = { initializeTimeout: 5, sessionIdleTimeout: 5, maxSessionLifetime: null };
  const actor = createActor(machine, { clock: new SimulatedClock(), input: { sessionId: 's', timeouts } });
  isInspected = guardInspection(actor.system, () => {});
  actor.start();
  actor.send({ type: 'INITIALIZED' });
  const seen: string[] = [];
  const { unsubscribe } = actor.system.inspect(({ type }) => void seen.push(type));
  actor.send({ type: 'RESPONSE' });
  expect(seen).toEqual([
    '@xstate.event',
    '@xstate.action', // unhold has none, which is assigned; announceIdle, and the timer
    ...seen.slice(2, -2),
    '@xstate.microstep',
    '@xstate.snapshot',
  ]);
  unsubscribe();
  unsubscribe(); // and no other's is taken back by it
  seen.length = 0;
  const xstates = vi.spyOn(StateMachine.prototype, 'transition');
  actor.send({ type: 'REQUEST' });
  expect(xstates).not.toHaveBeenCalled();
  expect(seen).toEqual([]);
});

type Told = (name: string) => void;

/** Machines with something that is not simple, or that could be mistaken. */
const OTHERS: readonly (readonly [
  what: string,
  make: (tell: Told) => AnyStateMachine,
  sequence?: readonly string[],
])[] = [
  [
    'nested states',
    () =>
      createMachine({
        initial: 'a',
        states: { a: { on: { GO: 'b' } }, b: { initial: 'c', states: { c: { on: { GO: 'd' } }, d: {} } } },
      }),
  ],
  [
    'parallel states',
    () =>
      createMachine({
        type: 'parallel',
        states: { a: { initial: 'x', states: { x: { on: { GO: 'y' } }, y: {} } }, b: {} },
      }),
  ],
  [
    'no states',
    () =>
      createMachine({ context: { n: 0 }, on: { GO: { actions: assign({ n: ({ context }) => context['n'] + 1 }) } } }),
  ],
  [
    'a transition without a guard before it',
    (tell) =>
      createMachine({
        initial: 'a',
        states: {
          a: { always: { guard: () => false, target: 'b' }, on: { GO: { actions: () => tell('go') } } },
          b: {},
        },
      }),
  ],
  [
    'what happens always on the way',
    () =>
      createMachine({ initial: 'a', states: { a: { on: { GO: 'b' } }, b: { always: 'c' }, c: { on: { GO: 'a' } } } }),
  ],
  [
    'what happens always at the root',
    () =>
      createMachine({
        context: { n: 0 },
        initial: 'a',
        always: { guard: ({ context }) => context['n'] === 1, target: '.b' },
        states: { a: { on: { GO: { actions: assign({ n: 1 }) } } }, b: {} },
      }),
  ],
  [
    'any event',
    (tell) =>
      createMachine({
        initial: 'a',
        states: { a: { on: { '*': { actions: () => tell('any') }, GO: { guard: () => false, target: 'b' } } }, b: {} },
      }),
  ],
  [
    'a prefix of events',
    (tell) =>
      createMachine({ initial: 'a', states: { a: { on: { 'GO.*': { actions: () => tell('prefix') } } }, b: {} } }),
    ['GO', 'GO.on'],
  ],
  [
    'the root, where a state has no way',
    (tell) =>
      createMachine({
        initial: 'a',
        on: { GO: { actions: () => tell('root') } },
        states: { a: { on: { GO: { guard: () => false, actions: () => tell('a') } } } },
      }),
  ],
  [
    'itself',
    (tell) =>
      createMachine({
        initial: 'a',
        states: {
          a: {
            entry: () => tell('in'),
            exit: () => tell('out'),
            on: { GO: { target: 'a' }, AGAIN: { target: 'a', reenter: true } },
          },
        },
      }),
    ['GO', 'AGAIN', 'GO'],
  ],
  [
    'an event that is raised',
    (tell) =>
      createMachine({
        initial: 'a',
        states: {
          a: { on: { GO: { actions: raise({ type: 'NEXT' }) }, NEXT: { target: 'b', actions: () => tell('next') } } },
          b: {},
        },
      }),
  ],
  [
    'actions that are enqueued',
    (tell) =>
      createMachine({
        initial: 'a',
        states: {
          a: {
            on: {
              GO: {
                actions: enqueueActions(({ enqueue }) => {
                  enqueue(() => tell('one'));
                  enqueue(() => tell('two'));
                }),
              },
            },
          },
        },
      }),
  ],
  [
    'an assigner that is a function',
    () =>
      createMachine({
        context: { n: 0 },
        initial: 'a',
        states: { a: { on: { GO: { actions: assign(({ context }) => ({ n: context['n'] + 1 })) } } } },
      }),
  ],
  [
    'a forbidden event',
    (tell) =>
      createMachine({
        initial: 'a',
        on: { GO: { actions: () => tell('root') } },
        states: { a: { on: { GO: undefined } } },
      }),
  ],
  [
    'what has parameters',
    (tell) =>
      setup({ actions: { say: (_, params: { what: string }) => tell(params.what) } }).createMachine({
        initial: 'a',
        states: { a: { on: { GO: { actions: { type: 'say', params: { what: 'hello' } } } } } },
      }),
  ],
  [
    'an action that there is not',
    (tell) =>
      createMachine({
        initial: 'a',
        states: { a: { on: { GO: { target: 'b', actions: 'missing' } } }, b: { entry: () => tell('b') } },
      }),
  ],
  [
    'an action that throws',
    (tell) =>
      createMachine({
        initial: 'a',
        states: {
          a: {
            on: {
              GO: {
                target: 'b',
                actions: [
                  () => tell('before'),
                  () => {
                    throw new Error('of an action');
                  },
                ],
              },
            },
          },
          b: { entry: () => tell('b') },
        },
      }),
  ],
  [
    'a guard that throws',
    (tell) =>
      setup({
        guards: {
          broken: () => {
            throw new Error('of a guard');
          },
        },
      }).createMachine({ initial: 'a', states: { a: { on: { GO: { guard: 'broken', actions: () => tell('go') } } } } }),
  ],
  [
    'an end',
    (tell) =>
      createMachine({
        initial: 'a',
        output: 'done',
        states: { a: { exit: () => tell('out'), on: { GO: 'b' } }, b: { type: 'final', entry: () => tell('end') } },
      }),
  ],
  [
    'an action that sends',
    (tell) =>
      createMachine({
        initial: 'a',
        states: {
          a: { on: { GO: { target: 'b', actions: ({ self }) => self.send({ type: 'NEXT' }) } } },
          b: { entry: () => tell('b'), on: { NEXT: { target: 'a', actions: () => tell('next') } } },
        },
      }),
  ],
  [
    'delays by number and by name',
    (tell) =>
      setup({ delays: { soon: 3 } }).createMachine({
        initial: 'a',
        states: {
          a: { after: { 5: 'b' }, on: { GO: 'b' } },
          b: { entry: () => tell('b'), after: { soon: 'a' }, on: { GO: 'a' } },
        },
      }),
    ['GO', 'TIME', 'GO', 'GO', 'TIME', 'TIME', 'GO'],
  ],
];

describe('as xstate does it', () => {
  test.each(OTHERS.map(([what, ...rest]) => ({ what, rest })))('$what', ({ rest }) => {
    const [make, sequence = ['GO', 'OTHER', 'GO', 'GO']] = rest;
    const run = (change: Change): unknown[] => {
      const told: unknown[] = [];
      const clock = tellingClock(told);
      const actor = createActor(change(make((name) => void told.push(name))), { clock });
      actor.subscribe({ error: (error) => void told.push(String(error)) });
      actor.start();
      for (const type of sequence) {
        if (type === 'TIME') clock.increment(3);
        else if (actor.getSnapshot().status === 'active') actor.send({ type });
        told.push(look(actor));
      }
      return told;
    };
    const told = run(DIRECT);
    expect(told).toEqual(run(XSTATES));
    expect(told.length).toBeGreaterThan(0);
  });
});
