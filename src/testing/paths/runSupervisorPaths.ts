/** Drives supervisors along paths of the supervisor model, a fresh one along each, and tells what was found. */
import type { SupervisorDriver } from './driver.ts';
import { Violation } from './rules.ts';
import type { SupervisorModelOptions } from './supervisorModel.ts';
import type { SupervisorPath } from './supervisorPaths.ts';
import { type SupervisorRuleName, SupervisorViolation } from './supervisorRules.ts';
import { SupervisorRun } from './supervisorRun.ts';

/** Options of `runSupervisorPaths`. */
export interface RunSupervisorPathsOptions {
  /** Called after each path. */
  onPath?: ((result: SupervisorPathResult, done: number, total: number) => void) | undefined;
  /** Stops before the next path. */
  signal?: AbortSignal | undefined;
}

/** What was found on one path. */
export interface SupervisorPathResult {
  readonly path: SupervisorPath;
  /** The transitions that were taken and found right. */
  readonly covered: readonly string[];
  readonly violation: FoundSupervisorViolation | undefined;
}

/** A rule that a supervisor broke, and the shortest way to see it. */
export interface FoundSupervisorViolation {
  readonly rule: SupervisorRuleName;
  readonly got: string;
  /** The steps up to and including the one that broke the rule. */
  readonly script: readonly string[];
}

/** What came of driving paths of several sessions. */
export interface SupervisorRunResult {
  /** How many paths were driven. */
  readonly paths: number;
  /** The transitions that were taken and found right, each once. */
  readonly covered: ReadonlySet<string>;
  /** One for each rule that was broken: the one with the shortest script. */
  readonly violations: readonly FoundSupervisorViolation[];
}

/**
 * Drives supervisors along paths, one after another. `makeDriver` makes a supervisor that nobody has used, with the caps
 * and timeouts that it is given, and its driver; it is drained when the path has ended. Rejects only if a driver does.
 * @example
 * ```ts
 * import { createSessionSupervisor } from 'mcp-session-supervisor';
 * import { createGatedServer, inProcessDriver, runSupervisorPaths, supervisorPaths } from 'mcp-session-supervisor/testing';
 * import { SimulatedClock } from 'xstate';
 *
 * const paths = supervisorPaths({ maxSessions: 2, principals: ['ada', 'bob'], kinds: ['call'] });
 * const { violations } = await runSupervisorPaths(paths, ({ maxSessions, whenFull }) => {
 *   const [clock, server] = [new SimulatedClock(), createGatedServer()];
 *   const supervisor = createSessionSupervisor({ server: server.factory, clock, maxSessions, whenFull });
 *   return inProcessDriver(supervisor, clock, { server });
 * });
 * ```
 */
export async function runSupervisorPaths(
  paths: readonly SupervisorPath[],
  makeDriver: (options: SupervisorModelOptions) => SupervisorDriver | Promise<SupervisorDriver>,
  { onPath, signal }: RunSupervisorPathsOptions = {},
): Promise<SupervisorRunResult> {
  const covered = new Set<string>();
  const violations = new Map<SupervisorRuleName, FoundSupervisorViolation>();
  let driven = 0;
  for (const path of paths) {
    if (signal?.aborted === true) break;
    const result = await runSupervisorPath(path, await makeDriver(path.options));
    driven++;
    for (const transition of result.covered) covered.add(transition);
    const { violation } = result;
    const known = violation && violations.get(violation.rule);
    if (violation && (known === undefined || violation.script.length < known.script.length)) {
      violations.set(violation.rule, violation);
    }
    onPath?.(result, driven, paths.length);
  }
  return { paths: driven, covered, violations: [...violations.values()] };
}

async function runSupervisorPath(path: SupervisorPath, driver: SupervisorDriver): Promise<SupervisorPathResult> {
  const run = new SupervisorRun(driver, path);
  const covered: string[] = [];
  let violation: FoundSupervisorViolation | undefined;
  try {
    for (const step of path.steps) {
      await run.take(step);
      covered.push(step.transition);
    }
    await run.finish();
  } catch (error) {
    if (!(error instanceof Violation) && !(error instanceof SupervisorViolation)) throw error;
    const script = path.steps.slice(0, covered.length + 1).map(({ transition }) => transition);
    violation = { rule: error.rule, got: error.got, script };
  } finally {
    await run.cleanUp();
  }
  return { path, covered, violation };
}
