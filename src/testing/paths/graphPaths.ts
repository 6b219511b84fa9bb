/** Paths through the graph of a model: which steps to take so that all of it is covered. */
import type { AdjacencyMap } from 'xstate/graph';
import { random } from '../random.ts';

/** Which paths are made. */
export type Coverage =
  /** Every transition. */
  | 'transitions'
  /** Every transition after every transition that can come before it. */
  | 'pairs'
  /** Random walks. */
  | 'random';

export interface CoverageOptions {
  /** Default `'transitions'`. */
  coverage?: Coverage | undefined;
  /** Of random walks: the seed. Default 1. */
  seed?: number | undefined;
  /** Of random walks: how many. Default 50. */
  walks?: number | undefined;
  /** Of random walks: the most steps of one. Default 20. */
  length?: number | undefined;
}

/** A transition of a model: what leads from one state to another, both by name. */
export interface Edge<Step> {
  readonly from: string;
  readonly to: string;
  readonly step: Step;
}

/** All edges of a graph, those of its first state first. */
export function edgesOf<State, Event, Step>(
  graph: AdjacencyMap<State, Event>,
  edge: (state: State, event: Event, next: State) => Edge<Step>,
): Edge<Step>[] {
  type Vertex = AdjacencyMap<State, Event>[keyof AdjacencyMap<State, Event>];
  type Leaving = Vertex['transitions'][keyof Vertex['transitions']];
  const vertices = Object.values(graph as unknown as Record<string, Vertex>);
  return vertices.flatMap(({ state, transitions }) =>
    Object.values<Leaving>(transitions).map(({ event, state: next }) => edge(state, event, next)),
  );
}

/** The edges by the state that they leave. */
export function leavingEach<Step>(edges: readonly Edge<Step>[]): Map<string, Edge<Step>[]> {
  const leaving = new Map<string, Edge<Step>[]>();
  for (const edge of edges) {
    const others = leaving.get(edge.from);
    if (others === undefined) leaving.set(edge.from, [edge]);
    else others.push(edge);
  }
  return leaving;
}

/** The shortest way to each state, then each transition (and each that can follow it). */
export function coveringPaths<Step>(edges: readonly Edge<Step>[], coverage: 'transitions' | 'pairs'): Step[][] {
  const leaving = leavingEach(edges);
  const start = edges[0]?.from ?? '';
  const shortest = new Map<string, Step[]>([[start, []]]);
  for (const [state, path] of shortest) {
    for (const { to, step } of leaving.get(state) ?? []) if (!shortest.has(to)) shortest.set(to, [...path, step]);
  }
  return edges.flatMap(({ from, to, step }) => {
    const path = [...(shortest.get(from) ?? []), step];
    const next = coverage === 'pairs' ? (leaving.get(to) ?? []) : [];
    return next.length === 0 ? [path] : next.map((following) => [...path, following.step]);
  });
}

/** What random walks need of a model. */
export interface Walkable<State, Choice, Step> {
  readonly start: State;
  /** What can be done in a state. */
  choices(state: State): readonly Choice[];
  take(state: State, choice: Choice): { readonly step: Step; readonly next: State };
}

/** Random walks through a model; the same for the same seed. They end early where nothing leads on. */
export function randomPaths<State, Choice, Step>(
  model: Walkable<State, Choice, Step>,
  { seed = 1, walks = 50, length = 20 }: CoverageOptions,
): Step[][] {
  const next = random(seed);
  return Array.from({ length: walks }, () => {
    const path: Step[] = [];
    for (let state = model.start; path.length < length; ) {
      const choices = model.choices(state);
      const choice = choices[Math.floor(next() * choices.length)];
      if (choice === undefined) break;
      const taken = model.take(state, choice);
      path.push(taken.step);
      state = taken.next;
    }
    return path;
  });
}
