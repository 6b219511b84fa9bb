/** The partition machine: a parent of sessions that uses its slots again and survives every child's error. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type ActorRefFrom, createActor } from 'xstate';
import { partitionMachine } from '../../src/machines/partition.ts';
import { sessionMachine } from '../../src/machines/session.ts';
import { turns } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const TIMEOUTS = { initializeTimeout: 100, sessionIdleTimeout: 1_000, maxSessionLifetime: null };

class Partition {
  readonly clock = new WatchedClock();
  readonly actions: unknown[][] = [];
  readonly errors: unknown[] = [];
  readonly actor;
  /** Sessions that throw as they become active. */
  readonly bad = new Map<string, unknown>();

  constructor() {
    const session = sessionMachine.provide({
      actions: {
        announceActive: ({ context }) => {
          if (this.bad.has(context.sessionId)) throw this.bad.get(context.sessionId);
        },
        release: ({ context }) => void this.actions.push(['release', context.sessionId, context.reason]),
      },
    });
    const machine = partitionMachine.provide({
      actors: { session },
      actions: {
        childFailed: (_, { slot, error }) => void this.actions.push(['childFailed', slot, error]),
        slotFreed: (_, { slot }) => void this.actions.push(['slotFreed', slot]),
      },
    });
    this.actor = createActor(machine, { clock: this.clock });
    this.actor.subscribe({ error: (error) => void this.errors.push(error) });
    this.actor.start();
  }

  spawn(slot: string, sessionId: string): ActorRefFrom<typeof sessionMachine> {
    this.actor.send({ type: 'SPAWN', slot, input: { sessionId, timeouts: TIMEOUTS } });
    return this.actor.getSnapshot().children[slot] as ActorRefFrom<typeof sessionMachine>;
  }

  get slots(): string[] {
    return Object.keys(this.actor.getSnapshot().children);
  }
}

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {}); // xstate tells of events to stopped actors
});

describe('SPAWN', () => {
  test('starts a session in the slot, with its input', () => {
    const partition = new Partition();
    const child = partition.spawn('s0', 'id-1');
    expect(partition.slots).toEqual(['s0']);
    expect(child.id).toBe('s0');
    expect(child.getSnapshot().value).toBe('initializing');
    expect(child.getSnapshot().context).toEqual({ sessionId: 'id-1', timeouts: TIMEOUTS, inFlight: 1, reason: null });
    expect(child._parent).toBe(partition.actor);
    expect(partition.actions).toEqual([]);
  });

  test('starts sessions beside each other, each with a life of its own', () => {
    const partition = new Partition();
    const [a, b] = [partition.spawn('s0', 'id-1'), partition.spawn('s1', 'id-2')];
    a.send({ type: 'INITIALIZED' });
    expect([a.getSnapshot().value, b.getSnapshot().value]).toEqual(['active', 'initializing']);
  });
});

describe('a session that ends', () => {
  test('leaves its slot after its release', () => {
    const partition = new Partition();
    const [a, b] = [partition.spawn('s0', 'id-1'), partition.spawn('s1', 'id-2')];
    a.send({ type: 'TERMINATE', reason: 'deleted' });
    expect(partition.actions).toEqual([
      ['release', 'id-1', 'deleted'],
      ['slotFreed', 's0'],
    ]);
    expect(partition.slots).toEqual(['s1']);
    expect(b.getSnapshot().status).toBe('active');
  });

  test('in a slot that is used again does not disturb the one that has it now', () => {
    const partition = new Partition();
    const first = partition.spawn('s0', 'id-1');
    first.send({ type: 'TERMINATE', reason: 'deleted' });
    const second = partition.spawn('s0', 'id-2');
    expect(second).not.toBe(first);
    first.send({ type: 'TERMINATE', reason: 'crashed' });
    first.send({ type: 'INITIALIZED' });
    expect(second.getSnapshot().value).toBe('initializing');
    expect(second.getSnapshot().context.sessionId).toBe('id-2');
    expect(partition.slots).toEqual(['s0']);
  });

  test('by its own timer is the same', () => {
    const partition = new Partition();
    partition.spawn('s0', 'id-1');
    partition.clock.increment(100);
    expect(partition.actions).toEqual([
      ['release', 'id-1', 'initializeTimeout'],
      ['slotFreed', 's0'],
    ]);
    expect(partition.clock.pending).toEqual([]);
  });
});

describe('a session whose actor fails', () => {
  test('is told of with its error, and leaves its slot; its siblings live', async () => {
    const partition = new Partition();
    const error = new Error('broken');
    partition.bad.set('id-2', error);
    const [a, b, c] = [partition.spawn('s0', 'id-1'), partition.spawn('s1', 'id-2'), partition.spawn('s2', 'id-3')];
    for (const child of [a, b, c]) child.send({ type: 'INITIALIZED' });
    await turns(5); // xstate throws what nobody handled from a timer

    expect(partition.actions).toEqual([
      ['childFailed', 's1', error],
      ['slotFreed', 's1'],
    ]);
    expect(partition.slots).toEqual(['s0', 's2']);
    expect(b.getSnapshot().status).toBe('error');
    expect([a.getSnapshot().value, c.getSnapshot().value]).toEqual(['active', 'active']);
    expect(partition.actor.getSnapshot().status).toBe('active');
    expect(partition.errors).toEqual([]);
  });

  test('keeps no timer', () => {
    const partition = new Partition();
    partition.bad.set('id-1', new Error('broken'));
    partition.spawn('s0', 'id-1').send({ type: 'INITIALIZED' });
    expect(partition.clock.pending).toEqual([]);
  });

  test('may throw anything', () => {
    const partition = new Partition();
    for (const [n, error] of ['text', undefined, null, 42].entries()) {
      partition.bad.set(`id-${n}`, error);
      partition.spawn('s0', `id-${n}`).send({ type: 'INITIALIZED' });
      expect(partition.actions.splice(0)).toEqual([
        ['childFailed', 's0', error],
        ['slotFreed', 's0'],
      ]);
    }
    expect(partition.actor.getSnapshot().status).toBe('active');
  });
});

test('there are no events but these', () => {
  expect([...partitionMachine.events].sort()).toEqual(['SPAWN', 'xstate.done.actor.*', 'xstate.error.actor.*']);
});

test('a persisted snapshot is JSON: the sessions are named, not copied', () => {
  const partition = new Partition();
  partition.spawn('s0', 'id-1').send({ type: 'INITIALIZED' });
  const persisted = partition.actor.getPersistedSnapshot();
  expect(JSON.parse(JSON.stringify(persisted))).toEqual(persisted);
  expect(persisted).toMatchObject({ children: { s0: { src: 'session', snapshot: { value: 'active' } } } });
});
