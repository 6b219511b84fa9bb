/** A session's black box: what is packed comes out again, in order, and never more than was asked for. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { END_REASONS } from '../../src/machines/reasons.ts';
import { History, type HistoryEvent, type HistoryEventName } from '../../src/supervisor/history.ts';
import { serve } from '../support/serve.ts';
import { until } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';

const SINCE = 1_700_000_000_000;

function fill(history: History, events: readonly HistoryEvent[]): void {
  for (const { at, event, inFlight, reason } of events) {
    if (event === 'terminated') history.recordEnd(at - SINCE, reason ?? 'terminated');
    else history.record(at - SINCE, event, inFlight);
  }
}

const names = fc.constantFrom<Exclude<HistoryEventName, 'terminated'>>(
  'opened',
  'active',
  'request',
  'response',
  'idle',
);
// A clock may be set back; two years is the longest that is told.
const at = fc.integer({ min: -(2 ** 36) + 1, max: 2 ** 36 - 1 }).map((elapsed) => SINCE + elapsed);
const line: fc.Arbitrary<HistoryEvent> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ at, event: names, inFlight: fc.integer({ min: 0, max: 8_191 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      at,
      event: fc.constant<'terminated'>('terminated'),
      inFlight: fc.constant(0),
      reason: fc.constantFrom(...END_REASONS),
    }),
  },
);

describe('a ring', () => {
  test('gives back the last that was recorded, oldest first, whatever its size', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40, size: 'max' }), fc.integer({ min: 1, max: 30 }), (events, size) => {
        const history = new History(size);
        fill(history, events);
        expect(history.events(SINCE)).toEqual(events.slice(-size));
      }),
    );
  });

  test('of size 0 keeps nothing', () => {
    const history = new History(0);
    history.record(0, 'opened', 1);
    history.recordEnd(0, 'idle');
    expect(history.events(SINCE)).toEqual([]);
  });

  test('what was looked at does not change afterwards', () => {
    const history = new History(2);
    history.record(1, 'opened', 1);
    const before = history.events(SINCE);
    history.record(2, 'idle', 0);
    history.record(3, 'active', 1);
    expect(before).toEqual([{ at: SINCE + 1, event: 'opened', inFlight: 1 }]);
  });

  test.each([
    ['a fraction of a millisecond', SINCE + 0.4, SINCE],
    ['more than two years', SINCE + 2 ** 37, SINCE + 2 ** 36 - 1],
    ['as long before it began', SINCE - 2 ** 37, SINCE - 2 ** 36 + 1],
  ])('%s is told as the nearest that can be', (_, given, told) => {
    const history = new History(4);
    history.record(given - SINCE, 'request', 3);
    expect(history.events(SINCE)).toEqual([{ at: told, event: 'request', inFlight: 3 }]);
  });
});

test('a process is told of with its number, and how it ended; in a record as well', () => {
  const history = new History(8);
  history.recordProcess(1, { event: 'child.started', generation: 2 });
  history.recordProcess(2, { event: 'child.exited', code: 3, signal: null });
  history.recordProcess(3, { event: 'child.exited', code: null, signal: 'SIGKILL' });
  history.recordProcess(4, { event: 'child.exited', code: 3_221_225_477, signal: null });
  history.recordProcess(5, { event: 'child.exited', code: null, signal: 'SIGNEW' });
  const told = [
    { at: SINCE + 1, event: 'child.started', inFlight: 0, generation: 2 },
    { at: SINCE + 2, event: 'child.exited', inFlight: 0, code: 3 },
    { at: SINCE + 3, event: 'child.exited', inFlight: 0, signal: 'SIGKILL' },
    { at: SINCE + 4, event: 'child.exited', inFlight: 0, code: 4_095 },
    { at: SINCE + 5, event: 'child.exited', inFlight: 0, signal: 'unknown' },
  ];
  expect(history.events(SINCE)).toEqual(told);
  const recalled = new History(8);
  recalled.recall(history.lines(8));
  expect(recalled.events(SINCE)).toEqual(told);
});

test('more in flight than can be packed is told as the most that can', () => {
  const history = new History(4);
  history.record(1, 'request', 100_000);
  expect(history.events(SINCE)).toEqual([{ at: SINCE + 1, event: 'request', inFlight: 8_191 }]);
});

describe('of a session that is served', () => {
  test('is bounded by historySize, and told once more when the session has ended', async () => {
    const { url, supervisor, events } = await serve({ historySize: 4 });
    const { sessionId } = await initialize(url);
    for (let n = 0; n < 5; n++) await call(url, sessionId, 'echo', { text: 'x' }, n + 1);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    const names = () => supervisor.session(sessionId)?.history.map(({ event }) => event);
    expect(names()).toEqual(['active', 'idle', 'active', 'idle']);
    await supervisor.terminate(sessionId);
    const last = events.at(-1)?.session.history;
    expect(last?.map(({ event, reason }) => [event, reason])).toEqual([
      ['idle', undefined],
      ['active', undefined],
      ['idle', undefined],
      ['terminated', 'terminated'],
    ]);
  });

  test('is a plain value: it survives a copy and JSON', async () => {
    const { url, supervisor } = await serve();
    const { sessionId } = await initialize(url);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    const info = supervisor.session(sessionId);
    expect(info?.history).toHaveLength(5);
    expect(structuredClone(info)).toEqual(info);
    expect(JSON.parse(JSON.stringify(info)).history).toEqual(info?.history);
  });

  test('tells the end of a session that never opened', async () => {
    const { url, events } = await serve({
      server: () => {
        throw new Error('no server');
      },
    });
    await expect(initialize(url)).rejects.toThrow();
    const [ended] = events;
    expect(ended?.session.history).toEqual([
      { at: expect.any(Number), event: 'terminated', inFlight: 0, reason: 'crashed' },
    ]);
  });
});
