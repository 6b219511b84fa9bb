/** A command as a factory of servers: one process for each session, started with what the session is to have. */
import type { Clock } from '../clock.ts';
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
} from './stdioOptions.ts';
import { WarmPool } from './warmPool.ts';

/** A factory of servers that are processes. */
export interface StdioServerFactory extends ServerFactory {
  /** Ends what no session has: warm processes, and whatever else is left. A supervisor's drain calls it. */
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
 * @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION`
 */
export function stdioServer(options: StdioServerOptions): StdioServerFactory {
  return factoryOf(resolveStdioOptions(options));
}

/** The factory, in a world that may be another than this process. */
export function factoryOf(options: ResolvedStdioOptions, world: StdioWorld = {}): StdioServerFactory {
  const commands = new Commands(options, world);
  const factory = async (session: SessionContext) => commands.build(session);
  return Object.assign(factory, { close: () => commands.close(), needsSession: true as const });
}

class Commands {
  readonly #options: ResolvedStdioOptions;
  readonly #world: StdioWorld;
  #launcher: ProcessLauncher | undefined;
  #pool: WarmPool | undefined;

  constructor(options: ResolvedStdioOptions, world: StdioWorld) {
    this.#options = options;
    this.#world = world;
  }

  async build(session: SessionContext): Promise<ChildServer> {
    const { env } = this.#options;
    const own = typeof env === 'function' ? await env(session) : undefined;
    const spec = this.#spec(own);
    const pool = own === undefined ? this.#warm(spec) : undefined;
    const launch: Launch = async (events, signal) => {
      signal.throwIfAborted();
      return pool?.take(events) ?? this.#launch(spec, events, signal);
    };
    return new ChildServer({ options: this.#options, launch, signal: session.signal });
  }

  async close(): Promise<void> {
    const [pool, launcher] = [this.#pool, this.#launcher];
    this.#pool = undefined;
    this.#launcher = undefined;
    await pool?.close();
    await launcher?.close();
  }

  #spec(own: Variables | undefined): ProcessSpec {
    const { command, args, cwd, env, inheritEnv } = this.#options;
    const given = typeof env === 'function' ? (own ?? {}) : env;
    const variables = childEnvironment({ env: given, inherit: inheritEnv }, this.#world.env ?? process.env);
    return { command, args, cwd, env: variables };
  }

  get #launching(): ProcessLauncher {
    const { logger } = this.#options;
    this.#launcher ??= this.#world.launcher?.() ?? createProcessLauncher(logger === undefined ? {} : { log: logger });
    return this.#launcher;
  }

  #launch(spec: ProcessSpec, ...rest: [Parameters<Launch>[0], AbortSignal]): ReturnType<Launch> {
    return this.#launching.launch(spec, ...rest);
  }

  /** The pool, filled: what is kept ready is what a session of nobody in particular has. */
  #warm(spec: ProcessSpec): WarmPool | undefined {
    const { warm: size, logger } = this.#options;
    if (size === 0) return undefined;
    const { clock } = this.#world;
    this.#pool ??= new WarmPool({ size, spec, launcher: () => this.#launching, logger, clock });
    this.#pool.fill();
    return this.#pool;
  }
}
