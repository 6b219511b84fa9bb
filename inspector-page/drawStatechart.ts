/** Lays the session's statechart out, from the machine itself, when the page is built: with what records add, and without. */
import dagre from '@dagrejs/dagre';
import { machineEdges, STATES, STATES_WITH_RECORDS } from '../src/inspector/machineEdges.ts';
import type { MachineEdge } from '../src/inspector/protocol.ts';
import type { Drawing, DrawnEdge } from './src/drawing.ts';

/** In the drawing's own units: those of its text are about pixels. */
const STATE = { width: 132, height: 64 };
const CHARACTER = 6.3;
const LINE = 14;

/** `records`: whether a session store keeps records, so that sessions are parked and restored. */
export function drawStatechart({ records }: { readonly records: boolean }): Drawing {
  const states = STATES.filter((state) => records || !STATES_WITH_RECORDS.includes(state));
  const edges = edgesByEnds().filter(({ from, to }) => states.includes(from) && states.includes(to));
  const upright = edges.filter(isUpright);
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 46, ranksep: 34, edgesep: 22, marginx: 6, marginy: 10 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const state of states) graph.setNode(state, { ...STATE });
  for (const edge of edges) {
    if (upright.includes(edge)) continue;
    const { from, to, lines } = edge;
    const width = Math.max(...lines.map((line) => line.length)) * CHARACTER + 8;
    // Time goes to the right, in the order of the machine's states; a way back is laid out the other way round.
    const [left, right] = isBack(edge) ? [to, from] : [from, to];
    graph.setEdge(left, right, { width, height: lines.length * LINE + 2, labelpos: 'c' }, nameOf(edge));
  }
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const at = (state: string): Point => graph.node(state) as Point;
  return {
    width: Math.round(width),
    height: Math.round(height),
    states: states.map((name) => {
      const { x, y } = at(name);
      return { name, x: round(x - STATE.width / 2), y: round(y - STATE.height / 2), ...STATE };
    }),
    edges: edges.map((edge) => {
      if (upright.includes(edge)) return { ...edge, ...straight(at(edge.from), at(edge.to)) };
      const { from, to } = edge;
      const [left, right] = isBack(edge) ? [to, from] : [from, to];
      const { points, x, y } = graph.edge(left, right, nameOf(edge)) as unknown as Point & { points: Point[] };
      return { ...edge, path: curve(isBack(edge) ? points.toReversed() : points), x: round(x), y: round(y) };
    }),
  };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

type Ends = Pick<MachineEdge, 'from' | 'to'>;

/** The two ends of a session stand one above the other, and the way between them does not make the picture wider. */
function isUpright({ from, to }: Ends): boolean {
  return from === 'parked' && to === 'terminated';
}

function isBack({ from, to }: Ends): boolean {
  return STATES.indexOf(from) > STATES.indexOf(to);
}

function nameOf({ from, to }: Ends): string {
  return `${from}→${to}`;
}

/** Several ways from one state to another are one line with several labels. */
function edgesByEnds(): (Ends & Pick<DrawnEdge, 'lines' | 'byRecord'>)[] {
  const byEnds = new Map<string, Ends & { lines: string[]; byRecord: boolean }>();
  for (const { from, to, event, guard, byRecord = false } of machineEdges()) {
    const edge = byEnds.get(`${from}→${to}`) ?? { from, to, lines: [], byRecord };
    byEnds.set(`${from}→${to}`, edge);
    // That a delay must be bounded to pass goes without saying; other guards matter.
    edge.lines.push(guard === undefined || event.startsWith('after ') ? event : `${event} [${guard}]`);
  }
  return [...byEnds.values()];
}

/** A line from the edge of one state to the edge of another above or below it. */
function straight(from: Point, to: Point): Pick<DrawnEdge, 'path' | 'x' | 'y'> {
  const half = Math.sign(to.y - from.y) * (STATE.height / 2);
  const { x, y } = middle(from, to);
  return {
    path: `M${round(from.x)},${round(from.y + half)}L${round(to.x)},${round(to.y - half)}`,
    x: round(x),
    y: round(y),
  };
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
