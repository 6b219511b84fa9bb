/** The actor tree: real children that an inspector sees, failures that stay where they are, a drain that leaves nothing. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import { SYSTEM_CLOCK } from '../../src/clock.ts';
import { turns } from '../support/until.ts';
import { end, Forest, PARTITION, TIMEOUTS } from './forest.ts';

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {}); // xstate tells of events to stopped actors
});

describe('a session actor', () => {
  test('is a child of a partition, which is a child of the root', () => {
    const forest = new Forest();
    const { actor } = forest.spawn('a');
    const partition = actor._parent;
    expect(partition?._parent).toBe(forest.tree.root);
    expect(forest.partitions).toEqual([partition]);
    expect(forest.sessions).toEqual([actor]);
    expect(actor.getSnapshot().value).toBe('initializing');
    expect(actor.getSnapshot().context).toMatchObject({ sessionId: 'a', timeouts: TIMEOUTS });
  });

  test('tells its owner, and no other, what becomes of it', () => {
    const forest = new Forest();
    const [a, b] = [forest.spawn('a'), forest.spawn('b')];
    for (const type of ['INITIALIZED', 'REQUEST', 'RESPONSE', 'RESPONSE', 'REQUEST'] as const) a.actor.send({ type });
    end(a.actor);
    expect(a.owner.said).toEqual(['active 1', 'idle 0', 'active 1', 'released deleted']);
    expect(a.owner.error).toBeUndefined();
    expect(b.owner.said).toEqual([]);
  });

  test('whose owner is not to be found lives on in silence', () => {
    const forest = new Forest({ find: () => undefined });
    const { actor, owner } = forest.spawn('a');
    actor.send({ type: 'INITIALIZED' });
    expect(actor.getSnapshot().value).toBe('active');
    actor.send({ type: 'RESPONSE' });
    expect(actor.getSnapshot().value).toBe('idle');
    end(actor);
    expect(owner.said).toEqual([]);
    expect(forest.sessions).toEqual([]);
  });

  test('keeps nothing of the options that it was made with', () => {
    const { actor } = new Forest().spawn('a');
    expect((actor as unknown as { options: object }).options).toEqual({});
  });

  test.each([
    ['initializeTimeout', 100, []],
    ['idle', 1_000, ['INITIALIZED', 'RESPONSE']],
    ['lifetime', 100_000, ['INITIALIZED']],
  ] as const)('is ended by the clock that the tree was given: %s', (reason, ms, events) => {
    const forest = new Forest();
    const { actor, owner } = forest.spawn('a');
    for (const type of events) actor.send({ type });
    forest.clock.increment(ms - 1);
    expect(owner.said).not.toContain(`released ${reason}`);
    forest.clock.increment(1);
    expect(owner.said).toContain(`released ${reason}`);
    expect(forest.clock.pending).toEqual([]);
    expect(forest.sessions).toEqual([]);
  });

  test('without timeouts sets no timer, on the real clock either', async () => {
    const setTimer = vi.spyOn(SYSTEM_CLOCK, 'setTimeout');
    const timeouts = { initializeTimeout: null, sessionIdleTimeout: null, maxSessionLifetime: null };
    const forest = new Forest({ clock: SYSTEM_CLOCK, timeouts });
    const { actor, owner } = forest.spawn('a');
    await turns(3);
    actor.send({ type: 'INITIALIZED' });
    actor.send({ type: 'RESPONSE' });
    await turns(3);
    expect(setTimer).not.toHaveBeenCalled();
    expect(owner.said).toEqual(['active 1', 'idle 0']);
  });
});

describe('an action that throws', () => {
  test.each([
    ['as it becomes active', 'active', ['active 1', 'released crashed']],
    ['as it becomes idle', 'idle', ['active 1', 'idle 0', 'released crashed']],
  ] as const)('releases its session as crashed: %s', async (_, throwsAt, said) => {
    const forest = new Forest();
    const [a, b, c] = [forest.spawn('a'), forest.spawn('b'), forest.spawn('c')];
    b.owner.throwsAt = throwsAt;
    for (const { actor } of [a, b, c]) {
      actor.send({ type: 'INITIALIZED' });
      actor.send({ type: 'RESPONSE' });
    }
    await turns(5); // xstate throws what nobody handled from a timer, which would fail the run

    expect(b.owner.said).toEqual(said);
    expect(b.owner.error).toEqual(new Error(`broken at ${throwsAt}`));
    for (const { owner, actor } of [a, c]) {
      expect(owner.said).toEqual(['active 1', 'idle 0']);
      expect(actor.getSnapshot().value).toBe('idle');
    }
    expect(forest.sessions).toEqual([a.actor, c.actor]);
    expect(forest.errors).toEqual([]);
    expect(forest.tree.root.getSnapshot().status).toBe('active');
    expect(forest.clock.pending.map(({ delay }) => delay).sort()).toEqual([1_000, 1_000, 100_000, 100_000]);
  });

  test('at the very end leaves nothing either', async () => {
    const forest = new Forest();
    const [a, b] = [forest.spawn('a'), forest.spawn('b')];
    a.owner.throwsAt = 'release';
    end(a.actor);
    await turns(5);
    expect(a.owner.said).toEqual(['released deleted', 'released crashed']);
    expect(forest.sessions).toEqual([b.actor]);
    expect(forest.errors).toEqual([]);
  });

  test('by a timer is the same', async () => {
    const forest = new Forest();
    const { owner } = forest.spawn('a');
    owner.throwsAt = 'release';
    forest.clock.increment(100);
    await turns(5);
    expect(owner.said).toEqual(['released initializeTimeout', 'released crashed']);
    expect(forest.clock.pending).toEqual([]);
  });

  test('frees the slot', () => {
    const forest = new Forest();
    for (let n = 0; n < 3 * PARTITION; n++) {
      const { owner, actor } = forest.spawn(`a-${n}`);
      owner.throwsAt = 'active';
      actor.send({ type: 'INITIALIZED' });
    }
    expect(forest.partitions).toHaveLength(1);
    expect(forest.sessions).toEqual([]);
  });
});

describe('inspection', () => {
  test('sees every session actor with its parents', () => {
    const chains: string[][] = [];
    const roots = new Set<string>();
    const inspect = {
      next: (event: InspectionEvent) => {
        if (event.type !== '@xstate.actor') return;
        const chain: string[] = [];
        for (let ref = event.actorRef as AnyActorRef | undefined; ref !== undefined; ref = ref._parent) {
          chain.unshift(ref === event.actorRef ? ref.id : ref.sessionId);
        }
        chains.push(chain);
        roots.add(event.rootId);
      },
    };
    const forest = new Forest({ inspect });
    const [a, b] = [forest.spawn('a').actor, forest.spawn('b').actor];
    const root = forest.tree.root;
    const [partition] = forest.partitions;
    expect(chains).toEqual([
      ['supervisor'],
      [root.sessionId, partition?.id],
      [root.sessionId, partition?.sessionId, a.id],
      [root.sessionId, partition?.sessionId, b.id],
    ]);
    expect(a.id).not.toBe(b.id);
    expect([...roots]).toEqual([root.sessionId]);
  });

  test('sees what happens in a session', () => {
    const seen: string[] = [];
    const inspect = {
      next: (event: InspectionEvent) => {
        if (event.type === '@xstate.event') seen.push(`${(event.actorRef as AnyActorRef).id} < ${event.event.type}`);
      },
    };
    const forest = new Forest({ inspect });
    const { actor } = forest.spawn('a');
    seen.length = 0;
    actor.send({ type: 'INITIALIZED' });
    actor.send({ type: 'RESPONSE' });
    forest.clock.increment(1_000);
    expect(seen.slice(0, 3)).toEqual([
      `${actor.id} < INITIALIZED`,
      `${actor.id} < RESPONSE`,
      `${actor.id} < xstate.after.sessionIdleTimeout.session.idle`,
    ]);
  });

  test('an actor that ends is gone from the tree, and is told of no more', () => {
    const inspected: InspectionEvent[] = [];
    const forest = new Forest({ inspect: { next: (event) => void inspected.push(event) } });
    const { actor } = forest.spawn('a');
    end(actor);
    const after = inspected.length;
    forest.clock.increment(1_000_000);
    expect(inspected).toHaveLength(after);
  });
});

describe('a drain', () => {
  test('is told to whoever holds the sessions', () => {
    const forest = new Forest();
    forest.spawn('a');
    forest.tree.root.send({ type: 'DRAIN', timeout: 500 });
    expect(forest.drained).toEqual(['endIdleSessions']);
    forest.clock.increment(500);
    expect(forest.drained).toEqual(['endIdleSessions', 'endAllSessions']);
  });

  test('that is told no time has shutdownTimeout', () => {
    const forest = new Forest({ shutdownTimeout: 700 });
    forest.spawn('a');
    forest.tree.root.send({ type: 'DRAIN' });
    forest.clock.increment(699);
    expect(forest.drained).toEqual(['endIdleSessions']);
    forest.clock.increment(1);
    expect(forest.drained).toEqual(['endIdleSessions', 'endAllSessions']);
  });

  test('that is over leaves no actor and no timer, and nothing has failed', async () => {
    const forest = new Forest();
    const actors = forest.spawnMany(PARTITION + 1);
    forest.tree.root.send({ type: 'DRAIN' });
    for (const actor of actors) end(actor, 'drained');
    forest.tree.root.send({ type: 'DRAINED' });
    expect(forest.tree.root.getSnapshot().status).toBe('done');
    expect(forest.partitions.map((partition) => partition.getSnapshot().status)).toEqual(['stopped', 'stopped']);
    expect(forest.clock.pending).toEqual([]);
    await turns(1);
    expect(forest.errors).toEqual([]);
  });
});

describe('a partition that fails', () => {
  /** Has the first partition fail at its next event. */
  function breakable(forest: Forest): AnyActorRef {
    const [partition] = forest.partitions as [AnyActorRef];
    const transition = () => {
      throw new Error('broken partition');
    };
    Object.assign(partition, { logic: { transition } });
    return partition;
  }

  test('is given up: its sessions end as crashed, their timers too, and new ones go elsewhere', async () => {
    const forest = new Forest();
    const [a, b] = [forest.spawn('a'), forest.spawn('b')];
    a.actor.send({ type: 'INITIALIZED' });
    const partition = breakable(forest);
    partition.send({ type: 'SPAWN' });
    await turns(3);
    expect(a.owner.said).toEqual(['active 1', 'released crashed', 'released crashed']);
    expect(b.owner.said).toEqual(['released crashed', 'released crashed']);
    expect(forest.errors).toEqual([new Error('broken partition')]);
    expect(forest.clock.pending).toEqual([]);
    const c = forest.spawn('c');
    expect(c.actor._parent).not.toBe(partition);
    c.actor.send({ type: 'INITIALIZED' });
    expect(c.owner.said).toEqual(['active 1']);
    expect(forest.tree.root.getSnapshot().status).toBe('active');
  });

  test('when it is full leaves the others their free slots', async () => {
    const forest = new Forest();
    forest.spawnMany(PARTITION);
    const next = forest.spawn('next');
    breakable(forest).send({ type: 'SPAWN' });
    await turns(3);
    expect(forest.spawn('another').actor._parent).toBe(next.actor._parent);
  });

  test('whose session could not be spawned does not tell its owner of an end', async () => {
    const forest = new Forest();
    forest.spawn('a').actor._parent?.send({ type: 'xstate.stop' }); // as its parent would
    const said: string[] = [];
    const release = (reason: string) => void said.push(reason);
    const owner = { id: 'b', announce: () => {}, nothingRuns: true, parked: () => {}, release };
    expect(forest.tree.spawn(owner)).toBeUndefined();
    await turns(1);
    expect(forest.errors).toEqual([new Error('A partition was stopped from outside')]);
    expect(said).toEqual([]);
  });

  test('while it spawns leaves no actor', async () => {
    const forest = new Forest();
    forest.spawn('a');
    breakable(forest);
    expect(() => forest.spawn('b')).toThrow('No actor was spawned');
    await turns(3);
    expect(forest.spawn('c').actor.getSnapshot().status).toBe('active');
  });
});

