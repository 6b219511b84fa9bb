/**
 * Every option of the supervisor: its documentation, its default and what it refuses.
 * Knows the shapes of the world outside (the SDK's types), and nothing of how the supervisor works.
 */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { InspectionEvent, Observer } from 'xstate';
import { type Clock, SYSTEM_CLOCK, type TimerClock } from './clock.ts';
import { checkOptions, invalid } from './errors.ts';
import {
  type Check,
  callable,
  count,
  duration,
  flag,
  methods,
  oneOf,
  optional,
  pause,
  wholeNumber,
} from './options/checks.ts';
import { type ClusterOptions, cluster, type ResolvedClusterOptions } from './options/cluster.ts';
import { refuseConflicts } from './options/conflicts.ts';
import { defaultPrincipal } from './options/defaultPrincipal.ts';
import { hosts } from './options/hosts.ts';
import { type Logger, listenedTo, warnProcess } from './options/logger.ts';
import { type CorsOptions, cors, origins } from './options/origins.ts';
import type { ServerFactory } from './options/serverFactory.ts';
import { refuseUnknown } from './options/unknownOption.ts';
import type { SessionStore } from './stores/sessionStore.ts';

export type { ClusterOptions, ClusterTls, ResolvedClusterOptions } from './options/cluster.ts';
export {
  type HandleClosing,
  type HandleEndReason,
  type HandleOpening,
  type HandleOptions,
  handlesName,
  isHandleEndReason,
  type ResolvedHandleOptions,
  resolveHandleOptions,
} from './options/handleOptions.ts';
export type { LogEntry, Logger } from './options/logger.ts';
export type { CorsOptions } from './options/origins.ts';
export type {
  ConnectableServer,
  ServerFactory,
  ServerWithCleanup,
  SessionBag,
  SessionContext,
} from './options/serverFactory.ts';

