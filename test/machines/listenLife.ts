/** One machine of a listen stream on simulated time, watched, and what comes of each event in each of its states. */
import { type ListenMachineContext, type ListenMachineEvent, listenMachine } from 'mcp-session-supervisor/machines';
import { createActor } from 'xstate';
import { WatchedClock } from '../support/watchedClock.ts';

const CLOSE_TIMEOUT = 5_000;
export const INPUT = { streamId: '1', closeTimeout: CLOSE_TIMEOUT };

export const EVENTS = {
  ACKNOWLEDGED: { type: 'ACKNOWLEDGED' },
  REFUSED: { type: 'REFUSED' },
  'FINISH drained': { type: 'FINISH', reason: 'drained' },
  'FINISH terminated': { type: 'FINISH', reason: 'terminated' },
  COMPLETED: { type: 'COMPLETED' },
  OVERFLOW: { type: 'OVERFLOW' },
  LEFT: { type: 'LEFT' },
} as const satisfies Record<string, ListenMachineEvent>;

/** How it came to where it is. */
export const GIVEN = {
  opening: [],
  'opening, to finish': ['FINISH drained'],
  open: ['ACKNOWLEDGED'],
  'closing, finished': ['ACKNOWLEDGED', 'FINISH drained'],
  'closing, slow': ['ACKNOWLEDGED', 'OVERFLOW'],
  'ended, left': ['ACKNOWLEDGED', 'LEFT'],
} as const satisfies Record<string, readonly (keyof typeof EVENTS)[]>;

export class ListenLife {
  readonly clock = new WatchedClock();
  readonly actions: string[] = [];
  readonly actor;

  constructor(machine = listenMachine) {
    const did =
      (name: string) =>
      ({ context }: { context: ListenMachineContext }) =>
        void this.actions.push(`${name} ${context.reason}`);
    const actions = { finish: did('finish'), cut: did('cut'), release: did('release') };
    this.actor = createActor(machine.provide({ actions }), { clock: this.clock, input: INPUT });
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

/** What comes of an event, by this machine: as a row of the table says it. */
export function outcome(name: keyof typeof GIVEN, event: Event, machine = listenMachine): unknown[] {
  const life = new ListenLife(machine).live(GIVEN[name]);
  life.actions.length = 0;
  return [...life.live([event]).outcome];
}

export type Event = keyof typeof EVENTS | 'closeTimeout';

// biome-ignore format: a table is read by its columns
export const TABLE: readonly (readonly [given: keyof typeof GIVEN, event: Event, state: string, reason: string | null,
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
