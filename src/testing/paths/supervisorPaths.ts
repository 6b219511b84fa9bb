/** Paths over the model of several sessions under one supervisor: caps, evictions and drains. */
import { type AdmissionRule, admission } from './admission.ts';
import { type CoverageOptions, coveringPaths, edgesOf, randomPaths } from './graphPaths.ts';
import {
  emptySupervisor,
  eventsOf,
  type HoldKind,
  type SupervisorExpectation,
  type SupervisorModelEvent,
  type SupervisorModelOptions,
  type SupervisorState,
  supervisorEventName,
  supervisorGraph,
  supervisorName,
  take,
} from './supervisorModel.ts';

/** Options of `supervisorPaths`. The supervisors that the paths are run on have to be made with the same caps and timeouts. */
export interface SupervisorPathsOptions extends CoverageOptions {
  /** As the supervisor's. Default 2; the model's states grow fast with it, 3 is much. */
  maxSessions?: number | undefined;
  /** As the supervisor's. Default `'evict-idle'`. */
  whenFull?: 'evict-idle' | 'reject' | undefined;
  /** As the supervisor's. Default `Infinity`. */
  maxSessionsPerPrincipal?: number | undefined;
  /** Who asks for sessions. Default `['ada', 'bob']`. */
  principals?: readonly string[] | undefined;
  /** The most that may be in flight at a time in one session. Default 1. */
  maxInFlight?: number | undefined;
  /** What can be in flight: calls, which use a session, and GET streams, which don't. Default both. */
  kinds?: readonly HoldKind[] | undefined;
  /** The driver can make an initialize wait for its answer. Default false. */
  holdInitialize?: boolean | undefined;
  /** Who is let in, and who has to go for it. Default: as the table of options says. */
  admit?: AdmissionRule | undefined;
  /** The supervisor's timeouts, in ms; `null` or left out: none. */
  timeouts?: { readonly sessionIdleTimeout?: number | null; readonly shutdownTimeout?: number | null } | undefined;
}

/** How much likelier than a drain every other step of a random walk is: nothing much happens after one. */
const OFTEN = 10;

/** One thing that happens, and what must be so afterwards. */
export interface SupervisorStep {
  readonly event: SupervisorModelEvent;
  readonly expected: SupervisorExpectation;
  /** The transition that it takes, by name: `accepting (ada idle) --DRAIN--> stopped`. */
  readonly transition: string;
}

/** A way through the model, from a supervisor without sessions on. */
export interface SupervisorPath {
  readonly steps: readonly SupervisorStep[];
  readonly options: SupervisorModelOptions;
}

/**
 * Paths over several sessions under one supervisor. What is let in and who has to go is the rule of the options
 * `maxSessions` and `whenFull`; what a session and a drain do is the machines'. Unlike `sessionPaths`, none is left out
 * because it is the beginning of another: who is still alive is asked at the end of a path, since asking makes a session
 * busy.
 * @example
 * ```ts
 * import { supervisorPaths } from 'mcp-session-supervisor/testing';
 *
 * const paths = supervisorPaths({ maxSessions: 2, principals: ['ada', 'bob'], kinds: ['call'] });
 * ```
 */
export function supervisorPaths(options: SupervisorPathsOptions = {}): SupervisorPath[] {
  const { sessionIdleTimeout = null, shutdownTimeout = null } = options.timeouts ?? {};
  const model: SupervisorModelOptions = {
    maxSessions: options.maxSessions ?? 2,
    whenFull: options.whenFull ?? 'evict-idle',
    maxSessionsPerPrincipal: options.maxSessionsPerPrincipal ?? Number.POSITIVE_INFINITY,
    principals: options.principals ?? ['ada', 'bob'],
    maxInFlight: options.maxInFlight ?? 1,
    kinds: options.kinds ?? ['call', 'stream'],
    holdInitialize: options.holdInitialize ?? false,
    sessionIdleTimeout,
    shutdownTimeout,
  };
  const rules = { options: model, admit: options.admit ?? admission };
  const edge = (state: SupervisorState, event: SupervisorModelEvent) => {
    const { state: next, expected } = take(state, event, rules);
    const [from, to] = [supervisorName(state), supervisorName(next)];
    const transition = `${from} --${label(event, state, expected)}--> ${to}`;
    return { from, to, next, step: { event, expected, transition } };
  };
  const { coverage = 'transitions' } = options;
  // A random walk meets few of the states, of which there may be more than can be listed.
  const walkable = {
    start: emptySupervisor(model),
    choices: (state: SupervisorState) =>
      eventsOf(state, model)
        .filter(() => state.supervisor.value !== 'stopped')
        .flatMap((event) => Array.from({ length: event.type === 'DRAIN' ? 1 : OFTEN }, () => event)),
    take: edge,
  };
  const paths =
    coverage === 'random'
      ? randomPaths(walkable, options)
      : coveringPaths(edgesOf(supervisorGraph(rules), edge), coverage);
  return paths.map((steps) => ({ steps, options: model }));
}

/** An event's name, and what an initialize comes to: `INITIALIZE ada (evicts 1)`, `INITIALIZE ada (503)`. */
function label(event: SupervisorModelEvent, state: SupervisorState, { status, ended }: SupervisorExpectation): string {
  const name = supervisorEventName(event, state);
  const evicted = ended.find(({ reason }) => reason === 'evicted');
  if (evicted !== undefined) return `${name} (evicts ${evicted.was + 1})`;
  return status === undefined || status === 200 ? name : `${name} (${status})`;
}
