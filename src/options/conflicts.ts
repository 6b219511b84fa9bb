/**
 * Options that would have no effect beside others. They are refused: who sets one expects something of it, and would
 * learn only in operation that it never comes. What is judged is whether *any* value could have an effect, so a value
 * that another one makes moot (a `sessionIdleTimeout` beyond `maxSessionLifetime`, an origin of `cors` that
 * `allowedOrigins` leaves out) is taken. What is not named here
 * has an effect beside everything else; `keepAliveInterval` finds dead peers even where there is no stream.
 */
import { SupervisorError } from '../errors.ts';
import type { ServerFactory } from './serverFactory.ts';

/** The options that decide whether another one has an effect. */
interface Deciding {
  readonly server: ServerFactory;
  readonly stateless: boolean;
  readonly enableJsonResponse: boolean;
  readonly eventStore: unknown;
  readonly maxSessions: number;
  readonly sessionStore: { readonly exclusive?: boolean } | undefined;
  readonly sessionIdleTimeout: number;
  readonly parkAfter: number;
  readonly maxInitializeSize: number;
  readonly maxStateSize: number;
  readonly modern: string;
  readonly cluster: unknown;
}

/** A record has 1 MiB at most; the rest is for what else is in it. */
const MAX_IN_RECORD = 655_360;

interface Conflict {
  /** The option that would have no effect. */
  readonly option: string;
  readonly when: (resolved: Deciding) => boolean;
  /** Why, and what to do. */
  readonly message: string;
}

/** What the options that are about sessions would need, and a stateless server does not have. */
const WITHOUT_SESSIONS = {
  sessionIdleTimeout: 'has no sessions that could be idle',
  maxSessionLifetime: 'has no sessions that could grow old',
  maxSessionsPerPrincipal: 'has no sessions that a principal could hold',
  whenFull: 'has no idle sessions that could make room, and answers 503 beyond maxSessions calls at a time',
  eventStore: 'has no streams that could be resumed',
  resumeTimeout: 'has no calls that could be resumed',
  retryInterval: 'has no streams that a client could come back to',
  sessionIdGenerator: 'gives out no session ids',
  historySize: 'has no sessions whose history could be kept',
  sessionStore: 'has no sessions that could be stored',
  parkAfter: 'has no sessions that could be parked',
  maxParkedSessions: 'has no sessions that could be parked',
  restoreTimeout: 'has no sessions that could be brought back',
  maxStateSize: 'has no sessions that could have a state',
  cluster: 'has no sessions that several nodes could share: any process answers any request as it is',
};

/** What a session store is needed for. */
const WITHOUT_STORE = {
  parkAfter: 'no session can be parked',
  maxParkedSessions: 'no session can be parked',
  restoreTimeout: 'no session can be brought back',
  cluster: 'no other node can find a session',
};

const SESSION_STORE_OR_NOTHING = 'give a sessionStore (createMemorySessionStore() makes one), or leave it out';

const CONFLICTS: readonly Conflict[] = [
  ...Object.entries(WITHOUT_SESSIONS).map(([option, lack]) => ({
    option,
    when: ({ stateless }: Deciding) => stateless,
    message: `${option} and stateless exclude one another: a stateless server ${lack}; leave one of the two out`,
  })),
  {
    option: 'server',
    when: ({ stateless, server }) => stateless && server.needsSession === true,
    message:
      'stateless and this server exclude one another: it is a process, which has to have a session; leave stateless out, ' +
      'or give a factory that builds servers in this process',
  },
  {
    option: 'maxStreamBuffer',
    when: ({ stateless, enableJsonResponse, modern }) => stateless && enableJsonResponse && modern !== 'serve',
    message:
      'maxStreamBuffer has no effect beside stateless and enableJsonResponse: such a server opens no streams; leave it out',
  },
  {
    option: 'resumeTimeout',
    when: ({ enableJsonResponse }) => enableJsonResponse,
    message:
      'resumeTimeout and enableJsonResponse exclude one another: a call that is answered with JSON can not be resumed; leave one of the two out',
  },
  {
    option: 'resumeTimeout',
    when: ({ eventStore }) => eventStore === undefined,
    message:
      'resumeTimeout has no effect without an eventStore: no call can be resumed; give an eventStore ' +
      '(createMemoryEventStore() makes one), or leave it out',
  },
  ...Object.entries(WITHOUT_STORE).map(([option, lack]) => ({
    option,
    when: ({ sessionStore }: Deciding) => sessionStore === undefined,
    message: `${option} has no effect without a sessionStore: ${lack}; ${SESSION_STORE_OR_NOTHING}`,
  })),
  {
    option: 'cluster',
    when: ({ sessionStore }) => sessionStore?.exclusive === true,
    message:
      'cluster and this sessionStore exclude one another: only one process at a time can have it, so no other node would ' +
      'find a session; give one that nodes share (createRedisStores({ url }) makes one), or leave cluster out',
  },
  ...['maxModernRequests', 'maxModernRequestsPerPrincipal'].map((option) => ({
    option,
    when: ({ modern }: Deciding) => modern !== 'serve',
    message: `${option} has no effect unless modern is 'serve': no request of 2026-07-28 is served; leave it out`,
  })),
  ...['maxInitializeSize', 'maxStateSize'].map((option) => ({
    option,
    when: ({ sessionStore, maxInitializeSize, maxStateSize }: Deciding) =>
      sessionStore !== undefined && maxInitializeSize + maxStateSize > MAX_IN_RECORD,
    message:
      `maxInitializeSize and maxStateSize together may be ${MAX_IN_RECORD} bytes beside a sessionStore, whose records ` +
      `hold both; give a smaller one, or leave ${option} out`,
  })),
  {
    option: 'parkAfter',
    when: ({ parkAfter, sessionIdleTimeout }) =>
      parkAfter !== Number.POSITIVE_INFINITY && parkAfter >= sessionIdleTimeout,
    message:
      'parkAfter has no effect unless it is less than sessionIdleTimeout, which ends a session that is idle for so long; ' +
      'give a smaller parkAfter, or leave parkAfter out',
  },
  {
    option: 'whenFull',
    when: ({ maxSessions }) => maxSessions === Number.POSITIVE_INFINITY,
    message:
      'whenFull has no effect while maxSessions is Infinity: it is never full; give another maxSessions, or leave whenFull out',
  },
];

/**
 * Refuses what was given and would have no effect.
 * @throws {SupervisorError} `CONFLICTING_OPTIONS`
 */
export function refuseConflicts(given: Readonly<Record<string, unknown>>, resolved: Deciding): void {
  const conflict = CONFLICTS.find(({ option, when }) => given[option] !== undefined && when(resolved));
  if (conflict !== undefined) throw new SupervisorError('CONFLICTING_OPTIONS', conflict.message);
}
