/** The statechart of the page is the one that the machine has: every state and every way is drawn, and in the picture. */
import { expect, test } from 'vitest';
import { drawStatechart } from '../../inspector-page/drawStatechart.ts';
import { machineEdges, STATES } from '../../src/inspector/machineEdges.ts';

const { states, edges, width, height } = drawStatechart();

test('every state is drawn, within the picture, and none upon another', () => {
  expect(states.map(({ name }) => name)).toEqual(STATES);
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
  const real = machineEdges().map(({ from, to, event }) => `${from}→${to} ${event}`);
  expect(drawn.toSorted()).toEqual(real.toSorted());
  for (const { path } of edges) expect(path).toMatch(/^M[\d.]+,[\d.]+(?:[QL][\d., ]+)+$/);
});
