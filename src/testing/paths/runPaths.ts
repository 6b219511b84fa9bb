/** Drives a real system along paths of the session model, and tells what was covered and what was found. */
import type { Driver } from './driver.ts';
import { Slip } from './idleWatch.ts';
import { type HoldKind, PathRun } from './pathRun.ts';
import { RULES, type RuleName, Violation } from './rules.ts';
import { describePath, type SessionPath } from './sessionPaths.ts';

/** How often a walk is tried that took more time than its plan allows; each time the plan allows for twice as much. */
const ATTEMPTS = 3;

/** Options of `runPaths`. */
export interface RunPathsOptions {
  /** Paths driven at a time. Default 1. */
  concurrency?: number | undefined;
  /** Called after each walk; a path is walked twice where calls and GET streams can keep a session active. */
  onPath?: ((result: PathResult, done: number, total: number) => void) | undefined;
  /** Stops before the next path. */
  signal?: AbortSignal | undefined;
}

/** What was found on one path. */
export interface PathResult {
  readonly path: SessionPath;
  /** The transitions that were taken and found right. */
  readonly covered: readonly string[];
  /** What was found wrong; the last one may have ended the walk. */
  readonly violations: readonly FoundViolation[];
  /** Where the system differs from the model in what the protocol leaves open; only where the driver is not strict. */
  readonly notes: readonly FoundViolation[];
  /** The machine was too slow for the path's timing, each time it was tried. */
  readonly slipped: boolean;
}

/** A rule that a system broke, and the shortest way to see it. */
export interface FoundViolation {
  readonly rule: RuleName;
  readonly got: string;
  /** The steps up to and including the one that broke the rule. */
  readonly script: readonly string[];
  /** The step that broke the rule; undefined where the session was found wrong after the path's end. */
  readonly transition: string | undefined;
  /** What the client did, up to what broke the rule, each request with its status. */
  readonly actions: readonly string[];
}

/** What came of driving paths. */
export interface RunResult {
  /** How many paths were driven. */
  readonly paths: number;
  /** The transitions that were taken and found right, each once. */
  readonly covered: ReadonlySet<string>;
  /** The transitions that broke a rule, with the rules. */
  readonly violated: ReadonlyMap<string, ReadonlySet<RuleName>>;
  /** One for each rule that was broken: the one with the shortest script. */
  readonly violations: readonly FoundViolation[];
  /** One for each rule that the protocol leaves open and the system does not keep. */
  readonly notes: readonly FoundViolation[];
  /** How many walks the machine was too slow for. */
  readonly slipped: number;
}

/**
 * Drives a system along paths. Rejects only if the driver does.
 * @example
 * ```ts
 * import { httpDriver, runPaths, sessionPaths } from 'mcp-session-supervisor/testing';
 *
 * const { violations } = await runPaths(sessionPaths(), httpDriver({ url: 'http://127.0.0.1:3000/mcp' }), {
 *   concurrency: 16,
 *   onPath: (_result, done, total) => console.log(`${done} of ${total}`),
 * });
 * ```
 */
export async function runPaths(
  paths: readonly SessionPath[],
  driver: Driver,
  { concurrency = 1, onPath, signal }: RunPathsOptions = {},
): Promise<RunResult> {
  const walks = paths.flatMap((path) => holdKinds(path, driver).map((holds) => ({ path, holds })));
  const results: PathResult[] = [];
  let next = 0;
  const work = async () => {
    while (next < walks.length && signal?.aborted !== true) {
      const walk = walks[next++];
      if (walk === undefined) return;
      const name = `model-${next}-${Math.random().toString(36).slice(2, 8)}`;
      const result = await runPath(walk.path, driver, name, walk.holds);
      results.push(result);
      onPath?.(result, results.length, walks.length);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  const violations = results.flatMap((result) => result.violations);
  const violated = new Map<string, Set<RuleName>>();
  for (const { transition, rule } of violations) {
    if (transition !== undefined) violated.set(transition, (violated.get(transition) ?? new Set()).add(rule));
  }
  return {
    paths: new Set(results.map(({ path }) => path)).size,
    covered: new Set(results.flatMap(({ covered }) => covered)),
    violated,
    violations: shortestOfEach(violations),
    notes: shortestOfEach(results.flatMap(({ notes }) => notes)),
    slipped: results.filter(({ slipped }) => slipped).length,
  };
}

/** Which ways there are to walk a path: with calls in flight, and with a GET stream. */
function holdKinds({ steps }: SessionPath, { streams, longCall }: Driver): HoldKind[] {
  const holds = steps.some(({ event }) => event.type === 'REQUEST');
  return holds && streams && longCall !== undefined ? ['calls', 'streams'] : ['calls'];
}

function shortestOfEach(found: readonly FoundViolation[]): FoundViolation[] {
  const shortest = new Map<RuleName, FoundViolation>();
  for (const violation of found) {
    const known = shortest.get(violation.rule);
    if (known === undefined || violation.actions.length < known.actions.length) shortest.set(violation.rule, violation);
  }
  return [...shortest.values()];
}

/** Drives a system along one path. */
async function runPath(
  path: SessionPath,
  driver: Driver,
  name: string,
  holds: HoldKind = 'streams',
): Promise<PathResult> {
  const covered: string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const run = new PathRun(path, driver, { name, holds, pace: (driver.pace ?? 0) * 2 ** attempt });
    const found = (rule: RuleName, got: string, actions: readonly string[]): FoundViolation => {
      const script = describePath(path).slice(0, covered.length + 1);
      return { rule, got, actions, script, transition: script[covered.length] };
    };
    const all: FoundViolation[] = [];
    const takeNotes = () => {
      for (const { rule, got, actions } of run.found.splice(0)) all.push(found(rule, got, actions));
    };
    covered.length = 0;
    try {
      for (const [index, step] of path.steps.entries()) {
        await run.take(step, index);
        takeNotes();
        covered.push(step.transition);
      }
      await run.finish();
    } catch (error) {
      if (error instanceof Slip) continue;
      if (!(error instanceof Violation)) throw error;
      takeNotes();
      all.push(found(error.rule, error.got, run.client.history));
    } finally {
      await run.cleanUp();
    }
    const isOpen = ({ rule }: FoundViolation) => driver.strict === false && 'open' in RULES[rule];
    const violations = all.filter((one) => !isOpen(one));
    return { path, covered, violations, notes: all.filter(isOpen), slipped: false };
  }
  return { path, covered, violations: [], notes: [], slipped: true };
}
