/** The machine of a listen stream: every state × every event with its result written down, then every path through it. */
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { getSimplePaths } from 'xstate/graph';
import { type ListenMachineContext, type ListenMachineEvent, listenMachine } from '../../src/machines/listen.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const CLOSE_TIMEOUT = 5_000;
const INPUT = { streamId: '1', closeTimeout: CLOSE_TIMEOUT };

const EVENTS = {
  ACKNOWLEDGED: { type: 'ACKNOWLEDGED' },
  REFUSED: { type: 'REFUSED' },
  'FINISH drained': { type: 'FINISH', reason: 'drained' },
  'FINISH terminated': { type: 'FINISH', reason: 'terminated' },
  COMPLETED: { type: 'COMPLETED' },
  OVERFLOW: { type: 'OVERFLOW' },
  LEFT: { type: 'LEFT' },
} as const satisfies Record<string, ListenMachineEvent>;

/** How it came to where it is. */
const GIVEN = {
  opening: [],
  'opening, to finish': ['FINISH drained'],
  open: ['ACKNOWLEDGED'],
  'closing, finished': ['ACKNOWLEDGED', 'FINISH drained'],
  'closing, slow': ['ACKNOWLEDGED', 'OVERFLOW'],
  'ended, left': ['ACKNOWLEDGED', 'LEFT'],
} as const satisfies Record<string, readonly (keyof typeof EVENTS)[]>;

class Life {
  readonly clock = new WatchedClock();
  readonly actions: string[] = [];
  readonly actor;

  constructor() {
    const did =
      (name: string) =>
      ({ context }: { context: ListenMachineContext }) =>
        void this.actions.push(`${name} ${context.reason}`);
    const actions = { finish: did('finish'), cut: did('cut'), release: did('release') };
    this.actor = createActor(listenMachine.provide({ actions }), { clock: this.clock, input: INPUT });
    this.actor.start();
  }

  live(events: readonly (keyof typeof EVENTS | 'closeTimeout')[]): this {
    for (const event of events) {
      if (event === 'closeTimeout') this.clock.increment(CLOSE_TIMEOUT);
      else if (this.actor.getSnapshot().status === 'active') this.actor.send(EVENTS[event]);
    }
    return this;
  }

  get outcome() {
    const { value, context } = this.actor.getSnapshot();
    return [value, context.reason, [...this.actions], this.clock.pending.length] as const;
  }
}

type Event = keyof typeof EVENTS | 'closeTimeout';

