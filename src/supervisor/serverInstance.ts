/**
 * One MCP server of the embedder's, built by the factory for one session or one stateless call, and closed with it: once,
 * when its `connect` has settled, however long after its session that is.
 */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { isCoded, type RefusalName, SupervisorError } from '../errors.ts';
import type {
  ConnectableServer,
  LogEntry,
  ResolvedOptions,
  ServerFactory,
  ServerWithCleanup,
  SessionBag,
  SessionContext,
} from '../options.ts';
import type { ClientInfo } from '../protocol/initialize.ts';
import type { Exchange, RequestHeaders } from '../transport/exchange.ts';
import { atMost } from './atMost.ts';
import { guardedSignal } from './guardedSignal.ts';
import type { ServerCount, ServerPhase } from './serverCount.ts';
import { SharedValidator } from './sharedValidator.ts';

/** What every server may share with all others of the process. */
const SERVER_OPTIONS = { jsonSchemaValidator: new SharedValidator() };

/** Every server of the process that is in somebody's hands, whichever supervisor's. */
const taken = new WeakSet<object>();

export interface ServerRequest {
  readonly id: string | undefined;
  readonly principal: string | undefined;
  readonly authInfo: AuthInfo | undefined;
  readonly requestInfo: Exchange['requestInfo'];
  readonly clientInfo: ClientInfo | undefined;
  readonly protocolVersion: string | undefined;
  /** The session that it is for; undefined where there is none. */
  readonly session: ServedSession | undefined;
  /** Default `'session'`. */
  readonly era?: 'modern';
}

/** What of a session its server gets. */
export interface ServedSession {
  readonly epoch: number;
  /** It had a server before. */
  readonly isRestored: boolean;
  readonly bag: SessionBag;
}

/** What the factory is told. Signal and URL are made when asked for: most factories never do. */
class Context implements SessionContext {
  readonly id: string | undefined;
  readonly principal: string | undefined;
  readonly authInfo: AuthInfo | undefined;
  readonly clientInfo: ClientInfo | undefined;
  readonly protocolVersion: string | undefined;
  readonly serverOptions = SERVER_OPTIONS;
  readonly #requestInfo: Exchange['requestInfo'];
  readonly #instance: ServerInstance;
  readonly #session: ServedSession | undefined;
  readonly #era: 'session' | 'modern';

  constructor(request: ServerRequest, instance: ServerInstance) {
    this.id = request.id;
    this.principal = request.principal;
    this.authInfo = request.authInfo;
    this.clientInfo = request.clientInfo;
    this.protocolVersion = request.protocolVersion;
    this.#requestInfo = request.requestInfo;
    this.#instance = instance;
    this.#session = request.session;
    this.#era = request.era ?? 'session';
  }

  get restored(): boolean {
    return this.#session?.isRestored ?? false;
  }

  get epoch(): number | undefined {
    return this.#session?.epoch;
  }

  get state(): SessionBag | undefined {
    return this.#session?.bag;
  }

  get era(): 'session' | 'modern' {
    return this.#era;
  }

  get headers(): RequestHeaders {
    return this.#requestInfo.headers;
  }

  get url(): URL {
    return this.#requestInfo.url;
  }

  get signal(): AbortSignal {
    return this.#instance.signal;
  }
}

/** What a server instance needs of the supervisor. */
export interface ServerHost {
  readonly options: Pick<ResolvedOptions, 'clock' | 'server' | 'shutdownTimeout'>;
  readonly servers: ServerCount;
  log(entry: LogEntry): void;
}

export class ServerInstance {
  readonly #id: string | undefined;
  readonly #host: ServerHost;
  #phase: ServerPhase | undefined;
  #controller: AbortController | undefined;
  #server: ConnectableServer | undefined;
  /** What it was taken by. By the end it may say otherwise, or nothing at all. */
  #identity: ConnectableServer | undefined;
  #cleanup: ServerWithCleanup['cleanup'];
  /** Settles when the factory and `connect` are through, or have failed. */
  #starting: Promise<void> | undefined;
  #closed = false;
  #parks = false;

  constructor(id: string | undefined, host: ServerHost) {
    this.#id = id;
    this.#host = host;
  }

  /** The server, as the factory returned it; undefined before that and after its end. */
  get server(): ConnectableServer | undefined {
    return this.#server;
  }

