/** Whether requests should be sent here: what makes it say no, and how often the store is asked. */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { SessionSupervisorOptions } from '../../src/options.ts';
import { readinessOf } from '../../src/supervisor/readiness.ts';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { supervise } from '../support/serve.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { withTimeout } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const READY = { ready: true, reasons: [] };
const NO_STORE = { ready: false, reasons: ['storeUnavailable'] };

function given(options: Partial<SessionSupervisorOptions> = {}) {
  const observed = supervise(options);
  onTestFinished(observed.stop);
  return observed.supervisor;
}

test('a supervisor that accepts is ready; one that drains, or has drained, is not', async () => {
  const supervisor = given();
  expect(await supervisor.readiness()).toEqual(READY);
  const drained = supervisor.drain();
  expect(await supervisor.readiness()).toEqual({ ready: false, reasons: ['draining'] });
  await drained;
  expect(await supervisor.readiness()).toEqual({ ready: false, reasons: ['draining'] });
});

describe('the session store', () => {
  function withStore() {
    const clock = new SimulatedClock();
    const sessionStore = controlledSessionStore();
    return { clock, sessionStore, supervisor: given({ clock, sessionStore }) };
  }

  test('that fails makes it not ready, until it works again', async () => {
    const { clock, sessionStore, supervisor } = withStore();
    sessionStore.before.load = () => Promise.reject(new Error('down'));
    expect(await supervisor.readiness()).toEqual(NO_STORE);
    delete sessionStore.before.load;
    await advance(clock, 1_000);
    expect(await supervisor.readiness()).toEqual(READY);
  });

  test('that throws, or answers what is no answer, does so too', async () => {
    const { clock, sessionStore, supervisor } = withStore();
    sessionStore.before.load = () => {
      throw new Error('broken');
    };
    expect(await supervisor.readiness()).toEqual(NO_STORE);
    delete sessionStore.before.load;
    sessionStore.instead.load = () => 'nonsense';
    await advance(clock, 1_000);
    expect(await supervisor.readiness()).toEqual(NO_STORE);
  });

  test('that hangs is given up after 1 s, not before, and asked anew', async () => {
    const { clock, sessionStore, supervisor } = withStore();
    sessionStore.before.load = () => new Promise(() => {});
    let told: unknown;
    void supervisor.readiness().then((readiness) => {
      told = readiness;
    });
    await advance(clock, 999);
    expect(told).toBe(undefined);
    await advance(clock, 1);
    expect(told).toEqual(NO_STORE);
    delete sessionStore.before.load;
    await advance(clock, 1_000);
    expect(await supervisor.readiness()).toEqual(READY);
  });

  test('is asked once a second, however many want to know', async () => {
    const { clock, sessionStore, supervisor } = withStore();
    const { calls } = sessionStore;
    await Promise.all(Array.from({ length: 1_000 }, () => supervisor.readiness()));
    expect(calls.load).toBe(1);
    await advance(clock, 999);
    await supervisor.readiness();
    expect(calls.load).toBe(1);
    await advance(clock, 1);
    await Promise.all([supervisor.readiness(), supervisor.readiness()]);
    expect(calls.load).toBe(2);
  });

  test('is not asked where nobody wants to know', async () => {
    const { clock, sessionStore } = withStore();
    await advance(clock, 60_000, 1_000);
    expect(sessionStore.calls.load).toBe(0);
  });

  test('a clock that was set back makes no answer last', async () => {
    let asked = 0;
    const load = async () => {
      asked++;
      return { verdict: 'gone' as const };
    };
    let now = 1_000_000;
    const clock = { now: () => now, setTimeout, clearTimeout };
    const readiness = readinessOf(
      { accepting: true, owner: undefined, options: { clock }, shelf: { records: { store: { load } } } },
      () => false,
    );
    await readiness();
    now -= 500_000;
    await readiness();
    expect(asked).toBe(2);
  });
});

test.each([
  [null, { ready: false, reasons: ['notJoined'] }],
  ['a life', READY],
])('a node whose life is %s: %j', async (owner, expected) => {
  const clock = new SimulatedClock() as never;
  const readiness = readinessOf({ accepting: true, owner, options: { clock }, shelf: undefined }, () => false);
  expect(await readiness()).toEqual(expected);
});

describe('drain({ delay })', () => {
  test('is not ready at once, and refuses nothing until the delay is over', async () => {
    const clock = new SimulatedClock();
    const { supervisor, log, stop } = supervise({ clock });
    onTestFinished(stop);
    const drained = supervisor.drain({ delay: 5_000 });
    expect(await supervisor.readiness()).toEqual({ ready: false, reasons: ['draining'] });
    expect(log.map(({ event }) => event)).toEqual(['supervisor.leaving']);
    await advance(clock, 4_999);
    expect(supervisor.actor.getSnapshot().value).toBe('accepting');
    await advance(clock, 1);
    expect(supervisor.actor.getSnapshot().value).not.toBe('accepting');
    await withTimeout(drained, { what: 'the drain' });
    expect(log.map(({ event }) => event)).toEqual(['supervisor.leaving', 'supervisor.draining', 'supervisor.stopped']);
  });

  test.each([
    ['without one', undefined],
    ['with less', 10],
  ])('a second call %s makes it shorter, and both wait for the same', async (_, delay) => {
    const clock = new SimulatedClock();
    const supervisor = given({ clock });
    const first = supervisor.drain({ delay: 60_000 });
    const second = supervisor.drain({ delay });
    await advance(clock, 10);
    await withTimeout(Promise.all([first, second]), { what: 'both drains' });
    expect(supervisor.actor.getSnapshot().value).toBe('stopped');
  });

  test('a second call with more changes nothing', async () => {
    const clock = new SimulatedClock();
    const supervisor = given({ clock });
    const drains = [supervisor.drain({ delay: 100 }), supervisor.drain({ delay: 60_000 })];
    await advance(clock, 100);
    await withTimeout(Promise.all(drains), { what: 'both drains' });
    expect(supervisor.actor.getSnapshot().value).toBe('stopped');
  });

  test('a logger that drains when it is told has it begin, and leaves no timer', async () => {
    const clock = new WatchedClock();
    const { supervisor, log, stop } = supervise({
      clock,
      logger: ({ event }) => {
        if (event === 'supervisor.leaving') void supervisor.drain({ delay: 50_000 }).then(() => supervisor.drain());
        if (event === 'supervisor.leaving') void supervisor.drain();
      },
    });
    onTestFinished(stop);
    await withTimeout(supervisor.drain({ delay: 60_000 }), { what: 'the drain' });
    expect(log.filter(({ event }) => event === 'supervisor.leaving')).toHaveLength(1);
    expect(clock.pending).toEqual([]);
  });

  test('who stops the root meanwhile has it begin', async () => {
    const clock = new SimulatedClock();
    const supervisor = given({ clock });
    const drained = supervisor.drain({ delay: 60_000 });
    supervisor.actor.stop();
    await withTimeout(drained, { what: 'the drain' });
    expect(supervisor.actor.getSnapshot().value).toBe('stopped');
  });

  test.each([-1, Number.POSITIVE_INFINITY, Number.NaN, 2 ** 31, '5s'])(
    '%s is refused, and nothing drains',
    async (delay) => {
      const supervisor = given();
      await expect(supervisor.drain({ delay } as never)).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringContaining('The delay of a drain must be a number of milliseconds from 0 to 2147483647'),
      });
      expect(await supervisor.readiness()).toEqual(READY);
    },
  );
});
