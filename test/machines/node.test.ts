/** The machine of a node: every state × every event with its result written down, then every path through it. */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type AnyStateMachine, createActor } from 'xstate';
import { getSimplePaths } from 'xstate/graph';
import { type NodeMachineEvent, nodeMachine } from '../../src/machines/node.ts';
import { machineMutants } from '../mutants/machineMutants.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const INPUT = { node: 'a', renewEvery: 1_500, retryAfter: 250, leaveTimeout: 1_000 };
const LEASE = 4_000;

const EVENTS = {
  JOINED: { type: 'JOINED', lease: LEASE },
  TAKEN: { type: 'TAKEN' },
  RENEWED: { type: 'RENEWED', lease: LEASE - 100 },
  UNKNOWN: { type: 'UNKNOWN' },
  GONE: { type: 'GONE' },
  LAPSED: { type: 'LAPSED' },
  LEAVE: { type: 'LEAVE' },
  LEFT: { type: 'LEFT' },
} as const satisfies Record<string, NodeMachineEvent>;

type Event = keyof typeof EVENTS | number;

/** How it came to where it is. */
const GIVEN = {
  joining: [],
  waiting: ['TAKEN'],
  member: ['JOINED'],
  renewed: ['JOINED', 1_500, 'RENEWED'],
  fenced: ['JOINED', 'GONE'],
  leaving: ['JOINED', 'LEAVE'],
  left: ['JOINED', 'LEAVE', 'LEFT'],
} as const satisfies Record<string, readonly Event[]>;

const ACTIONS = ['join', 'begin', 'noteTaken', 'renew', 'fence', 'leave', 'end'] as const;

function live(events: readonly Event[], machine: AnyStateMachine = nodeMachine) {
  const clock = new WatchedClock();
  const did: string[] = [];
  const actions = Object.fromEntries(ACTIONS.map((name) => [name, () => void did.push(name)]));
  const actor = createActor(machine.provide({ actions } as never), { clock, input: INPUT, logger: () => {} });
  actor.start();
  const go = (event: Event) => {
    if (typeof event === 'number') clock.increment(event);
    else if (actor.getSnapshot().status === 'active') actor.send(EVENTS[event]);
  };
  for (const event of events) go(event);
  const before = did.length;
  return {
    after(event: Event) {
      go(event);
      return [actor.getSnapshot().value, did.slice(before).join(' '), clock.pending.length] as const;
    },
  };
}

// biome-ignore format: a table is read by its columns
const TABLE: Record<keyof typeof GIVEN, readonly (readonly [Event, string, string, number])[]> = {
  joining: [
    ['JOINED',  'member',  'begin',     2],
    ['TAKEN',   'waiting', 'noteTaken', 1],
    ['UNKNOWN', 'waiting', '',          1],
    ['RENEWED', 'joining', '',          0],
    ['GONE',    'joining', '',          0],
    ['LAPSED',  'joining', '',          0],
    ['LEAVE',   'leaving', 'leave',     1],
    ['LEFT',    'joining', '',          0],
    [60_000,    'joining', '',          0],
  ],
  waiting: [
    [250,       'joining', 'join', 0],
    [249,       'waiting', '',     1],
    ['JOINED',  'waiting', '',     1],
    ['LEAVE',   'left',    'end',  0],
    ['LEFT',    'waiting', '',     1],
  ],
  member: [
    [1_499,     'member',  '',            2],
    [1_500,     'member',  'renew',       1],
    [3_999,     'member',  'renew',       1],
    [4_000,     'fenced',  'renew fence', 1],
    ['RENEWED', 'member',  '',            2],
    ['GONE',    'fenced',  'fence',       1],
    ['LAPSED',  'fenced',  'fence',       1],
    ['UNKNOWN', 'member',  '',            2],
    ['TAKEN',   'member',  '',            2],
    ['JOINED',  'member',  '',            2],
    ['LEAVE',   'leaving', 'leave',       1],
    ['LEFT',    'member',  '',            2],
  ],
  renewed: [
    [1_499,     'member',  '',            2],
    [3_899,     'member',  'renew',       1],
    [3_900,     'fenced',  'renew fence', 1],
    ['GONE',    'fenced',  'fence',       1],
  ],
  fenced: [
    ['LEFT',    'joining', 'join',  0],
    [1_000,     'joining', 'join',  0],
    [999,       'fenced',  '',      1],
    ['RENEWED', 'fenced',  '',      1],
    ['JOINED',  'fenced',  '',      1],
    ['LAPSED',  'fenced',  '',      1],
    ['LEAVE',   'left',    'end',   0],
  ],
  leaving: [
    ['LEFT',    'left',    'end',   0],
    [1_000,     'left',    'end',   0],
    [999,       'leaving', '',      1],
    ['RENEWED', 'leaving', '',      1],
    ['JOINED',  'leaving', '',      1],
    ['LAPSED',  'leaving', '',      1],
    ['LEAVE',   'leaving', '',      1],
  ],
  left: [
    ['JOINED',  'left', '', 0],
    [60_000,    'left', '', 0],
  ],
};

describe.each(Object.keys(TABLE) as (keyof typeof TABLE)[])('%s', (given) => {
  test.each(TABLE[given])('%s → %s', (event, state, actions, timers) => {
    expect(live(GIVEN[given]).after(event)).toEqual([state, actions, timers]);
  });
});

test('each renewal makes the lease go on from then, and not from before', () => {
  const life = live(['JOINED', 1_500, 'RENEWED', 3_800]);
  expect(life.after(99)).toEqual(['member', '', 1]);
  expect(live(['JOINED', 1_500, 'RENEWED', 3_800]).after(100)[0]).toBe('fenced');
});

const PATHS = getSimplePaths(nodeMachine, { input: INPUT, events: Object.values(EVENTS) });

test('every path: a life that is over never goes on', () => {
  expect(PATHS.length).toBeGreaterThan(10);
  for (const path of PATHS) {
    const states = path.steps.map(({ state }) => state.value);
    for (const [n, state] of states.entries()) {
      if (state === 'fenced' || state === 'left' || state === 'leaving') expect(states[n + 1]).not.toBe('member');
    }
  }
});

/** Whether a machine does all that is written down. */
function keepsTo(machine: AnyStateMachine): boolean {
  return (Object.keys(TABLE) as (keyof typeof TABLE)[]).every((given) =>
    TABLE[given].every(([event, ...expected]) => {
      try {
        return isDeepStrictEqual(live(GIVEN[given], machine).after(event), expected);
      } catch {
        return false;
      }
    }),
  );
}

test.each(machineMutants(nodeMachine).map(({ name, make }) => [name, make] as const))(
  'the table notices a machine in which %s',
  (_, make) => {
    expect(keepsTo(nodeMachine)).toBe(true);
    expect(keepsTo(make())).toBe(false);
  },
);
