/** The scheduler: xstate's, but for what it costs to stop an actor among very many, and for delays without end. */
import { describe, expect, test } from 'vitest';
import {
  type ActorSystem,
  type ActorSystemInfo,
  type AnyActorRef,
  createActor,
  createMachine,
  sendTo,
  setup,
} from 'xstate';
import { SYSTEM_CLOCK, type TimerClock } from '../../src/clock.ts';
import { replaceScheduler } from '../../src/supervisor/scheduler.ts';
import { until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

type System = ActorSystem<ActorSystemInfo>;

/** An actor that only says what it is sent. */
function listener(): { ref: AnyActorRef; heard: string[] } {
  const heard: string[] = [];
  const machine = createMachine({ on: { '*': { actions: ({ event }) => void heard.push(event.type) } } });
  return { ref: createActor(machine).start() as AnyActorRef, heard };
}

function replaced(clock: TimerClock = new WatchedClock()) {
  const { system } = createActor(createMachine({}), { clock });
  expect(replaceScheduler(system, clock)).toBe(true);
  return system.scheduler;
}

describe('an event', () => {
  test('arrives when its delay has passed, and not before', () => {
    const clock = new WatchedClock();
    const scheduler = replaced(clock);
    const [source, target] = [listener(), listener()];
    scheduler.schedule(source.ref, target.ref, { type: 'A' }, 100, 'a');
    scheduler.schedule(source.ref, target.ref, { type: 'B' }, 200, 'b');
    clock.increment(99);
    expect(target.heard).toEqual([]);
    clock.increment(1);
    expect(target.heard).toEqual(['A']);
    clock.increment(100);
    expect(target.heard).toEqual(['A', 'B']);
    expect(source.heard).toEqual([]);
    expect(clock.pending).toEqual([]);
  });

  test('is cancelled by its source and its id', () => {
    const clock = new WatchedClock();
    const scheduler = replaced(clock);
    const [a, b] = [listener(), listener()];
    for (const { ref } of [a, b]) {
      for (const id of ['1', '2', '3']) scheduler.schedule(ref, ref, { type: id }, 100, id);
    }
    scheduler.cancel(a.ref, '2');
    clock.increment(100);
    expect(a.heard.sort()).toEqual(['1', '3']);
    expect(b.heard.sort()).toEqual(['1', '2', '3']);
  });

  test('can be cancelled when it has arrived, or was never there', () => {
    const clock = new WatchedClock();
    const scheduler = replaced(clock);
    const [a, stranger] = [listener(), listener()];
    scheduler.schedule(a.ref, a.ref, { type: 'A' }, 100, 'a');
    scheduler.schedule(a.ref, a.ref, { type: 'B' }, 200, 'b');
    clock.increment(100);
    scheduler.cancel(a.ref, 'a');
    scheduler.cancel(a.ref, 'nothing');
    scheduler.cancel(stranger.ref, 'b');
    scheduler.cancelAll(stranger.ref);
    clock.increment(100);
    expect(a.heard).toEqual(['A', 'B']);
  });

  test('needs no id', () => {
    const clock = new WatchedClock();
    const scheduler = replaced(clock);
    const [a, b] = [listener(), listener()];
    for (const { ref } of [a, a, b]) scheduler.schedule(ref, ref, { type: 'A' }, 100, undefined);
    expect(clock.pending).toHaveLength(3);
    scheduler.cancelAll(b.ref);
    clock.increment(100);
    expect(a.heard).toEqual(['A', 'A']);
    expect(b.heard).toEqual([]);
    for (const { ref } of [a, b]) scheduler.cancelAll(ref);
    expect(clock.calls.clearTimeout).toBe(1); // what is gone is not cleared again
  });

  test('may be scheduled with the same id again, once it has arrived or was cancelled', () => {
    const clock = new WatchedClock();
    const scheduler = replaced(clock);
    const { ref, heard } = listener();
    for (let n = 0; n < 100; n++) {
      scheduler.schedule(ref, ref, { type: 'A' }, 100, 'a');
      if (n % 2 === 0) scheduler.cancel(ref, 'a');
      else clock.increment(100);
    }
    expect(heard).toHaveLength(50);
    scheduler.schedule(ref, ref, { type: 'B' }, 100, 'a');
    const { clearTimeout } = clock.calls;
    scheduler.cancelAll(ref);
    expect(clock.calls.clearTimeout).toBe(clearTimeout + 1);
    expect(clock.pending).toEqual([]);
  });

  test('that never comes is never scheduled', async () => {
    const clock = new WatchedClock();
    const scheduler = replaced(clock);
    const { ref, heard } = listener();
    scheduler.schedule(ref, ref, { type: 'NEVER' }, Number.POSITIVE_INFINITY, 'never');
    expect(clock.calls.setTimeout).toBe(0);
    scheduler.cancel(ref, 'never');
    scheduler.cancelAll(ref);

    const onRealTime = replaced(SYSTEM_CLOCK);
    onRealTime.schedule(ref, ref, { type: 'NEVER' }, Number.POSITIVE_INFINITY, 'never');
    onRealTime.schedule(ref, ref, { type: 'SOON' }, 2, 'soon'); // Infinity would be 1 ms
    await until(() => heard.length > 0, { what: 'the event that does come' });
    expect(heard).toEqual(['SOON']);
  });
});

describe('an inspector', () => {
  /** Whom an inspector takes a delayed event to come from, and the one that it is for. */
  function inspected(change: (system: System) => void = () => {}) {
    const clock = new WatchedClock();
    const [source, target] = [listener(), listener()];
    const { system } = createActor(createMachine({}), { clock });
    change(system);
    expect(replaceScheduler(system, clock)).toBe(true);
    const seen: unknown[] = [];
    system.inspect((event) => {
      if (event.type === '@xstate.event') seen.push([event.sourceRef, event.actorRef, event.event.type]);
    });
    system.scheduler.schedule(source.ref, target.ref, { type: 'A' }, 100, 'a');
    clock.increment(100);
    expect(target.heard).toEqual(['A']);
    return { seen, expected: [source.ref, target.ref, 'A'] };
  }

  test('learns whom a delayed event comes from', () => {
    const { seen, expected } = inspected();
    expect(seen).toEqual([expected]);
  });

  test('does not, where xstate has no way to say it; the event arrives all the same', () => {
    const { seen } = inspected((system) => Object.assign(system, { _relay: undefined }));
    expect(seen).toEqual([]);
  });
});

describe('an actor that stops', () => {
  /** Has three timers, all over its life. */
  const child = setup({ types: { events: {} as { type: 'END' } } }).createMachine({
    after: { 50: {}, 1000: {}, 2000: {} },
    initial: 'on',
    states: { on: { on: { END: 'off' } }, off: { type: 'final' } },
  });

  test("takes its own timers along, whichever way it ends, and nobody else's", () => {
    const clock = new WatchedClock();
    const parent = setup({
      types: { children: {} as { a: 'child'; b: 'child'; c: 'child' } },
      actors: { child },
    }).createMachine({
      entry: [sendTo(({ self }) => self, { type: 'LATE' }, { delay: 3_000, id: 'late' })],
      invoke: [
        { src: 'child', id: 'a' },
        { src: 'child', id: 'b' },
      ],
      on: { 'xstate.done.actor.*': {}, 'xstate.error.actor.*': {}, LATE: {} },
    });
    const root = createActor(parent, { clock });
    replaceScheduler(root.system, clock);
    root.start();
    const { a, b } = root.getSnapshot().children;
    const due = () => clock.pending.map((timer) => timer.due);
    expect(due()).toEqual([50, 50, 1_000, 1_000, 2_000, 2_000, 3_000]);
    clock.increment(50);
    expect(due()).toEqual([1_000, 1_000, 2_000, 2_000, 3_000]);
    a?.send({ type: 'END' });
    expect(due()).toEqual([1_000, 2_000, 3_000]);
    expect(b?.getSnapshot().status).toBe('active');
    root.stop();
    expect(due()).toEqual([]);
  });

  test('looks at its own timers only: 100 or 50 000 others cost the same', () => {
    const cost = (others: number) => {
      const clock = new WatchedClock();
      const scheduler = replaced(clock);
      const schedule = (): AnyActorRef => {
        const ref = { send: () => {} } as unknown as AnyActorRef;
        for (const id of ['1', '2']) scheduler.schedule(ref, ref, { type: 'A' }, 1_000, id);
        return ref;
      };
      for (let n = 0; n < others / 2; n++) schedule();
      let shortest = Number.POSITIVE_INFINITY;
      for (let round = 0; round < 10; round++) {
        const refs = Array.from({ length: 100 }, schedule);
        const { clearTimeout } = clock.calls;
        const before = performance.now();
        for (const ref of refs) scheduler.cancelAll(ref);
        shortest = Math.min(shortest, performance.now() - before);
        expect(clock.calls.clearTimeout - clearTimeout).toBe(2 * refs.length);
      }
      expect(clock.pending).toHaveLength(others);
      return shortest;
    };
    cost(100); // warm
    const [few, many] = [cost(100), cost(50_000)];
    // Looking at all of them would be 500 times as long.
    expect(many / few).toBeLessThan(20);
  });
});

describe('a system that has no such scheduler', () => {
  test.each(['schedule', 'cancel', 'cancelAll'])('is left as it is: without %s', (missing) => {
    const methods = { schedule: () => {}, cancel: () => {}, cancelAll: () => {}, [missing]: undefined };
    const system = { scheduler: { ...methods } } as unknown as System;
    expect(replaceScheduler(system, new WatchedClock())).toBe(false);
    expect(system.scheduler).toEqual(methods);
  });

  test('is left as it is: without any', () => {
    const system = {} as System;
    expect(replaceScheduler(system, new WatchedClock())).toBe(false);
    expect(system).toEqual({});
  });

  test('is not what the xstate that we have makes', () => {
    const { system } = createActor(createMachine({}));
    const { schedule } = system.scheduler;
    expect(replaceScheduler(system, SYSTEM_CLOCK)).toBe(true);
    expect(system.scheduler.schedule).not.toBe(schedule);
  });
});
