/** Paths over the session model: which steps to take so that all of it is covered, and what must be so after each. */
import type { EndReason } from '../../index.ts';
import type { SessionTimeouts } from '../../machines/index.ts';
import { type CoverageOptions, coveringPaths, edgesOf, leavingEach, randomPaths } from './graphPaths.ts';
import { type Expectation, eventName, expectation, type ModelEvent, sessionGraph, stateName } from './sessionModel.ts';

export type { Coverage } from './graphPaths.ts';

/** Options of `sessionPaths`. */
export interface SessionPathsOptions extends CoverageOptions {
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

/** How much likelier a random walk goes on than that it ends. */
const GOING_ON = 5;

/**
 * Paths over the session machine: shortest first, none the beginning of another.
 * @example
 * ```ts
 * import { sessionPaths } from 'mcp-session-supervisor/testing';
 *
 * const paths = sessionPaths({ coverage: 'pairs', timeouts: { sessionIdleTimeout: 2_000 } });
 * ```
 */
export function sessionPaths(options: SessionPathsOptions = {}): SessionPath[] {
  const timeouts: SessionTimeouts = {
    initializeTimeout: null,
    sessionIdleTimeout: null,
    maxSessionLifetime: null,
    ...options.timeouts,
  };
  const { coverage = 'transitions', maxInFlight = 2, holds = true } = options;
  const { endings = ['deleted'], holdInitialize = false } = options;
  const graph = sessionGraph({ timeouts, maxInFlight, holds, endings, holdInitialize });
  const edges = edgesOf(graph, (state, event, next) => {
    const [from, to] = [stateName(state), stateName(next)];
    const transition = `${from} --${eventName(event)}--> ${to}`;
    return { from, to, step: { event, expected: expectation(next), transition } };
  });
  const leaving = leavingEach(edges);
  const walkable = {
    start: edges[0]?.from ?? '',
    // Walks that end at once see little: what goes on is as likely as if it were there several times.
    choices: (state: string) =>
      (leaving.get(state) ?? []).flatMap((edge) => Array<typeof edge>(leaving.has(edge.to) ? GOING_ON : 1).fill(edge)),
    take: (_: string, { step, to }: (typeof edges)[number]) => ({ step, next: to }),
  };
  const paths = coverage === 'random' ? randomPaths(walkable, options) : coveringPaths(edges, coverage);
  return withoutPrefixes(paths).map((steps) => ({ steps, timeouts }));
}

/**
 * A path as a readable script, one step a line.
 * @example
 * ```ts
 * import { describePath, sessionPaths } from 'mcp-session-supervisor/testing';
 *
 * for (const path of sessionPaths()) console.log(describePath(path).join('\n'));
 * ```
 */
export function describePath({ steps }: { readonly steps: readonly Pick<PathStep, 'transition'>[] }): string[] {
  return steps.map(({ transition }) => transition);
}

function withoutPrefixes(paths: readonly PathStep[][]): PathStep[][] {
  const prefixes = new Set<string>();
  const kept: PathStep[][] = [];
  for (const path of [...paths].sort((a, b) => b.length - a.length)) {
    const names = path.map(({ transition }) => transition);
    if (prefixes.has(names.join('\n'))) continue;
    for (let n = 1; n <= names.length; n++) prefixes.add(names.slice(0, n).join('\n'));
    kept.push(path);
  }
  return kept.reverse();
}