test('a session that is ended while it is spawned leaves its slot to one other, not to two', () => {
  let ending = true;
  const next = ({ type, actorRef }: InspectionEvent) => {
    const isSession = (actorRef as AnyActorRef)._parent?._parent !== undefined;
    if (!ending || !isSession || type !== '@xstate.snapshot') return;
    ending = false;
    (actorRef as AnyActorRef).send({ type: 'TERMINATE', reason: 'deleted' });
  };
  const forest = new Forest({ inspect: { next } });
  expect(() => forest.spawn('a')).toThrow('No actor was spawned');
  expect(ending).toBe(false);
  const [b, c] = [forest.spawn('b'), forest.spawn('c')];
  expect(forest.sessions).toHaveLength(2);
  for (const { actor, owner } of [b, c]) {
    end(actor);
    expect(owner.said).toEqual(['released deleted']);
  }
});

describe('the root', () => {
  test('does not stop because somebody says so: that is a drain', () => {
    const forest = new Forest();
    const { actor } = forest.spawn('a');
    expect(forest.tree.root.stop()).toBe(forest.tree.root);
    expect(forest.drained).toEqual(['stopRequested']);
    expect(actor.getSnapshot().status).toBe('active');
  });

  test('that has failed tells so, and why', async () => {
    const forest = new Forest();
    const transition = () => {
      throw new Error('broken root');
    };
    Object.assign(forest.tree.root, { logic: { transition } });
    forest.tree.root.send({ type: 'DRAIN' });
    await turns(2); // what nobody handled would be thrown by a timer, which fails the run
    expect(forest.errors).toEqual([new Error('broken root')]);
    expect(forest.drained).toEqual(['stopped']);
  });

  test('that has stopped tells so, and spawns no more', () => {
    const forest = new Forest();
    forest.tree.root.send({ type: 'DRAIN' });
    forest.tree.root.send({ type: 'DRAINED' });
    expect(forest.drained).toEqual(['endIdleSessions', 'stopped']);
    expect(() => forest.spawn('a')).toThrow('No actor was spawned');
  });
});

