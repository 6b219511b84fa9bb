/** The statechart of the page is the one that the machine has: every state and every way is drawn, and in the picture. */
import { describe, expect, test } from 'vitest';
import { drawStatechart } from '../../inspector-page/drawStatechart.ts';
import { machineEdges, STATES } from '../../src/inspector/machineEdges.ts';
import { sessionMachine } from '../../src/machines/index.ts';

const WITHOUT_RECORDS = ['initializing', 'active', 'idle', 'terminated'];

describe.each([
  { records: true, names: STATES },
  { records: false, names: WITHOUT_RECORDS },
])('where records are kept: $records', ({ records, names }) => {
  const { states, edges, width, height } = drawStatechart({ records });

  test('every state is drawn, within the picture, and none upon another', () => {
    expect(states.map(({ name }) => name)).toEqual(names);
    for (const a of states) {
      expect(a.x).toBeGreaterThanOrEqual(0);
      expect(a.y).toBeGreaterThanOrEqual(0);
      expect(a.x + a.width).toBeLessThanOrEqual(width);
      expect(a.y + a.height).toBeLessThanOrEqual(height);
      const upon = states.filter((b) => Math.abs(a.x - b.x) < a.width && Math.abs(a.y - b.y) < a.height);
      expect(upon).toEqual([a]);
    }
  });

  test('every transition from one state to another is drawn, with what leads there', () => {
    const drawn = edges.flatMap(({ from, to, lines }) => lines.map((line) => `${from}→${to} ${line.split(' [')[0]}`));
    const real = machineEdges()
      .filter(({ from, to }) => names.includes(from) && names.includes(to))
      .map(({ from, to, event }) => `${from}→${to} ${event}`);
    expect(drawn.toSorted()).toEqual(real.toSorted());
    for (const { path } of edges) expect(path).toMatch(/^M[\d.]+,[\d.]+(?:[QL][\d., ]+)+$/);
  });

  test('every line begins at the state that it leaves, and ends at the other', () => {
    const touches = (name: string, [x, y]: readonly number[]) => {
      const state = states.find((one) => one.name === name);
      if (state === undefined || x === undefined || y === undefined) return false;
      const within = (value: number, from: number, length: number) => value >= from - 1 && value <= from + length + 1;
      return within(x, state.x, state.width) && within(y, state.y, state.height);
    };
    for (const { from, to, path } of edges) {
      const points = path.split(/[MQL ]/).flatMap((point) => (point === '' ? [] : [point.split(',').map(Number)]));
      expect([from, to, touches(from, points[0] ?? []), touches(to, points.at(-1) ?? [])]).toEqual([
        from,
        to,
        true,
        true,
      ]);
    }
  });

  test('what a session does by its record is drawn apart', () => {
    const apart = edges.filter(({ byRecord }) => byRecord).map(({ from, to }) => `${from}→${to}`);
    expect(apart.toSorted()).toEqual(records ? ['parked→restoring', 'parked→terminated'] : []);
  });
});

test('an actor of a session that is brought back begins in restoring: nothing else leads by itself to another state', () => {
  const { states } = sessionMachine.root;
  const always = Object.values(states).flatMap(({ key, always: ways = [] }) =>
    ways.map(({ target, guard }) => `${key} → ${target?.[0]?.key} [${String(guard)}]`),
  );
  expect(always).toEqual(['initializing → restoring [isRestored]']);
  expect(states['parked']?.type).toBe('final');
});