/** Says who sent a request. */
export type PrincipalResolver = (request: {
  /** Header values by lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly authInfo: AuthInfo | undefined;
}) => string | undefined;

/** Options of `createSessionSupervisor`. All durations are in milliseconds, all sizes in bytes. */
export interface SessionSupervisorOptions {
  /** Builds one MCP server for one session. Required. */
  server: ServerFactory;
  /** How long a session may have nothing in flight, in ms. `Infinity`: for ever. Default 1 800 000 (30 minutes). */
  sessionIdleTimeout?: number | undefined;
  /** How long admission, factory and answer of an initialize may take, in ms; then 504. Default 60 000. */
  initializeTimeout?: number | undefined;
  /** Ends a session at this age, however busy, in ms. Calls in flight get `shutdownTimeout` more. Default `Infinity`. */
  maxSessionLifetime?: number | undefined;
  /** How many sessions there may be, those being initialized included. Default 10 000. */
  maxSessions?: number | undefined;
  /** At `maxSessions`: end the longest idle session (`'evict-idle'`, the default) or refuse with 503 (`'reject'`). */
  whenFull?: 'evict-idle' | 'reject' | undefined;
  /** How many sessions one principal may have; beyond it 429. Default `Infinity`. */
  maxSessionsPerPrincipal?: number | undefined;
  /**
   * Who sent a request. Default: `extra.iss` and `extra.sub` of `authInfo`, else its `clientId`; nobody without `authInfo`.
   * One that holds neither as text gets 403, and a line in the log.
   */
  principal?: PrincipalResolver | undefined;
  /** Keeps the events of SSE streams so that clients can resume them. Default none. */
  eventStore?: EventStore | undefined;
  /** Answer with `application/json` instead of a stream; server→client messages of a call then have no way. Default false. */
  enableJsonResponse?: boolean | undefined;
  /**
   * When clients whose stream has ended are to come back, in ms, as the SSE `retry` field says it at the start of each
   * stream and before one is closed to be resumed; to clients of protocol version 2025-11-25 and later only, since older
   * ones stumble over it. 0: at once. The SDKs' clients try twice, so a server may be away for nearly twice as long.
   * Default: 5 000, spread by session from 4 000 to 6 000.
   */
  retryInterval?: number | undefined;
  /** Makes session ids: unique, unguessable, visible ASCII. Default `crypto.randomUUID`. */
  sessionIdGenerator?: (() => string) | undefined;
  /** A fresh server for each request: no ids, no events. Excludes every option that is about sessions. Default false. */
  stateless?: boolean | undefined;
  /** Host names that requests may be sent to; the port counts only where an entry names one. Default: not checked. */
  allowedHosts?: readonly string[] | undefined;
  /** Exact origins (`http://host:port`, `chrome-extension://id`) that a request's `Origin` may name. Default: not checked. */
  allowedOrigins?: readonly string[] | undefined;
  /**
   * Origins of browser clients that get CORS headers, or `'*'`; as `{ origins, headers }` with names of request headers
   * that they may send besides MCP's own. With authentication before the handler, `toCorsMiddleware` goes first.
   * Default: off.
   */
  cors?: readonly string[] | '*' | CorsOptions | undefined;
  /** How often an open SSE stream gets a comment, in ms; finds dead peers. `Infinity`: never. Default 15 000. */
  keepAliveInterval?: number | undefined;
  /** The largest request body, in bytes; beyond it 413. Default 4 MiB. */
  maxRequestBodySize?: number | undefined;
  /**
   * The largest initialize, in bytes, whoever has read it; beyond it 413, and also beyond 2 000 JSON values, or where these
   * take more than about 128 KiB of memory and twice this size. What a client says of itself in it is kept for as long as
   * its session lives. So is what one of 2026-07-28 asks to listen to, for as long as its stream does. Default 65 536.
   */
  maxInitializeSize?: number | undefined;
  /** How long a request body may take, in ms; beyond it 408. Default 30 000. */
  requestBodyTimeout?: number | undefined;
  /** What one stream may hold for a slow reader, in bytes; beyond it the stream is ended. Default 1 MiB. */
  maxStreamBuffer?: number | undefined;
  /** With an event store: how long a call whose client lost its connection holds its session, in ms. Default 300 000. */
  resumeTimeout?: number | undefined;
  /** How long a drain waits for calls in flight, in ms. Default 10 000. */
  shutdownTimeout?: number | undefined;
  /**
   * Keeps the records of sessions, so that they outlive their incarnations, and with a durable store their process.
   * Default none.
   */
  sessionStore?: SessionStore | undefined;
  /**
   * With a session store: how long a session is idle before it is parked, which closes its server until it is asked for, in
   * ms. Less than `sessionIdleTimeout`, which goes on counting. Default `Infinity`.
   */
  parkAfter?: number | undefined;
  /** With a session store that counts: how many sessions may be parked; the longest parked ends. Default 1 000 000. */
  maxParkedSessions?: number | undefined;
  /** With a session store: how long a request waits for its session to be brought back, in ms; then 503. Default 10 000. */
  restoreTimeout?: number | undefined;
  /**
   * Makes this process a node of several, each of which answers for any session. With a session store that all of them share,
   * and a session is then found, and taken over, wherever it is. Default none.
   */
  cluster?: ClusterOptions | undefined;
  /**
   * What requests of revision 2026-07-28 get, which has no sessions: `'refuse'`, in words that have clients which speak both
   * open a session; `'serve'`, from the servers that the factory builds, which have to be of SDK v2 and keep nothing for the
   * next request; `'off'`, what the rules of sessions say, as if the revision did not exist. Default `'refuse'`.
   */
  modern?: 'refuse' | 'serve' | 'off' | undefined;
  /** With `modern: 'serve'`: how many of its requests and listen streams there may be at a time; then 503. Default 1 024. */
  maxModernRequests?: number | undefined;
  /** With `modern: 'serve'`: how many of them one principal may have; then 429. Default `Infinity`. */
  maxModernRequestsPerPrincipal?: number | undefined;
  /** What a session's `state` may have as JSON, in bytes; at most 524 288. Default 65 536. */
  maxStateSize?: number | undefined;
  /**
   * How many of its last lifecycle events a session keeps for `SessionInfo.history`; 0 for none. Each takes 8 bytes, and
   * is looked at whenever a `SessionInfo` is made. Default 64.
   */
  historySize?: number | undefined;
  /** Time. Default: Node's timers and `Date.now`. */
  clock?: (TimerClock & { now?(): number }) | undefined;
  /** XState's inspection callback or observer, given to the root actor. One that throws is logged and ignored. */
  inspect?: Observer<InspectionEvent> | ((event: InspectionEvent) => void) | undefined;
  /**
   * Gets one structured entry for each thing worth telling. One that throws or rejects hurts nothing and is told of by a
   * warning of the process. Default: warnings and errors become warnings of the process, once for each `event`; the
   * rest is silent.
   */
  logger?: Logger | undefined;
}

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly server: ServerFactory;
  readonly sessionIdleTimeout: number;
  readonly initializeTimeout: number;
  readonly maxSessionLifetime: number;
  readonly maxSessions: number;
  readonly whenFull: 'evict-idle' | 'reject';
  readonly maxSessionsPerPrincipal: number;
  readonly principal: PrincipalResolver;
  readonly eventStore: EventStore | undefined;
  readonly enableJsonResponse: boolean;
  readonly retryInterval: number | undefined;
  readonly sessionIdGenerator: () => string;
  readonly stateless: boolean;
  readonly allowedHosts: readonly string[] | undefined;
  readonly allowedOrigins: readonly string[] | undefined;
  readonly cors: readonly string[] | '*' | CorsOptions | undefined;
  readonly keepAliveInterval: number;
  readonly maxRequestBodySize: number;
  readonly maxInitializeSize: number;
  readonly requestBodyTimeout: number;
  readonly maxStreamBuffer: number;
  readonly resumeTimeout: number;
  readonly shutdownTimeout: number;
  readonly sessionStore: SessionStore | undefined;
  readonly parkAfter: number;
  readonly maxParkedSessions: number;
  readonly restoreTimeout: number;
  readonly cluster: ResolvedClusterOptions | undefined;
  readonly modern: 'refuse' | 'serve' | 'off';
  readonly maxModernRequests: number;
  readonly maxModernRequestsPerPrincipal: number;
  readonly maxStateSize: number;
  readonly historySize: number;
  readonly clock: Clock;
  readonly inspect: Observer<InspectionEvent> | ((event: InspectionEvent) => void) | undefined;
  readonly logger: Logger;
}

interface OptionSpec<T> {
  readonly check: Check<T>;
  readonly default: () => T;
}

const clock: Check<Clock> = (name, value) => {
  const given = methods<TimerClock & { now?: () => number }>('setTimeout', 'clearTimeout')(name, value);
  if (typeof given.now === 'function') return given as Clock;
  return {
    setTimeout: (fn, ms) => given.setTimeout(fn, ms),
    clearTimeout: (id) => given.clearTimeout(id),
    now: () => Date.now(),
  };
};

/** A record has 1 MiB at most, and other things in it. */
const MAX_STATE_SIZE = 524_288;

const sessionStore: Check<SessionStore> = methods<SessionStore>(
  'create',
  'load',
  'claim',
  'update',
  'park',
  'remove',
  'expired',
  'count',
);

const inspector: Check<ResolvedOptions['inspect']> = (name, value) => {
  const given = value as Observer<InspectionEvent> | ((event: InspectionEvent) => void) | null;
  return typeof given === 'function' || typeof given?.next === 'function'
    ? given
    : invalid(name, value, 'a function or an object with next()');
};

const SPECS: { readonly [K in keyof ResolvedOptions]: OptionSpec<ResolvedOptions[K]> } = {
  server: { check: callable, default: () => invalid('server', undefined, 'a function that builds an MCP server') },
  sessionIdleTimeout: { check: duration(true), default: () => 1_800_000 },
  initializeTimeout: { check: duration(false), default: () => 60_000 },
  maxSessionLifetime: { check: duration(true), default: () => Number.POSITIVE_INFINITY },
  maxSessions: { check: count(true), default: () => 10_000 },
  whenFull: { check: oneOf('evict-idle', 'reject'), default: () => 'evict-idle' },
  maxSessionsPerPrincipal: { check: count(true), default: () => Number.POSITIVE_INFINITY },
  principal: { check: callable, default: () => defaultPrincipal },
  eventStore: {
    check: optional(methods<EventStore>('storeEvent', 'replayEventsAfter')),
    default: () => undefined,
  },
  enableJsonResponse: { check: flag, default: () => false },
  retryInterval: { check: optional(pause), default: () => undefined },
  sessionIdGenerator: { check: callable, default: () => () => crypto.randomUUID() },
  stateless: { check: flag, default: () => false },
  allowedHosts: { check: optional(hosts), default: () => undefined },
  allowedOrigins: { check: optional(origins), default: () => undefined },
  cors: { check: optional(cors), default: () => undefined },
  keepAliveInterval: { check: duration(true), default: () => 15_000 },
  maxRequestBodySize: { check: count(false), default: () => 4 * 1024 * 1024 },
  maxInitializeSize: { check: count(false), default: () => 65_536 },
  requestBodyTimeout: { check: duration(false), default: () => 30_000 },
  maxStreamBuffer: { check: count(false), default: () => 1024 * 1024 },
  resumeTimeout: { check: duration(false), default: () => 300_000 },
  shutdownTimeout: { check: duration(false), default: () => 10_000 },
  sessionStore: { check: optional(sessionStore), default: () => undefined },
  parkAfter: { check: duration(true), default: () => Number.POSITIVE_INFINITY },
  maxParkedSessions: { check: count(true), default: () => 1_000_000 },
  restoreTimeout: { check: duration(false), default: () => 10_000 },
  cluster: { check: optional(cluster), default: () => undefined },
  modern: { check: oneOf('refuse', 'serve', 'off'), default: () => 'refuse' },
  maxModernRequests: { check: count(true), default: () => 1_024 },
  maxModernRequestsPerPrincipal: { check: count(true), default: () => Number.POSITIVE_INFINITY },
  maxStateSize: { check: count(false, MAX_STATE_SIZE), default: () => 65_536 },
  historySize: { check: wholeNumber, default: () => 64 },
  clock: { check: clock, default: () => SYSTEM_CLOCK },
  inspect: { check: optional(inspector), default: () => undefined },
  logger: { check: (name, value) => listenedTo(callable(name, value)), default: warnProcess },
};

/** The names of all options. */
export const OPTION_NAMES = Object.keys(SPECS) as (keyof ResolvedOptions)[];

/**
 * Checks the options and fills in the defaults.
 * @throws {SupervisorError} `UNKNOWN_OPTION`, `INVALID_OPTION` or `CONFLICTING_OPTIONS`.
 */
export function resolveOptions(options: SessionSupervisorOptions): ResolvedOptions {
  checkOptions('The options', options);
  const given = options as unknown as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(SPECS, name)) refuseUnknown(name, OPTION_NAMES);
  }
  const resolve = <K extends keyof ResolvedOptions>(name: K): ResolvedOptions[K] =>
    given[name] === undefined ? SPECS[name].default() : SPECS[name].check(name, given[name]);
  const resolved = Object.fromEntries(OPTION_NAMES.map((name) => [name, resolve(name)])) as unknown as ResolvedOptions;
  refuseConflicts(given, resolved);
  warnOfShortIdleTimeout(resolved);
  warnOfLeaseTime(resolved);
  return resolved;
}

