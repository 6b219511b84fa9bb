/** The last minutes as the page plots them: what the server kept, and then what it tells. */
import { expect, test } from 'vitest';
import { Sessions } from '../../inspector-page/src/sessions.ts';
import { Trend } from '../../inspector-page/src/trend.ts';
import {
  type DeltaFrame,
  type HelloFrame,
  type SnapshotFrame,
  type Totals,
  TREND_SPAN,
  type TrendPoint,
} from '../../src/inspector/protocol.ts';

const START = 1_000_000;

/** A point with so many calls, after so many sessions were opened, and so many requests refused. */
const point = (at: number, calls: number, opened = 0, refused = 0): TrendPoint => {
  return [START + at, 0, 0, 0, 0, 0, calls, 0, opened, 0, 0, 0, refused];
};

const totals = (calls: number, opened = 0, refused = 0): Totals => ({
  states: { initializing: 0, active: 0, idle: 0 },
  reasons: {} as Totals['reasons'],
  opened,
  parked: 0,
  restored: 0,
  ended: 0,
  calls,
  streams: 0,
  refused: refused === 0 ? {} : { full: refused },
  evicted: { parked: 0, ended: 0 },
});

const callsOf = (trend: Trend) => trend.curves([({ calls }) => calls]).map((values) => [...values]);

const NOTHING = { rows: [], changes: [], gone: [], parked: [], ended: [], transitions: {}, pending: 0 };

test('the plots begin with what the server kept, go on with what it tells, and begin anew with the next snapshot', () => {
  const sessions = new Sessions();
  const hello = () => sessions.hear({ type: 'hello', maxEnded: 1, now: START } as HelloFrame);
  const snapshot = (at: number, trend: readonly TrendPoint[]) => {
    const frame = { ...NOTHING, type: 'snapshot', at: START + at, first: true, last: true, missed: 0, trend };
    sessions.hear({ ...frame, totals: totals(at) } as unknown as SnapshotFrame);
  };
  hello();
  snapshot(2_500, [point(0, 1), point(1_000, 2), point(2_000, 3)]);
  sessions.hear({ ...NOTHING, type: 'delta', at: START + 2_750, totals: totals(4) } satisfies DeltaFrame);
  expect(callsOf(sessions.trend)).toEqual([
    [1_000, 1_001, 1_002, 1_002.5, 1_002.75],
    [1, 2, 3, 2_500, 4],
  ]);
  hello(); // it came back
  snapshot(9_000, [point(2_000, 3), point(8_000, 5)]);
  expect(callsOf(sessions.trend)).toEqual([
    [1_002, 1_008, 1_009],
    [3, 5, 9_000],
  ]);
});

test('rates are counted across the visit, over a second at least', () => {
  const trend = new Trend();
  trend.restart([point(0, 0, 10, 2), point(1_000, 0, 14, 2)]);
  trend.add(START + 1_250, totals(0, 16, 12));
  trend.add(START + 2_000, totals(0, 20, 12));
  const [, opened, refused] = trend.curves([({ openedRate }) => openedRate, ({ refusedRate }) => refusedRate]);
  expect(opened).toEqual([0, 4, 4.8, 6]);
  expect(refused).toEqual([0, 0, 8, 10]);
});

test('what is older than the span is forgotten, and a clock that was set back draws over', () => {
  const trend = new Trend();
  trend.restart([point(0, 1), point(1_000, 2)]);
  trend.add(START + TREND_SPAN + 500, totals(3));
  expect(callsOf(trend)[1]).toEqual([2, 3]);
  trend.add(START + 2_000, totals(4));
  expect(callsOf(trend)[1]).toEqual([2, 4]);
});