  /** Aborted when the server is to be closed. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      guardedSignal(this.#controller.signal, (error) =>
        this.#log('error', 'listener.failed', "A listener of the factory's signal failed", error),
      );
    }
    if (this.#closed) this.#controller.abort();
    return this.#controller.signal;
  }

  /**
   * Has the factory build the server and connects it, unless somebody else will (no `transport`). Resolves to false when it was closed meanwhile, whatever became of
   * it. Rejects with whatever the factory or `connect` threw, or with a `SupervisorError` `INVALID_SERVER`.
   */
  async start(request: ServerRequest, transport?: unknown): Promise<boolean> {
    if (this.#closed) return false;
    this.#enter('starting');
    // It is there before the factory is called, which may end its session at once.
    let begin = (_: Promise<void>) => {};
    this.#starting = new Promise((resolve) => {
      begin = resolve;
    });
    begin(this.#build(request, transport));
    try {
      await this.#starting;
    } catch (error) {
      if (!this.#closed) throw error;
      this.#warn('server.failed', 'The server failed to start, after its session had ended', error);
    }
    this.#starting = undefined;
    if (this.#closed) return false;
    this.#enter('open');
    return true;
  }

  /**
   * Aborts the signal, closes the server and cleans up, which is waited for, but not beyond `shutdownTimeout`. A server
   * that the factory still builds is not waited for: it is closed when it is there. Never rejects; closing twice is
   * harmless. `parks` says that the session lives on without it.
   */
  async close(parks = false): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#parks = parks;
    this.#controller?.abort();
    if (this.#phase === 'open') this.#enter('closing'); // one that still starts counts as that
    const finished = this.#finish();
    if (this.#server !== undefined) await finished;
  }

  async #finish(): Promise<void> {
    const { clock, shutdownTimeout } = this.#host.options;
    if (!(await atMost(clock, shutdownTimeout, this.#dispose()))) {
      const what = this.#phase === 'starting' ? 'start' : 'close';
      this.#warn('server.closeFailed', `The server did not ${what} within ${shutdownTimeout} ms; it is not waited for`);
      if (this.#phase === 'closing') void this.#cleanUp(); // what the session had besides its server is no worse for it
    }
    this.#enter(undefined);
  }

  async #build(request: ServerRequest, transport: unknown): Promise<void> {
    const { server, cleanup } = serverOf(await this.#host.options.server(new Context(request, this)));
    this.#identity = take(server);
    this.#server = server;
    this.#cleanup = cleanup;
    if (!this.#closed && transport !== undefined) await server.connect(transport);
  }

  async #dispose(): Promise<void> {
    if (this.#starting !== undefined) await this.#starting.catch(() => {}); // `start` tells of it
    const server = this.#server;
    if (server === undefined) return;
    await this.#attempt('The server failed to close', () => server.close());
    if (this.#identity !== undefined) taken.delete(this.#identity);
    this.#server = undefined;
    await this.#cleanUp();
  }

  async #cleanUp(): Promise<void> {
    const cleanup = this.#cleanup;
    this.#cleanup = undefined;
    if (cleanup === undefined) return;
    await this.#attempt('The cleanup failed', () => cleanup(this.#id, { parked: this.#parks }));
  }

  async #attempt(message: string, action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#warn('server.closeFailed', message, error);
    }
  }

  #enter(phase: ServerPhase | undefined): void {
    this.#host.servers.move(this.#phase, phase);
    this.#phase = phase;
  }

  #warn(event: LogEntry['event'], message: string, error?: unknown): void {
    this.#log('warn', event, message, error);
  }

  #log(level: LogEntry['level'], event: LogEntry['event'], message: string, error: unknown): void {
    const cause = error === undefined ? {} : { error };
    this.#host.log({ level, event, message, sessionId: this.#id, ...cause });
  }
}

/** What a client is answered whose server could not be had, for this error. */
export function refusalOf(error: unknown): RefusalName {
  return isCoded(error, 'SPAWN_UNAVAILABLE') ? 'serverUnavailable' : 'serverFailed';
}

/** What tells a server from others: the one that it wraps (SDK's `McpServer`), since that is what connects. */
function identityOf(server: ConnectableServer): ConnectableServer {
  try {
    const { server: wrapped } = server as { server?: unknown };
    return isServer(wrapped) ? wrapped : server;
  } catch {
    return server; // a getter that throws
  }
}

/**
 * Takes a server for one session. Returns what is to be given back.
 * @throws {SupervisorError} `INVALID_SERVER` when it is in use.
 */
function take(server: ConnectableServer): ConnectableServer {
  const identity = identityOf(server);
  if (taken.has(identity)) {
    throw new SupervisorError(
      'INVALID_SERVER',
      'The server factory returned a server that another session has; it must build a new one each time: ' +
        'move `new McpServer(…)` and its tools into the function that you pass as `server`',
    );
  }
  taken.add(identity);
  return identity;
}

function isServer(value: unknown): value is ConnectableServer {
  const server = value as Partial<ConnectableServer> | null | undefined;
  return typeof server?.connect === 'function' && typeof server.close === 'function';
}

function serverOf(built: Awaited<ReturnType<ServerFactory>>): ServerWithCleanup {
  if (isServer(built)) return { server: built };
  const { server, cleanup } = (built ?? {}) as Partial<ServerWithCleanup>;
  if (isServer(server) && (cleanup === undefined || typeof cleanup === 'function')) {
    return cleanup === undefined ? { server } : { server, cleanup: cleanup.bind(built) };
  }
  throw new SupervisorError(
    'INVALID_SERVER',
    'The server factory must return an MCP server (with connect and close), or { server, cleanup }',
  );
}
