/** Paths over the session model: which steps to take so that all of it is covered, and what must be so after each. */
import type { AdjacencyMap } from 'xstate/graph';
import type { EndReason } from '../index.ts';
import type { SessionTimeouts } from '../machines/index.ts';
import { random } from './random.ts';
import {
  type Expectation,
  eventName,
  expectation,
  type ModelEvent,
  type ModelState,
  sessionGraph,
  stateName,
} from './sessionModel.ts';

/** Which paths are made. */
export type Coverage =
  /** Every transition. */
  | 'transitions'
  /** Every transition after every transition that can come before it. */
  | 'pairs'
  /** Random walks. */
  | 'random';

export interface SessionPathsOptions {
  /** Default `'transitions'`. */
  coverage?: Coverage | undefined;
  /** The timers that the server has, in ms; `null` or left out: none. */
  timeouts?: Partial<SessionTimeouts> | undefined;
  /** The most that may be in flight at a time. Default 2. */
  maxInFlight?: number | undefined;
  /** Something can be kept in flight: a call that lasts, or a GET stream. Default true. */
  holds?: boolean | undefined;
  /** How a session can be ended from outside. Default `['deleted']`: by DELETE. */
  endings?: readonly EndReason[] | undefined;
  /** The driver can make an initialize wait for its answer. Default false. */
  holdInitialize?: boolean | undefined;
  /** Of random walks: the seed. Default 1. */
  seed?: number | undefined;
  /** Of random walks: how many. Default 50. */
  walks?: number | undefined;
  /** Of random walks: the most steps of one. Default 20. */
  length?: number | undefined;
}

/** One thing that happens, and what must be so afterwards. */
export interface PathStep {
  readonly event: ModelEvent;
  readonly expected: Expectation;
  /** The transition that it takes, by name: `idle --REQUEST--> active(1)`. */
  readonly transition: string;
}

/** A way through the model, from the initialize on. */
export interface SessionPath {
  readonly steps: readonly PathStep[];
  readonly timeouts: SessionTimeouts;
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly step: PathStep;
}

/** Paths over the session machine: shortest first, none the beginning of another. */
export function sessionPaths(options: SessionPathsOptions = {}): SessionPath[] {
  const timeouts: SessionTimeouts = {
    initializeTimeout: null,
    sessionIdleTimeout: null,
    maxSessionLifetime: null,
    ...options.timeouts,
  };
  const { coverage = 'transitions', maxInFlight = 2, holds = true } = options;
  const { endings = ['deleted'], holdInitialize = false } = options;
  const edges = edgesOf(sessionGraph({ timeouts, maxInFlight, holds, endings, holdInitialize }));
  const paths = coverage === 'random' ? walks(edges, options) : covering(edges, coverage);
  return withoutPrefixes(paths).map((path) => ({ steps: path.map(({ step }) => step), timeouts }));
}

/** A path as a readable script, one step a line. */
export function describePath({ steps }: SessionPath): string[] {
  return steps.map(({ transition }) => transition);
}

function edgesOf(graph: AdjacencyMap<ModelState, ModelEvent>): Edge[] {
  type Vertex = AdjacencyMap<ModelState, ModelEvent>[keyof AdjacencyMap<ModelState, ModelEvent>];
  const vertices = Object.values(graph as unknown as Record<string, Vertex>);
  return vertices.flatMap(({ state, transitions }) =>
    Object.values<Vertex['transitions'][keyof Vertex['transitions']]>(transitions).map(({ event, state: next }) => {
      const [from, to] = [stateName(state), stateName(next)];
      const transition = `${from} --${eventName(event)}--> ${to}`;
      return { from, to, step: { event, expected: expectation(next), transition } };
    }),
  );
}

/** The shortest way to each state, then each transition (and each that can follow it). */
function covering(edges: readonly Edge[], coverage: 'transitions' | 'pairs'): Edge[][] {
  const leaving = groupBy(edges, ({ from }) => from);
  const start = edges[0]?.from ?? '';
  const shortest = new Map<string, Edge[]>([[start, []]]);
  for (const [state, path] of shortest) {
    for (const edge of leaving.get(state) ?? []) if (!shortest.has(edge.to)) shortest.set(edge.to, [...path, edge]);
  }
  return edges.flatMap((edge) => {
    const path = [...(shortest.get(edge.from) ?? []), edge];
    const next = coverage === 'pairs' ? (leaving.get(edge.to) ?? []) : [];
    return next.length === 0 ? [path] : next.map((following) => [...path, following]);
  });
}

function walks(edges: readonly Edge[], { seed = 1, walks: count = 50, length = 20 }: SessionPathsOptions): Edge[][] {
  const leaving = groupBy(edges, ({ from }) => from);
  const start = edges[0]?.from ?? '';
  const next = random(seed);
  return Array.from({ length: count }, () => {
    const path: Edge[] = [];
    for (let state = start; path.length < length; ) {
      const choices = leaving.get(state) ?? [];
      const edge = choices[Math.floor(next() * choices.length)];
      if (edge === undefined) break;
      path.push(edge);
      state = edge.to;
    }
    return path;
  });
}

function withoutPrefixes(paths: readonly Edge[][]): Edge[][] {
  const prefixes = new Set<string>();
  const kept: Edge[][] = [];
  for (const path of [...paths].sort((a, b) => b.length - a.length)) {
    const names = path.map(({ step }) => step.transition);
    if (prefixes.has(names.join('\n'))) continue;
    for (let n = 1; n <= names.length; n++) prefixes.add(names.slice(0, n).join('\n'));
    kept.push(path);
  }
  return kept.reverse();
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
