/** The actor tree at scale: slots that are used again, event types that stay few, a constant cost. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import type { SessionActor } from '../../src/supervisor/sessionTree.ts';
import { end, Forest, PARTITION } from '../supervisor/forest.ts';

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {}); // xstate tells of events to stopped actors
});

describe('slots', () => {
  test('are used again: a tree grows to its peak, and no further', () => {
    const forest = new Forest();
    for (let round = 0; round < 5; round++) {
      const actors = forest.spawnMany(3 * PARTITION);
      expect(forest.partitions).toHaveLength(3);
      expect(forest.sessions).toHaveLength(3 * PARTITION);
      for (const actor of actors) end(actor);
      expect(forest.sessions).toHaveLength(0);
    }
    expect(forest.partitions).toHaveLength(3);
  });

  test('are used again while others are taken', () => {
    const forest = new Forest();
    const actors = forest.spawnMany(2 * PARTITION);
    for (let n = 0; n < 1_000; n++) {
      const at = (n * 37) % actors.length;
      end(actors[at] as SessionActor);
      actors[at] = forest.spawn(`again-${n}`).actor;
    }
    expect(forest.partitions).toHaveLength(2);
    expect(new Set(forest.sessions)).toEqual(new Set(actors));
    expect(actors.every((actor) => actor.getSnapshot().status === 'active')).toBe(true);
  });

  test('bound the event types that xstate remembers for ever', () => {
    const types = new Set<string>();
    const ids = new Set<string>();
    const inspect = {
      next: (event: InspectionEvent) => {
        ids.add((event.actorRef as AnyActorRef).id);
        if (event.type === '@xstate.event') types.add(`${event.event.type}`);
      },
    };
    const forest = new Forest({ inspect });
    const churn = (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        const { actor, owner } = forest.spawn(`session-${n}`);
        if (n % 3 === 0) owner.throwsAt = 'active'; // failures are event types as well
        actor.send({ type: 'INITIALIZED' });
        if (n % 3 !== 0) end(actor);
      }
    };
    churn(0, 2 * PARTITION);
    const before = [...types].sort();
    churn(2 * PARTITION, 2_000);
    expect([...types].sort()).toEqual(before);
    expect(types.size).toBeLessThan(2 * PARTITION + 20);
    expect(ids.size).toBeLessThan(PARTITION + 5);
    expect([...types, ...ids].filter((name) => name.includes('session-'))).toEqual([]);
  });
});

describe('the cost', () => {
  /** CPU time in µs: what others do on the machine costs none of it. */
  function cpuOf(work: () => void): number {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  }

  test('of a spawn and of an end is the same at 20 000 sessions as at 100', () => {
    const cost = (sessions: number) => {
      const forest = new Forest({ clock: { setTimeout: () => 0, clearTimeout: () => {}, now: () => 0 } });
      forest.spawnMany(sessions);
      let actors: SessionActor[] = [];
      let spawn = Number.POSITIVE_INFINITY;
      let stop = Number.POSITIVE_INFINITY;
      for (let round = 0; round < 10; round++) {
        const spawnMore = () => {
          actors = Array.from({ length: 100 }, (_, n) => forest.spawn(`more-${round}-${n}`).actor);
        };
        // The least of several rounds: one may have had the garbage of another to collect.
        spawn = Math.min(spawn, cpuOf(spawnMore));
        const endAll = () => {
          for (const actor of actors) end(actor);
        };
        stop = Math.min(stop, cpuOf(endAll));
      }
      return { spawn, stop };
    };
    cost(100); // warm
    const [few, many] = [cost(100), cost(20_000)];
    // One parent of all would be 200 times as slow to spawn, and a scan of all timers 200 times as slow to stop.
    expect(many.spawn / few.spawn).toBeLessThan(10);
    expect(many.stop / few.stop).toBeLessThan(10);
  }, 30_000);
});