// biome-ignore format: a table is read by its columns
const TABLE: readonly (readonly [given: keyof typeof GIVEN, event: Event, state: string, reason: string | null,
  actions: string[], timers: number])[] = [
  ['opening',            'ACKNOWLEDGED',      'open',    null,         [],                   0],
  ['opening',            'REFUSED',           'ended',   'refused',    ['release refused'],  0],
  ['opening',            'FINISH drained',    'opening', 'drained',    [],                   0],
  ['opening',            'FINISH terminated', 'opening', 'terminated', [],                   0],
  ['opening',            'COMPLETED',         'opening', null,         [],                   0],
  ['opening',            'OVERFLOW',          'opening', null,         [],                   0],
  ['opening',            'LEFT',              'ended',   'left',       ['release left'],     0],
  ['opening',            'closeTimeout',      'opening', null,         [],                   0],

  ['opening, to finish', 'ACKNOWLEDGED',      'closing', 'drained',    ['finish drained'],   1],
  ['opening, to finish', 'REFUSED',           'ended',   'refused',    ['release refused'],  0],
  ['opening, to finish', 'FINISH drained',    'opening', 'drained',    [],                   0],
  ['opening, to finish', 'FINISH terminated', 'opening', 'terminated', [],                   0],
  ['opening, to finish', 'COMPLETED',         'opening', 'drained',    [],                   0],
  ['opening, to finish', 'OVERFLOW',          'opening', 'drained',    [],                   0],
  ['opening, to finish', 'LEFT',              'ended',   'left',       ['release left'],     0],
  ['opening, to finish', 'closeTimeout',      'opening', 'drained',    [],                   0],

  ['open',               'ACKNOWLEDGED',      'open',    null,         [],                   0],
  ['open',               'REFUSED',           'open',    null,         [],                   0],
  ['open',               'FINISH drained',    'closing', 'drained',    ['finish drained'],   1],
  ['open',               'FINISH terminated', 'closing', 'terminated', ['finish terminated'], 1],
  ['open',               'COMPLETED',         'closing', 'complete',   [],                   1],
  ['open',               'OVERFLOW',          'closing', 'slow',       [],                   1],
  ['open',               'LEFT',              'ended',   'left',       ['release left'],     0],
  ['open',               'closeTimeout',      'open',    null,         [],                   0],

  ['closing, finished',  'ACKNOWLEDGED',      'closing', 'drained',    [],                   1],
  ['closing, finished',  'REFUSED',           'closing', 'drained',    [],                   1],
  ['closing, finished',  'FINISH drained',    'closing', 'drained',    [],                   1],
  ['closing, finished',  'FINISH terminated', 'closing', 'drained',    [],                   1],
  ['closing, finished',  'COMPLETED',         'closing', 'drained',    [],                   1],
  ['closing, finished',  'OVERFLOW',          'closing', 'drained',    [],                   1],
  ['closing, finished',  'LEFT',              'ended',   'drained',    ['release drained'],  0],
  ['closing, finished',  'closeTimeout',      'ended',   'drained',    ['cut drained', 'release drained'], 0],

  ['closing, slow',      'ACKNOWLEDGED',      'closing', 'slow',       [],                   1],
  ['closing, slow',      'REFUSED',           'closing', 'slow',       [],                   1],
  ['closing, slow',      'FINISH drained',    'closing', 'slow',       [],                   1],
  ['closing, slow',      'FINISH terminated', 'closing', 'slow',       [],                   1],
  ['closing, slow',      'COMPLETED',         'closing', 'slow',       [],                   1],
  ['closing, slow',      'OVERFLOW',          'closing', 'slow',       [],                   1],
  ['closing, slow',      'LEFT',              'ended',   'slow',       ['release slow'],     0],
  ['closing, slow',      'closeTimeout',      'ended',   'slow',       ['cut slow', 'release slow'], 0],

  ['ended, left',        'ACKNOWLEDGED',      'ended',   'left',       [],                   0],
  ['ended, left',        'REFUSED',           'ended',   'left',       [],                   0],
  ['ended, left',        'FINISH drained',    'ended',   'left',       [],                   0],
  ['ended, left',        'FINISH terminated', 'ended',   'left',       [],                   0],
  ['ended, left',        'COMPLETED',         'ended',   'left',       [],                   0],
  ['ended, left',        'OVERFLOW',          'ended',   'left',       [],                   0],
  ['ended, left',        'LEFT',              'ended',   'left',       [],                   0],
  ['ended, left',        'closeTimeout',      'ended',   'left',       [],                   0],
];

describe('every state × every event', () => {
  test.each(TABLE)('%s: %s', (name, event, ...expected) => {
    const life = new Life().live(GIVEN[name]);
    life.actions.length = 0;
    expect(life.live([event]).outcome).toEqual(expected);
  });

  test('the table is complete', () => {
    expect(new Set(TABLE.map(([name, event]) => `${name}: ${event}`)).size).toBe(TABLE.length);
    expect(TABLE).toHaveLength(Object.keys(GIVEN).length * (Object.keys(EVENTS).length + 1));
    const events = new Set<string>(Object.values(EVENTS).map(({ type }) => type));
    expect(listenMachine.events.filter((event) => !event.startsWith('xstate.')).sort()).toEqual([...events].sort());
  });
});

const PATHS = getSimplePaths(listenMachine, { input: INPUT, events: Object.values(EVENTS) });

/** The events of each simple path, without what xstate itself sends. */
const WAYS = PATHS.map(({ steps }) => ({
  steps: steps.map(({ event }) => event).filter(({ type }) => !type.startsWith('xstate.')),
}));

test.each(WAYS.map(({ steps }) => [steps.map(({ type }) => type).join(' '), steps] as const))(
  'whatever way it takes it ends once, and sends one result at most: %s',
  (_, steps) => {
    const life = new Life();
    for (const event of steps) if (life.actor.getSnapshot().status === 'active') life.actor.send(event);
    if (life.actor.getSnapshot().status === 'active') life.actor.send({ type: 'LEFT' });
    const count = (name: string) => life.actions.filter((action) => action.startsWith(name)).length;
    expect({ release: count('release'), cut: count('cut') }).toEqual({ release: 1, cut: 0 });
    expect(count('finish')).toBeLessThanOrEqual(1);
    expect(life.actor.getSnapshot()).toMatchObject({ value: 'ended', output: { reason: expect.any(String) } });
    expect(life.clock.pending).toEqual([]);
  },
);

test('what it knows is JSON', () => {
  const { actor } = new Life().live(['ACKNOWLEDGED', 'FINISH drained']);
  const persisted = actor.getPersistedSnapshot() as unknown as { context: unknown };
  expect(JSON.parse(JSON.stringify(persisted)).context).toEqual({ ...INPUT, reason: 'drained' });
});
