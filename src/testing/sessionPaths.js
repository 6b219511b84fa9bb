import { random } from './random.ts';
import { eventName, expectation, sessionGraph, stateName } from './sessionModel.ts';
/** Paths over the session machine: shortest first, none the beginning of another. */
export function sessionPaths(options = {}) {
  const timeouts = {
    initializeTimeout: null,
    sessionIdleTimeout: null,
    maxSessionLifetime: null,
    ...options.timeouts,
  };
  const { coverage = 'transitions', maxInFlight = 2, endings = ['deleted'], holdInitialize = false } = options;
  const edges = edgesOf(sessionGraph({ timeouts, maxInFlight, endings, holdInitialize }));
  const paths = coverage === 'random' ? walks(edges, options) : covering(edges, coverage);
  return withoutPrefixes(paths).map((path) => ({ steps: path.map(({ step }) => step), timeouts }));
}
/** A path as a readable script, one step a line. */
export function describePath({ steps }) {
  return steps.map(({ transition }) => transition);
}
function edgesOf(graph) {
  const vertices = Object.values(graph);
  return vertices.flatMap(({ state, transitions }) =>
    Object.values(transitions).map(({ event, state: next }) => {
      const [from, to] = [stateName(state), stateName(next)];
      const transition = `${from} --${eventName(event)}--> ${to}`;
      return { from, to, step: { event, expected: expectation(next), transition } };
    }),
  );
}
/** The shortest way to each state, then each transition (and each that can follow it). */
function covering(edges, coverage) {
  const leaving = groupBy(edges, ({ from }) => from);
  const start = edges[0]?.from ?? '';
  const shortest = new Map([[start, []]]);
  for (const [state, path] of shortest) {
    for (const edge of leaving.get(state) ?? []) if (!shortest.has(edge.to)) shortest.set(edge.to, [...path, edge]);
  }
  return edges.flatMap((edge) => {
    const path = [...(shortest.get(edge.from) ?? []), edge];
    const next = coverage === 'pairs' ? (leaving.get(edge.to) ?? []) : [];
    return next.length === 0 ? [path] : next.map((following) => [...path, following]);
  });
}
function walks(edges, { seed = 1, walks: count = 50, length = 20 }) {
  const leaving = groupBy(edges, ({ from }) => from);
  const start = edges[0]?.from ?? '';
  const next = random(seed);
  return Array.from({ length: count }, () => {
    const path = [];
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
function withoutPrefixes(paths) {
  const prefixes = new Set();
  const kept = [];
  for (const path of [...paths].sort((a, b) => b.length - a.length)) {
    const names = path.map(({ step }) => step.transition);
    if (prefixes.has(names.join('\n'))) continue;
    for (let n = 1; n <= names.length; n++) prefixes.add(names.slice(0, n).join('\n'));
    kept.push(path);
  }
  return kept.reverse();
}
function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
