/** Tests any server on Streamable HTTP against the session model: looks around in it, walks the paths, and reports. */
import { planCalls } from '../paths/callPlan.ts';
import type { Driver } from '../paths/driver.ts';
import { httpDriver } from '../paths/drivers.ts';
import { RULES, type Rule, type RuleName } from '../paths/rules.ts';
import { type FoundViolation, type RunResult, runPaths } from '../paths/runPaths.ts';
import { type Coverage, type PathStep, type SessionPath, sessionPaths } from '../paths/sessionPaths.ts';
import { type Discovery, discover, type Feature, type Finding } from './discovery.ts';
import { checkOnce } from './singleChecks.ts';

/** Options of `modelTest`. Durations are in ms. */
export interface ModelTestOptions {
  /** The MCP endpoint. */
  url: string;
  /** The server's idle timeout, in ms. Default: unknown, and nothing that depends on time is driven. */
  idleTimeout?: number | undefined;
  /** How much longer than the idle timeout a session may live, in ms. Default 1.5 times as long, at least 500. */
  grace?: number | undefined;
  /** Default `'transitions'`. */
  coverage?: Coverage | undefined;
  /** Of random walks: the seed. Default 1. */
  seed?: number | undefined;
  /** The most that is in flight in one session. Default 2. */
  maxInFlight?: number | undefined;
  /** Sessions driven at a time. Default 16. */
  concurrency?: number | undefined;
  /** A call that lasts, as `sleep:{"ms":$MS}`. Default: looked for in the list of tools. */
  slowCall?: string | undefined;
  /** `false`: GET streams are not driven. Default: as the server has them. */
  streams?: boolean | undefined;
  /** `false`: DELETE is not driven. Default: as the server has it. */
  deletes?: boolean | undefined;
  /** Sent with every request. */
  headers?: Record<string, string> | undefined;
  /** Also what the protocol leaves to the server has to be as the model says. Default false: it is noted. */
  strict?: boolean | undefined;
  /** Called after each walk. */
  onProgress?: ((done: number, total: number, violations: number) => void) | undefined;
  /** Stops before the next path. */
  signal?: AbortSignal | undefined;
}

/** What became of a transition of the model. */
export interface TransitionVerdict {
  readonly transition: string;
  /** `not reached`: every walk to it ended at a violation before, or the machine was too slow for it. */
  readonly verdict: 'covered' | 'violated' | 'not driven' | 'not reached';
  /** Why it was not driven. */
  readonly why?: string;
  /** The rules that it broke. */
  readonly rules?: readonly RuleName[];
}

/** A broken rule, with all that is known of it. */
export interface ReportedViolation extends Finding, Rule {
  /** The steps of the model that led there; empty where it was found beside the paths. */
  readonly script: readonly string[];
}

/** What a model test found. Plain JSON. */
export interface ModelTestReport {
  readonly url: string;
  readonly server: { readonly name: string; readonly version: string };
  readonly protocolVersion: string;
  readonly idleTimeout: number | null;
  readonly coverage: Coverage;
  readonly seed: number | null;
  readonly strict: boolean;
  readonly features: {
    readonly streams: Feature;
    readonly deletes: Feature;
    /** Its name and arguments. */
    readonly longCall: Feature<string>;
  };
  /** How many paths were driven, how many walks the machine was too slow for, and how long it took, in ms. */
  readonly paths: number;
  readonly slipped: number;
  readonly took: number;
  readonly transitions: readonly TransitionVerdict[];
  readonly violations: readonly ReportedViolation[];
  /** Where the server differs from the model in what the protocol leaves open. */
  readonly notes: readonly ReportedViolation[];
}

/**
 * Tests a server. Resolves to the report, whatever is found.
 * @throws {DiscoveryError} where there is nothing to test.
 * @example
 * ```ts
 * import { modelTest } from 'mcp-session-supervisor/testing';
 *
 * const report = await modelTest({ url: 'http://127.0.0.1:3000/mcp', idleTimeout: 2_000 });
 * for (const { rule, script } of report.violations) console.error(rule, script);
 * ```
 */
