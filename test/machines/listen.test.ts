/** The machine of a listen stream: every state × every event with its result written down, then every path through it. */
import { describe, expect, test } from 'vitest';
import { getSimplePaths } from 'xstate/graph';
import { listenMachine } from '../../src/machines/listen.ts';
import { EVENTS, GIVEN, INPUT, ListenLife, outcome, TABLE } from './listenLife.ts';

describe('every state × every event', () => {
  test.each(TABLE)('%s: %s', (name, event, ...expected) => {
    expect(outcome(name, event)).toEqual(expected);
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
    const life = new ListenLife();
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
  const { actor } = new ListenLife().live(['ACKNOWLEDGED', 'FINISH drained']);
  const persisted = actor.getPersistedSnapshot() as unknown as { context: unknown };
  expect(JSON.parse(JSON.stringify(persisted)).context).toEqual({ ...INPUT, reason: 'drained' });
});
