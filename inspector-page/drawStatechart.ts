/** Lays the session's statechart out, from the machine itself, when the page is built. */
import dagre from '@dagrejs/dagre';
import { machineEdges, STATES } from '../src/inspector/machineEdges.ts';
import type { Drawing } from './src/drawing.ts';

/** In the drawing's own units: those of its text are about pixels. */
const STATE = { width: 132, height: 64 };
const CHARACTER = 6.3;
const LINE = 14;

export function drawStatechart(): Drawing {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 46, ranksep: 34, edgesep: 22, marginx: 6, marginy: 10 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const state of STATES) graph.setNode(state, { ...STATE });
  const edges = edgesByEnds();
  for (const { from, to, lines } of edges) {
    const width = Math.max(...lines.map((line) => line.length)) * CHARACTER + 8;
    graph.setEdge(from, to, { width, height: lines.length * LINE + 2, labelpos: 'c' });
  }
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    width: Math.round(width),
    height: Math.round(height),
    states: STATES.map((name) => {
      const { x, y } = graph.node(name) as Point;
      return { name, x: round(x - STATE.width / 2), y: round(y - STATE.height / 2), ...STATE };
    }),
    edges: edges.map(({ from, to, lines }) => {
      const { points, x, y } = graph.edge(from, to) as unknown as Point & { points: Point[] };
      return { from, to, lines, path: curve(points), x: round(x), y: round(y) };
    }),
  };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Several ways from one state to another are one line with several labels. */
function edgesByEnds() {
  const byEnds = new Map<string, { from: string; to: string; lines: string[] }>();
  for (const { from, to, event, guard } of machineEdges()) {
    const edge = byEnds.get(`${from}→${to}`) ?? { from, to, lines: [] };
    byEnds.set(`${from}→${to}`, edge);
    // That a delay must be bounded to pass goes without saying; other guards matter.
    edge.lines.push(guard === undefined || event.startsWith('after ') ? event : `${event} [${guard}]`);
  }
  return [...byEnds.values()];
}

/** A smooth line through the middles of what dagre gives, with straight ends. */
function curve(points: readonly Point[]): string {
  const at = ({ x, y }: Point): string => `${round(x)},${round(y)}`;
  const [first, ...rest] = points;
  const last = rest.pop();
  if (first === undefined || last === undefined) return '';
  let path = `M${at(first)}`;
  rest.forEach((point, i) => {
    const next = rest[i + 1];
    path += next === undefined ? `Q${at(point)} ${at(last)}` : `Q${at(point)} ${at(middle(point, next))}`;
  });
  return rest.length === 0 ? `${path}L${at(last)}` : path;
}

function middle(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