export async function modelTest(options: ModelTestOptions): Promise<ModelTestReport> {
  const begun = performance.now();
  const { url, idleTimeout, coverage = 'transitions', seed = 1, maxInFlight = 2, strict = false, headers } = options;
  const timeouts = { sessionIdleTimeout: idleTimeout ?? null };
  const wanted = { coverage, seed, timeouts, maxInFlight };
  const longest = Math.max(0, ...sessionPaths(wanted).flatMap((path) => [...planCalls(path, LONGEST_PACE).values()]));
  const found = await discover({ ...options, longest });
  const { longCall } = found;
  const driver = httpDriver({
    url,
    idleTimeout,
    headers,
    strict,
    grace: options.grace,
    streams: found.streams.driven,
    deletes: found.deletes.driven,
    longCall: longCall.driven === false ? undefined : longCall.driven.make,
  });
  const drivable = {
    holds: driver.streams || driver.longCall !== undefined,
    maxInFlight: driver.longCall === undefined ? 1 : maxInFlight,
    endings: driver.endings,
  };
  const paths = sessionPaths({ ...wanted, ...drivable });
  const [result, findings] = await Promise.all([drive(paths, driver, options), checkOnce(driver)]);
  const violations = [...(coverage === 'random' ? await shortened(result, driver, timeouts) : result.violations)];
  const isOpen = ({ rule }: Finding) => !strict && 'open' in RULES[rule];
  const beside = [...found.findings, ...findings].map((finding) => ({ ...finding, script: [] }));
  return {
    url,
    server: found.server,
    protocolVersion: found.protocolVersion,
    idleTimeout: idleTimeout ?? null,
    coverage,
    seed: coverage === 'random' ? seed : null,
    strict,
    features: {
      streams: found.streams,
      deletes: found.deletes,
      longCall: longCall.driven === false ? longCall : { driven: longCall.driven.label },
    },
    paths: result.paths,
    slipped: result.slipped,
    took: Math.round(performance.now() - begun),
    transitions: judge(paths, result, found, { timeouts, maxInFlight, coverage }),
    violations: reported([...violations, ...beside.filter((finding) => !isOpen(finding))]),
    notes: reported([...result.notes, ...beside.filter(isOpen)]),
  };
}

/** The pace of the last attempt at a path whose plan was too tight, in ms. */
const LONGEST_PACE = 800;

function drive(paths: readonly SessionPath[], driver: Driver, options: ModelTestOptions): Promise<RunResult> {
  let violations = 0;
  return runPaths(paths, driver, {
    concurrency: options.concurrency ?? 16,
    signal: options.signal,
    onPath: (result, done, total) => {
      violations += result.violations.length;
      options.onProgress?.(done, total, violations);
    },
  });
}

/** What random walks found, each where the shortest path to the same transition finds it too. */
async function shortened(
  { violations }: RunResult,
  driver: Driver,
  timeouts: { readonly sessionIdleTimeout: number | null },
): Promise<readonly FoundViolation[]> {
  const { endings } = driver;
  const paths = sessionPaths({ timeouts, endings });
  const found = violations.map(async (violation) => {
    const { rule, transition, script } = violation;
    const shortest = paths.filter(({ steps }) => steps.length < script.length);
    const path = shortest.find(({ steps }) => steps.at(-1)?.transition === transition);
    if (path === undefined) return violation;
    const again = await runPaths([path], driver);
    return again.violations.find((shorter) => shorter.rule === rule) ?? violation;
  });
  return Promise.all(found);
}

interface Judged {
  readonly timeouts: { readonly sessionIdleTimeout: number | null };
  readonly maxInFlight: number;
  readonly coverage: Coverage;
}

/** Every transition of the model, those included that this server, or this run, has no way to. */
function judge(
  paths: readonly SessionPath[],
  { covered, violated }: RunResult,
  found: Discovery,
  { timeouts, maxInFlight, coverage }: Judged,
): TransitionVerdict[] {
  const whole = sessionPaths({ timeouts: { sessionIdleTimeout: timeouts.sessionIdleTimeout ?? 1 }, maxInFlight });
  const transitions = new Map(
    [...whole, ...paths].flatMap(({ steps }) => steps.map((step) => [step.transition, step])),
  );
  const driven = new Set(paths.flatMap(({ steps }) => steps.map(({ transition }) => transition)));
  return [...transitions.values()].map((step) => {
    const { transition } = step;
    const rules = violated.get(transition);
    if (rules !== undefined) return { transition, verdict: 'violated', rules: [...rules] };
    if (covered.has(transition)) return { transition, verdict: 'covered' };
    if (driven.has(transition)) return { transition, verdict: 'not reached' };
    return { transition, verdict: 'not driven', why: reason(step, found, timeouts.sessionIdleTimeout, coverage) };
  });
}

function reason(
  { event, transition }: PathStep,
  { streams, deletes, longCall }: Discovery,
  idleTimeout: number | null,
  coverage: Coverage,
): string {
  const isTimed = /waited|pushed|after sessionIdleTimeout/.test(transition);
  if (isTimed && idleTimeout === null) return 'the idle timeout was not told';
  if (event.type === 'TERMINATE' && deletes.driven === false) return deletes.why;
  if (coverage === 'random') return 'not on these walks';
  const call = longCall.driven === false ? longCall.why : '';
  return streams.driven === false ? `${call}, and ${streams.why}` : call;
}

function reported(findings: readonly (Finding & { readonly script: readonly string[] })[]): ReportedViolation[] {
  const shortest = new Map<RuleName, ReportedViolation>();
  for (const { rule, got, actions, script } of findings) {
    const known = shortest.get(rule);
    if (known !== undefined && known.actions.length <= actions.length) continue;
    shortest.set(rule, { rule, ...RULES[rule], got, actions, script });
  }
  return [...shortest.values()];
}