describe('an observer that throws', () => {
  const broken = () => {
    throw new Error('broken observer');
  };

  test.each([
    ['a function', broken],
    ['an object', { next: broken }],
  ])('inspecting the system as %s is told of, and stops nothing', (_, observer) => {
    const forest = new Forest();
    const inspection = forest.tree.root.system.inspect(observer);
    const { actor, owner } = forest.spawn('a');
    actor.send({ type: 'INITIALIZED' });
    expect(owner.said).toEqual(['active 1']);
    expect(forest.errors.length).toBeGreaterThan(2);
    inspection.unsubscribe();
    const before = forest.errors.length;
    end(actor);
    expect(forest.errors).toHaveLength(before);
  });

  test('subscribed to a session, a partition or the root is told of, and stops nothing', async () => {
    const forest = new Forest();
    const { actor, owner } = forest.spawn('a');
    for (const ref of [actor, actor._parent, forest.tree.root] as AnyActorRef[]) {
      ref.subscribe(broken);
      ref.subscribe({ next: broken, error: broken, complete: broken });
    }
    actor.send({ type: 'INITIALIZED' });
    forest.spawn('b');
    forest.tree.root.send({ type: 'GROW', id: 'another' });
    end(actor);
    await turns(3); // what nobody caught would be thrown by a timer, which fails the run
    expect(owner.said).toEqual(['active 1', 'released deleted']);
    expect(forest.errors.length).toBeGreaterThan(5);
  });
});
