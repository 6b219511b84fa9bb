/** What the page makes of the feed: which sessions it has where, whatever comes in which order. */
import { expect, test } from 'vitest';
import { EVERYTHING, pick } from '../../inspector-page/src/pick.ts';
import { Sessions } from '../../inspector-page/src/sessions.ts';
import type { DeltaFrame, EndedRow, HelloFrame, ParkedRow, Row, SnapshotFrame } from '../../src/inspector/protocol.ts';

const totals = {
  states: { initializing: 0, restoring: 0, active: 0, idle: 0, parked: 0 },
  refused: {},
} as DeltaFrame['totals'];
const NOTHING = { rows: [], changes: [], gone: [], parked: [], ended: [], transitions: {}, pending: 0 };

const row = (key: string, more: Partial<Row> = {}): Row =>
  ({ key, state: 'idle', createdAt: 0, principal: null, client: null, ...more }) as Row;
const parked = (key: string, parkedAt = 0): ParkedRow => ({ ...row(key), state: 'parked', parkedAt });
const ended = (key: string): EndedRow => ({ ...row(key), state: 'terminated', reason: 'idle', endedAt: 0 });

function page(maxEnded = 100) {
  const sessions = new Sessions();
  sessions.hear({ type: 'hello', maxEnded, now: 0 } as HelloFrame);
  const snapshot = (frame: Partial<SnapshotFrame>) =>
    sessions.hear({ ...NOTHING, type: 'snapshot', at: 0, first: true, last: true, totals, missed: 0, ...frame });
  const delta = (frame: Partial<DeltaFrame>) => sessions.hear({ ...NOTHING, type: 'delta', at: 0, totals, ...frame });
  const where = () => ({
    live: [...sessions.live.keys()],
    parked: [...sessions.parked.keys()],
    ended: [...sessions.ended.keys()],
  });
  return { sessions, snapshot, delta, where };
}

test('a session that is parked moves there, back when it is brought back, and on when it ends', () => {
  const { snapshot, delta, where } = page();
  snapshot({ rows: [row('a'), row('b')], parked: [parked('c')] });
  expect(where()).toEqual({ live: ['a', 'b'], parked: ['c'], ended: [] });
  delta({ gone: ['a'], parked: [parked('a', 1)] });
  expect(where()).toEqual({ live: ['b'], parked: ['c', 'a'], ended: [] });
  delta({ rows: [row('a', { epoch: 2 })] });
  expect(where()).toEqual({ live: ['b', 'a'], parked: ['c'], ended: [] });
  delta({ gone: ['c'], ended: [ended('c')] });
  expect(where()).toEqual({ live: ['b', 'a'], parked: [], ended: ['c'] });
});

test('one that is being brought back is still parked until it is', () => {
  const { snapshot, delta, where } = page();
  snapshot({ parked: [parked('a'), parked('b')] });
  delta({ rows: [row('a', { state: 'restoring' }), row('b', { state: 'restoring' })] });
  expect(where()).toEqual({ live: ['a', 'b'], parked: ['a', 'b'], ended: [] });
  delta({ gone: ['a'], changes: [['b', 'active', 1, 1, 0, 0, null]] });
  expect(where()).toEqual({ live: ['b'], parked: ['a'], ended: [] });
});

test('no more are kept than the server keeps, the longest parked are forgotten first', () => {
  const { snapshot, delta, where } = page(3);
  snapshot({ last: false });
  delta({ parked: [parked('new', 9)] });
  snapshot({ first: false, parked: [parked('a', 1), parked('b', 2), parked('new', 9)] });
  delta({ parked: [parked('newer', 10)] });
  expect(where().parked).toEqual(['b', 'new', 'newer']);
});

test('the filter has those that are parked, the last one first, and none of them among those that live here', () => {
  const { sessions, snapshot } = page();
  snapshot({ rows: [row('a')], parked: [parked('b', 1), parked('c', 2)], ended: [ended('d')] });
  const shown = (state: Parameters<Sessions['of']>[0]) =>
    pick(sessions, { ...EVERYTHING, state }, { by: 'age', descending: false }).map(({ key }) => key);
  expect([shown('live'), shown('idle'), shown('parked'), shown('terminated')]).toEqual([
    ['a'],
    ['a'],
    ['c', 'b'],
    ['d'],
  ]);
});
