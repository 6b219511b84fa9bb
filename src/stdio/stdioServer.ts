/** A command as a factory of servers: one process for each session, started with what the session is to have. */
import type { Clock } from '../clock.ts';
import { SupervisorError } from '../errors.ts';
import type { ServerFactory, SessionContext } from '../options/serverFactory.ts';
import type { Launch } from './child.ts';
import { ChildServer } from './childServer.ts';
import { childEnvironment } from './environment.ts';
import { createProcessLauncher } from './launcher.ts';
import type { ProcessLauncher, ProcessSpec } from './process.ts';
import {
  type ResolvedStdioOptions,
  resolveStdioOptions,
  type StdioServerOptions,
  type Variables,
  variablesOfSession,
} from './stdioOptions.ts';
import { WarmPool } from './warmPool.ts';

/** A factory of servers that are processes. */
export interface StdioServerFactory extends ServerFactory {
  /**
   * Starts the warm processes. Called by the supervisor that is made with it, of which there is one at a time.
   * @throws {SupervisorError} `INVALID_OPTION` for another supervisor before the drain of the first is through, and where `warm` is more than its `maxSessions`.
   */
  open(supervisor: { readonly maxSessions: number }): void;
  /**
   * Ends what no session has: warm processes, and whatever else is left. A supervisor's drain calls it. No process is
   * started any more (`SPAWN_UNAVAILABLE`), unless another supervisor opens it.
   */
  close(): Promise<void>;
  /** A process for each request is not offered: `stateless` is refused. */
  readonly needsSession: true;
}

/** What tests have another of. */
export interface StdioWorld {
  readonly launcher?: () => ProcessLauncher;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Serves an MCP server that speaks stdio: pass it as `server`. Each session has a process of its own, which ends with it.
 * @throws {SupervisorError} `INVALID_OPTION`, `UNKNOWN_OPTION` or `CONFLICTING_OPTIONS`
 * @example
 * ```ts
 * import { createSessionSupervisor } from 'mcp-session-supervisor';
 * import { stdioServer } from 'mcp-session-supervisor/stdio';
 *
 * const supervisor = createSessionSupervisor({
 *   server: stdioServer({ command: 'npx', args: ['-y', '@modelcontextprotocol/server-everything', 'stdio'] }),
 *   maxSessions: 64, // each is a process
 * });
 * ```
 */
export function stdioServer(options: StdioServerOptions): StdioServerFactory {
  return factoryOf(resolveStdioOptions(options));
}

/** The factory, in a world that may be another than this process. */
export function factoryOf(options: ResolvedStdioOptions, world: StdioWorld = {}): StdioServerFactory {
  const commands = new Commands(options, world);
  const factory = async (session: SessionContext) => commands.build(session);
  return Object.assign(factory, {
    open: ({ maxSessions }: { readonly maxSessions: number }) => commands.open(maxSessions),
    close: () => commands.close(),
    needsSession: true as const,
  });
}

class Commands {
  readonly #options: ResolvedStdioOptions;
  readonly #world: StdioWorld;
  #launcher: ProcessLauncher | undefined;
  #pool: WarmPool | undefined;
  #hasSupervisor = false;
  #closed = false;

  constructor(options: ResolvedStdioOptions, world: StdioWorld) {
    this.#options = options;
    this.#world = world;
  }

  open(maxSessions: number): void {
    const { warm } = this.#options;
    if (this.#hasSupervisor) throw new SupervisorError('INVALID_OPTION', ONE_SUPERVISOR);
    if (warm > maxSessions) {
      const message = `warm must be maxSessions (${maxSessions}) at most: no more sessions could have them; got ${warm}`;
      throw new SupervisorError('INVALID_OPTION', message);
    }
    this.#hasSupervisor = true;
    this.#closed = false;
    this.#warm?.fill();
  }

  async build(session: SessionContext): Promise<ChildServer> {
    const { env } = this.#options;
    const own = typeof env === 'function' ? variablesOfSession(await env(session)) : undefined;
    const spec = this.#spec(own);
    const pool = own === undefined ? this.#warm : undefined;
    const fresh: Launch = async (events, signal) => this.#launching.launch(spec, events, signal);
    const launch: Launch = async (events, signal) => {
      signal.throwIfAborted();
      const spare = pool?.take(events, instead);
      const launched = spare ?? fresh(events, signal);
      pool?.fill(); // behind it
      return launched;
    };
    const instead: Launch = async (events, signal) => {
      const launched = pool?.take(events) ?? fresh(events, signal);
      pool?.fill();
      return launched;
    };
    return new ChildServer({ options: this.#options, launch, signal: session.signal });
  }

  async close(): Promise<void> {
    const [pool, launcher] = [this.#pool, this.#launcher];
    this.#pool = undefined;
    this.#launcher = undefined;
    this.#hasSupervisor = false;
    this.#closed = true;
    await pool?.close();
    await launcher?.close();
  }

  #spec(own: Variables | undefined): ProcessSpec {
    const { command, args, cwd, env, inheritEnv } = this.#options;
    const given = typeof env === 'function' ? (own ?? {}) : env;
    const variables = childEnvironment({ env: given, inherit: inheritEnv }, this.#world.env ?? process.env);
    return { command, args, cwd, env: variables };
  }

  /** @throws {SupervisorError} `SPAWN_UNAVAILABLE` when it is closed. */
  get #launching(): ProcessLauncher {
    if (this.#closed)
      throw new SupervisorError('SPAWN_UNAVAILABLE', 'No process is started any more: its factory is closed');
    const { logger } = this.#options;
    this.#launcher ??= this.#world.launcher?.() ?? createProcessLauncher(logger === undefined ? {} : { log: logger });
    return this.#launcher;
  }

  /** The pool: what is kept ready is what a session of nobody in particular has. */
  get #warm(): WarmPool | undefined {
    const { warm: size, logger } = this.#options;
    if (size === 0 || this.#closed) return undefined;
    const { clock } = this.#world;
    this.#pool ??= new WarmPool({ size, spec: this.#spec(undefined), launcher: () => this.#launching, logger, clock });
    return this.#pool;
  }
}

const ONE_SUPERVISOR =
  'server: a factory of stdioServer belongs to one supervisor at a time, whose drain ends all that it started; make another one with stdioServer';
