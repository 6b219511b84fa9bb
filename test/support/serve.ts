/** A supervisor behind a real node:http server on a loopback port, closed when the test ends. */
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { onTestFinished } from 'vitest';
import { createSessionSupervisor } from '../../src/index.ts';
import { toNodeHandler } from '../../src/node.ts';
import type { LogEntry, SessionSupervisorOptions } from '../../src/options.ts';
import type { SessionEvent } from '../../src/supervisor/sessionInfo.ts';
import { Gates } from './gates.ts';
import { listen } from './listen.ts';
import { SimulatedClock } from './simulatedClock.ts';
import { buildTestServer } from './testServer.ts';
import { until, withTimeout } from './until.ts';

export type Supervisor = ReturnType<typeof createSessionSupervisor>;

export interface Observed {
  readonly supervisor: Supervisor;
  /** The gates of the `gate` tool of the default server. */
  readonly gates: Gates;
  /** Everything that the supervisor logged. */
  readonly log: readonly LogEntry[];
  /** Every lifecycle event, in order. */
  readonly events: readonly SessionEvent[];
  /** Ends all sessions; drains with a short timeout. */
  stop(): Promise<void>;
}

export interface Served extends Observed {
  /** `http://127.0.0.1:<port>/mcp` */
  readonly url: string;
  readonly port: number;
  readonly httpServer: Server;
  /** Ends all sessions and closes every socket. Called by itself when the test ends; twice is harmless. */
  close(): Promise<void>;
}

export interface ServeOptions extends Partial<SessionSupervisorOptions> {
  /** `false` where there is no running test to end with (`beforeAll`): then `close` has to be called. */
  readonly autoClose?: boolean | undefined;
  /** What stands before the supervisor: a framework's application. Default: `toNodeHandler(supervisor)` alone. */
  readonly behind?: ((supervisor: Supervisor) => RequestListener | Promise<RequestListener>) | undefined;
  /** The path of `url`. Default `/mcp`. */
  readonly path?: string | undefined;
  /** Where it listens. Default: a free port. */
  readonly port?: number | undefined;
  /** Options of the node:http server. */
  readonly http?: ServerOptions | undefined;
}

/** How long the drain at a test's end waits for calls in flight, in ms. */
const CLOSING_TIMEOUT = 100;

const EVENT_TYPES = [
  'session.opened',
  'session.restored',
  'session.active',
  'session.idle',
  'session.parked',
  'session.terminated',
] as const;

/** A supervisor whose log and events are kept; without a server in front of it. */
export function supervise(options: Partial<SessionSupervisorOptions> = {}): Observed {
  const gates = new Gates();
  const log: LogEntry[] = [];
  const events: SessionEvent[] = [];
  const supervisor = createSessionSupervisor({
    server: (session) => buildTestServer(session, gates),
    ...options,
    logger: (entry) => {
      log.push(entry);
      options.logger?.(entry);
    },
  });
  for (const type of EVENT_TYPES) supervisor.on(type, (event) => events.push(event));

  const stop = async () => {
    gates.openAll();
    let drained = false;
    const drain = supervisor.drain({ timeout: CLOSING_TIMEOUT }).finally(() => {
      drained = true;
    });
    const { clock } = options;
    // Under simulated time nobody else lets the drain's own timeout pass.
    if (clock instanceof SimulatedClock) {
      const passTime = () => {
        clock.increment(CLOSING_TIMEOUT);
        return drained;
      };
      await until(passTime, { what: 'the drain on simulated time' });
    }
    await withTimeout(drain, { what: 'the drain at the end of the test' });
  };
  return { supervisor, gates, log, events, stop };
}

/** Starts a supervisor behind node:http. Options are the supervisor's; the server is the test server by default. */
export async function serve(options: ServeOptions = {}): Promise<Served> {
  const { autoClose = true, behind = toNodeHandler, path, port, http = {}, ...supervisorOptions } = options;
  const observed = supervise(supervisorOptions);
  const httpServer = createServer(http, await behind(observed.supervisor));
  const listening = await listen(httpServer, path, port);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      const stopped = observed.stop();
      await Promise.all([stopped, listening.close()]);
    })();
    return closing;
  };
  if (autoClose) onTestFinished(close);
  return { ...observed, url: listening.url, port: listening.port, httpServer, close };
}
