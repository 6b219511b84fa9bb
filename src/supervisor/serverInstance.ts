/** One MCP server of the user's, built by the factory for one session, and closed with it. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { SupervisorError } from '../errors.ts';
import type { ConnectableServer, ServerFactory, ServerWithCleanup, SessionContext } from '../options.ts';
import type { ClientInfo } from '../protocol/initialize.ts';
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

export class ServerInstance {
  readonly #id: string | undefined;
  readonly #controller = new AbortController();
  readonly #onError: (message: string, error: unknown) => void;
  #built: ServerWithCleanup | undefined;
  #closed = false;

  /** `onError` hears of what fails while the server is being closed. */
  constructor(id: string | undefined, onError: (message: string, error: unknown) => void) {
    this.#id = id;
    this.#onError = onError;
  }

  /**
   * Has the factory build the server and connects it. Resolves to false when it was closed meanwhile.
   * Rejects with whatever the factory or `connect` threw, or with a `SupervisorError` `INVALID_SERVER`.
   */
  async start(factory: ServerFactory, request: ServerRequest, transport: unknown): Promise<boolean> {
    const { signal } = this.#controller;
    const context: SessionContext = { ...request, serverOptions: SERVER_OPTIONS, signal };
    this.#built = withCleanup(await factory(context));
    if (!this.#closed) await this.#built.server.connect(transport);
    if (!this.#closed) return true;
    await this.#dispose();
    return false;
  }

  /** Aborts the signal, closes the server and cleans up. Never rejects; closing twice is harmless. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#controller.abort();
    await this.#dispose();
  }

  async #dispose(): Promise<void> {
    const built = this.#built;
    this.#built = undefined;
    if (built === undefined) return;
    await this.#attempt('The server failed to close', () => built.server.close());
    await this.#attempt('The cleanup failed', () => built.cleanup?.(this.#id));
  }

  async #attempt(message: string, action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#onError(message, error);
    }
  }
}

function isServer(value: unknown): value is ConnectableServer {
  const server = value as Partial<ConnectableServer> | null | undefined;
  return typeof server?.connect === 'function' && typeof server.close === 'function';
}

function withCleanup(built: ConnectableServer | ServerWithCleanup): ServerWithCleanup {
  if (isServer(built)) return { server: built };
  const { server, cleanup } = (built ?? {}) as Partial<ServerWithCleanup>;
  if (isServer(server) && (cleanup === undefined || typeof cleanup === 'function')) return built;
  throw new SupervisorError(
    'INVALID_SERVER',
    'The server factory must return an MCP server (with connect and close), or { server, cleanup }',
  );
}
