/** A drain by itself: what it tells the machine, and how long it waits for the last answers to leave. */
import { describe, expect, test } from 'vitest';
import { MAX_DELAY } from '../../src/clock.ts';
import type { SupervisorEvent } from '../../src/machines/supervisor.ts';
import type { LogEntry } from '../../src/options.ts';
import { checkDrainTimeout, drain } from '../../src/supervisor/drain.ts';
import { turns } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeExchange } from '../transport/fakeExchange.ts';
import { PassiveServer } from './life.ts';

/** How long the last answers may take, in ms. */
const FLUSH = 2_000;

function given(...exchanges: FakeExchange[]) {
  const clock = new WatchedClock();
  const sent: SupervisorEvent[] = [];
  const log: LogEntry['event'][] = [];
  let empty = () => {};
  const whenEmpty = new Promise<void>((resolve) => {
    empty = resolve;
  });
  const supervisor = {
    actor: { send: (event: SupervisorEvent) => void sent.push(event) },
    registry: { size: 0 },
    load: { drain: undefined },
    exchanges: new Set(exchanges),
    options: { clock, server: () => new PassiveServer(), shutdownTimeout: 10_000 },
    shelf: undefined,
    whenEmpty: () => whenEmpty,
    log: ({ event }: LogEntry) => void log.push(event),
  };
  return { supervisor, clock, sent, log, empty };
}

test.each([
  [undefined, undefined],
  [0, 0],
  [Number.POSITIVE_INFINITY, null],
])('a drain within %s tells the machine %s, and that nothing is left once that is so', async (timeout, told) => {
  const { supervisor, sent, empty } = given();
  const drained = drain(supervisor, timeout);
  await turns(1);
  expect(sent).toEqual([{ type: 'DRAIN', timeout: told }]);
  empty();
  await drained;
  expect(sent.slice(1)).toEqual([{ type: 'DRAINED' }]);
});

describe('an answer that is still leaving when nothing is left', () => {
  test('is waited for, and left alone', async () => {
    const [quick, slow] = [new FakeExchange(), new FakeExchange()];
    const { supervisor, clock, log, empty } = given(quick, slow);
    const drained = drain(supervisor, undefined);
    empty();
    quick.close();
    await turns(1);
    clock.increment(FLUSH - 1);
    await turns(1);
    expect(log).toEqual(['supervisor.draining']);
    slow.close();
    await drained;
    expect(log).toEqual(['supervisor.draining', 'supervisor.stopped']);
    expect([...quick.calls, ...slow.calls]).toEqual([]);
    expect(clock.pending).toEqual([]);
  });

  test('is given up after two seconds', async () => {
    const stuck = new FakeExchange();
    stuck.open({});
    stuck.calls.length = 0;
    const { supervisor, clock, log, empty } = given(stuck);
    const drained = drain(supervisor, undefined);
    empty();
    await turns(1);
    clock.increment(FLUSH);
    await drained;
    expect(stuck.calls).toEqual(['destroy']);
    expect(log).toEqual(['supervisor.draining', 'supervisor.stopped']);
  });
});

test('who has no answer by then is told why, and has half a second to hear it', async () => {
  const [hears, hearsNot] = [new FakeExchange(), new FakeExchange()];
  hearsNot.takesAll = false;
  const { supervisor, clock, log, empty } = given(hears, hearsNot);
  const drained = drain(supervisor, undefined);
  empty();
  await turns(1);
  clock.increment(FLUSH);
  await turns(1);
  for (const { calls } of [hears, hearsNot])
    expect(calls).toEqual([expect.stringMatching(/^respond 503 .*shutting down/)]);
  clock.increment(499);
  await turns(1);
  expect(log).toEqual(['supervisor.draining']);
  clock.increment(1);
  await drained;
  expect(hearsNot.calls.at(-1)).toBe('destroy');
});

test('a drain may take as long as a timer can, or for ever, and nothing else', () => {
  for (const timeout of [undefined, 0, MAX_DELAY, Number.POSITIVE_INFINITY]) checkDrainTimeout(timeout);
  for (const timeout of [-1, MAX_DELAY + 1, Number.NaN, '5', null]) {
    expect(() => checkDrainTimeout(timeout)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  }
});