/** Below this a value was more likely meant in seconds, in ms. */
const SHORT_IDLE_TIMEOUT = 1_000;

/** Taken all the same: tests use such values. */
function warnOfShortIdleTimeout({ sessionIdleTimeout, logger }: ResolvedOptions): void {
  if (sessionIdleTimeout >= SHORT_IDLE_TIMEOUT) return;
  logger({
    level: 'warn',
    event: 'option.doubtful',
    option: 'sessionIdleTimeout',
    message: `sessionIdleTimeout is ${sessionIdleTimeout} ms, and most clients pause for longer; it is given in milliseconds`,
  });
}

/** Below this a pause of the process or of its network is taken for its end, in ms. */
const SHORT_LEASE = 1_000;

/** Taken all the same, like a short idle timeout. */
function warnOfLeaseTime({ cluster: given, restoreTimeout, logger }: ResolvedOptions): void {
  if (given === undefined) return;
  const { leaseTime } = given;
  const doubt =
    leaseTime < SHORT_LEASE
      ? `cluster.leaseTime is ${leaseTime} ms, and a pause that is not much longer has a node give up its sessions`
      : leaseTime >= restoreTimeout
        ? `cluster.leaseTime is ${leaseTime} ms, and no request waits so long for a node that has died: restoreTimeout is ${restoreTimeout}`
        : undefined;
  if (doubt !== undefined) logger({ level: 'warn', event: 'option.doubtful', option: 'cluster', message: doubt });
}
