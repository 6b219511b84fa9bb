/** The two drivers: any server behind a URL, in real time; a supervisor in this process, in simulated time. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { EndReason, SessionSupervisor } from '../../index.ts';
import type { SessionTimeouts } from '../../machines/index.ts';
import type { Driver, LongCall, SupervisorDriver } from './driver.ts';
import { freshFetch } from './freshFetch.ts';
import type { GatedServer } from './gatedServer.ts';
import { within } from './modelClient.ts';

const NO_TIMEOUTS: SessionTimeouts = { initializeTimeout: null, sessionIdleTimeout: null, maxSessionLifetime: null };

/** Options of `httpDriver`. Durations are in ms. */
export interface HttpDriverOptions {
  /** The MCP endpoint. */
  url: string;
  /** The server's idle timeout, in ms. Default: it has none. */
  idleTimeout?: number | undefined;
  /**
   * How much longer than the idle timeout a session may live, in ms. Default 1.5 times as long, at least 500: a server
   * that looks for idle sessions once in each timeout ends them so late.
   */
  grace?: number | undefined;
  /** A call that lasts so long. Default: there is none, and only GET streams keep a session active. */
  longCall?: ((ms: number) => LongCall) | undefined;
  /** GET opens a stream. Default true. */
  streams?: boolean | undefined;
  /** DELETE ends a session. Default true. */
  deletes?: boolean | undefined;
  /** Sent with every request, for example `{ Authorization: 'Bearer …' }`. */
  headers?: Record<string, string> | undefined;
  /**
   * Also what the protocol leaves to the server has to be as the session model says: that a GET stream alone keeps its
   * session alive and ends with it, and that a call whose session ends is answered. Default true; otherwise noted.
   */
  strict?: boolean | undefined;
}

/** How often a server that asks to come back later is asked again, and the longest that it is obeyed, in ms. */
const RETRIES = 5;
const LONGEST_RETRY = 10_000;

/**
 * Drives any server on Streamable HTTP, in real time.
 * @example
 * ```ts
 * import { httpDriver, runPaths, sessionPaths } from 'mcp-session-supervisor/testing';
 *
 * const driver = httpDriver({ url: 'http://127.0.0.1:3000/mcp', idleTimeout: 2_000 });
 * const { violations } = await runPaths(sessionPaths({ timeouts: { sessionIdleTimeout: 2_000 } }), driver);
 * ```
 */
export function httpDriver(options: HttpDriverOptions): Driver {
  const { url, idleTimeout = null, longCall, streams = true, deletes = true, headers = {}, strict = true } = options;
  return {
    url,
    grace: options.grace ?? Math.max(500, 1.5 * (idleTimeout ?? 0)),
    patience: 10_000,
    pace: 200,
    timeouts: { ...NO_TIMEOUTS, sessionIdleTimeout: idleTimeout },
    endings: deletes ? ['deleted'] : [],
    streams,
    strict,
    resumes: true,
    longCall: longCall && ((_, ms) => longCall(Math.ceil(ms))),
    fetch: async (request) => {
      for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
      for (let retry = 0; ; retry++) {
        const response = await freshFetch(request.clone());
        const later = retryAfter(response);
        if (later === undefined || retry === RETRIES) return response;
        await response.body?.cancel();
        await setTimeout(later, undefined, { signal: request.signal });
      }
    },
    elapse: (ms) => setTimeout(ms),
    // A server that answers with JSON says nothing until a call is over: then this is how long a request may travel.
    settle: async (exchange) => void (exchange && (await within(exchange.answered, 200))),
  };
}

/** How long to wait before asking again, in ms, where the server is only too busy now. */
function retryAfter({ status, headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  const later = (status === 429 || status === 503) && seconds * 1_000 <= LONGEST_RETRY;
  return later ? seconds * 1_000 : undefined;
}

/** XState's `SimulatedClock`, or what is like it. */
export interface SteppedClock {
  increment(ms: number): void;
}

/** Options of `inProcessDriver`. */
export interface InProcessDriverOptions {
  /** The server behind the supervisor: the supervisor's `server` option is its `factory`. */
  server: GatedServer;
  /** The supervisor's timeouts, in ms; `null` or left out: none. */
  timeouts?: Partial<SessionTimeouts> | undefined;
  /** How sessions are ended. Default: deleted, terminated, closed, crashed. */
  endings?: readonly EndReason[] | undefined;
  /** How long an answer that is due may take, in real ms. Default 10 000. */
  patience?: number | undefined;
}

/**
 * Drives a supervisor through its real handlers, in simulated time: `clock` is the one it was made with. A principal is
 * the `clientId` of the requests' `authInfo`, as by the supervisor's default.
 * @example
 * ```ts
 * import { createSessionSupervisor } from 'mcp-session-supervisor';
 * import { createGatedServer, inProcessDriver, runPaths, sessionPaths } from 'mcp-session-supervisor/testing';
 * import { SimulatedClock } from 'xstate';
 *
 * const timeouts = { sessionIdleTimeout: 30 * 60_000 };
 * const [clock, server] = [new SimulatedClock(), createGatedServer()];
 * const supervisor = createSessionSupervisor({ server: server.factory, clock, ...timeouts });
 * const driver = inProcessDriver(supervisor, clock, { server, timeouts });
 * const { violations } = await runPaths(sessionPaths({ timeouts }), driver);
 * ```
 */
export function inProcessDriver(
  supervisor: SessionSupervisor,
  clock: SteppedClock,
  {
    server,
    timeouts,
    endings = ['deleted', 'terminated', 'closed', 'crashed'],
    patience = 10_000,
  }: InProcessDriverOptions,
): SupervisorDriver {
  const settle = async () => {
    // Bodies and answers cross a few turns of the event loop.
    for (let turn = 0; turn < 6; turn++) await setImmediate();
  };
  const driver: Driver = {
    url: 'http://127.0.0.1/mcp',
    grace: 1,
    patience,
    timeouts: { ...NO_TIMEOUTS, ...timeouts },
    endings,
    streams: true,
    longCall: (key) => ({ name: 'hold', arguments: { key } }),
    fetch: (request) => supervisor.fetch(request),
    elapse: async (ms) => {
      await settle();
      clock.increment(ms);
      await settle();
    },
    settle,
    finish: (key) => server.release(key),
    answerInitialize: (clientName) => server.answerInitialize(clientName),
    end: async (sessionId, clientName, reason) => {
      const session = server.sessions.findLast(({ context }) => context.clientInfo?.name === clientName);
      const id = sessionId ?? session?.context.id ?? '';
      if (reason === 'closed') await session?.close();
      else await supervisor.terminate(id, reason);
    },
  };
  return {
    ...driver,
    as: (principal) => {
      const authInfo = { token: principal, clientId: principal, scopes: [] };
      return { ...driver, fetch: (request) => supervisor.fetch(request, { authInfo }) };
    },
    drain: () => supervisor.drain(),
  };
}
