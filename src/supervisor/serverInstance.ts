/** One MCP server of the user's, built by the factory for one session, and closed with it. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { SupervisorError } from '../errors.ts';
import type {
  ConnectableServer,
  LogEntry,
  ResolvedOptions,
  ServerFactory,
  ServerWithCleanup,
  SessionContext,
} from '../options.ts';
import type { ClientInfo } from '../protocol/initialize.ts';
import { atMost } from './atMost.ts';
import { SharedValidator } from './sharedValidator.ts';

/** What every server may share with all others of the process. */
const SERVER_OPTIONS = { jsonSchemaValidator: new SharedValidator() };

export interface ServerRequest {
  readonly id: string | undefined;
  readonly principal: string | undefined;
  readonly authInfo: AuthInfo | undefined;
  readonly clientInfo: ClientInfo | undefined;
  readonly protocolVersion: string | undefined;
}

/** What the factory is told. The signal is made when asked for: most factories never do. */
class Context implements SessionContext {
  readonly id: string | undefined;
  readonly principal: string | undefined;
  readonly authInfo: AuthInfo | undefined;
  readonly clientInfo: ClientInfo | undefined;
  readonly protocolVersion: string | undefined;
  readonly serverOptions = SERVER_OPTIONS;
  readonly #instance: ServerInstance;

  constructor(request: ServerRequest, instance: ServerInstance) {
    this.id = request.id;
    this.principal = request.principal;
    this.authInfo = request.authInfo;
    this.clientInfo = request.clientInfo;
    this.protocolVersion = request.protocolVersion;
    this.#instance = instance;
  }

  get signal(): AbortSignal {
    return this.#instance.signal;
  }
}

/** What a server instance needs of the supervisor. */
interface ServerHost {
  readonly options: Pick<ResolvedOptions, 'clock' | 'shutdownTimeout'>;
  log(entry: LogEntry): void;
}

export class ServerInstance {
  readonly #id: string | undefined;
  readonly #host: ServerHost;
  #controller: AbortController | undefined;
  #server: ConnectableServer | undefined;
  #cleanup: ServerWithCleanup['cleanup'];
  #closed = false;

  constructor(id: string | undefined, host: ServerHost) {
    this.#id = id;
    this.#host = host;
  }

  /** Aborted when the server is to be closed. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#closed) this.#controller.abort();
    return this.#controller.signal;
  }

  /**
   * Has the factory build the server and connects it. Resolves to false when it was closed meanwhile.
   * Rejects with whatever the factory or `connect` threw, or with a `SupervisorError` `INVALID_SERVER`.
   */
  async start(factory: ServerFactory, request: ServerRequest, transport: unknown): Promise<boolean> {
    if (this.#closed) return false;
    const { server, cleanup } = serverOf(await factory(new Context(request, this)));
    this.#server = server;
    this.#cleanup = cleanup;
    if (!this.#closed) await server.connect(transport);
    if (!this.#closed) return true;
    await this.#dispose();
    return false;
  }

  /**
   * Aborts the signal, closes the server and cleans up, which is waited for, but not beyond `shutdownTimeout`.
   * Never rejects; closing twice is harmless.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#controller?.abort();
    const { clock, shutdownTimeout } = this.#host.options;
    if (await atMost(clock, shutdownTimeout, this.#dispose())) return;
    this.#log(`The server did not close within ${shutdownTimeout} ms`);
  }

  async #dispose(): Promise<void> {
    const server = this.#server;
    const cleanup = this.#cleanup;
    if (server === undefined) return;
    this.#server = undefined;
    await this.#attempt('The server failed to close', () => server.close());
    await this.#attempt('The cleanup failed', () => cleanup?.(this.#id));
  }

  async #attempt(message: string, action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#log(message, error);
    }
  }

  #log(message: string, error?: unknown): void {
    const cause = error === undefined ? {} : { error };
    this.#host.log({ level: 'warn', event: 'server.closeFailed', message, sessionId: this.#id, ...cause });
  }
}

function isServer(value: unknown): value is ConnectableServer {
  const server = value as Partial<ConnectableServer> | null | undefined;
  return typeof server?.connect === 'function' && typeof server.close === 'function';
}

function serverOf(built: ConnectableServer | ServerWithCleanup): ServerWithCleanup {
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
