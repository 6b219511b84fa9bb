/** The factory of servers: what it is told, and what it may return. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { ServerOptions } from '@modelcontextprotocol/sdk/server/index.js';
import type { ClientInfo } from '../protocol/initialize.ts';

/** What the server factory is told about the session that it builds a server for, or about the request where there is none. */
export interface SessionContext {
  /** The session's id; `undefined` when `stateless`, and where `era` is `'modern'`. */
  readonly id: string | undefined;
  /** Who owns the session, by the `principal` option; `undefined` when nobody is known. */
  readonly principal: string | undefined;
  /** The authentication of the initialize request, where the host provides it. */
  readonly authInfo: AuthInfo | undefined;
  /** Who the client says it is; `undefined` when `stateless`, unless the request is an initialize. */
  readonly clientInfo: ClientInfo | undefined;
  /** The protocol version that the client asked for; when `stateless`, that of the request, 2025-03-26 if it names none. */
  readonly protocolVersion: string | undefined;
  /**
   * Spread into `new McpServer(info, { ...serverOptions })`: holds the one JSON Schema validator that all sessions
   * share. Without it each server builds its own, which is most of what a session costs.
   */
  readonly serverOptions: Pick<ServerOptions, 'jsonSchemaValidator'>;
  /** Header values, by lower-case name, of the request that has this server built. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The URL of the request that has this server built. */
  readonly url: URL;
  /**
   * The session had a server before, and is brought back: what its client said is told to the new server, and `state` is
   * what it was. Where the session can't be brought back, throw a `SupervisorError` `NOT_RESTORABLE`. Always false without
   * a session store.
   */
  readonly restored: boolean;
  /**
   * The number of the session's incarnation, which grows each time that it is brought back: a fencing token for what is
   * written elsewhere. 1 without a session store; `undefined` when `stateless`, and where `era` is `'modern'`.
   */
  readonly epoch: number | undefined;
  /**
   * What the server keeps with its session: it outlives the server where there is a session store, and lives with the
   * session otherwise. `undefined` when `stateless`, and where `era` is `'modern'`.
   */
  readonly state: SessionBag | undefined;
  /**
   * The era of the protocol that the server is built for: of sessions (`'session'`, also when `stateless`), or of 2026-07-28
   * (`'modern'`), where it has to be one of SDK v2, serves one request and is closed. There `id`, `epoch` and `state` are
   * `undefined`, and `clientInfo` and `protocolVersion` are what the request says.
   */
  readonly era: 'session' | 'modern';
  /**
   * Aborted when the session ends or is parked, the factory still running included. A listener on it that throws, or rejects, is logged
   * as `listener.failed`; one on a signal that is made from it (`AbortSignal.any`) is Node's to tell of, and ends the process.
   */
  readonly signal: AbortSignal;
}

/**
 * What a session needs of a server: `McpServer` and `Server` of SDK v1 and of v2 have both.
 * `connect` is given an MCP transport (of either version); `close` ends the connection.
 */
export interface ConnectableServer {
  // biome-ignore lint/suspicious/noExplicitAny: the Transport types of SDK v1 and v2 differ in optional members only
  connect(transport: any): Promise<void>;
  close(): Promise<void>;
}

/**
 * JSON values by name. They are copied on their way in and out. What is set is stored before the answer of any call leaves
 * that is given after it.
 */
export interface SessionBag {
  /** The value, a copy; undefined when there is none. */
  get(key: string): unknown;
  /**
   * @throws {SupervisorError} `INVALID_STATE` for what is no JSON, or more than `maxStateSize` in all; `SESSION_CLOSED` when
   * this server's part in the session is over.
   */
  set(key: string, value: unknown): void;
  /** Returns whether there was such a value. Throws `SESSION_CLOSED` as `set` does. */
  delete(key: string): boolean;
  /** All of them, in no particular order; values are copies. */
  entries(): IterableIterator<[key: string, value: unknown]>;
}

/** A server together with what has to be cleaned up after its session. */
export interface ServerWithCleanup {
  readonly server: ConnectableServer;
  /**
   * Called once, when the server is closed: because the session has ended, or (`parked`) lives on without a server until it
   * is asked for. An error is logged.
   */
  cleanup?(sessionId: string | undefined, end: { readonly parked: boolean }): unknown;
}

/** Builds the server of one session. */
export interface ServerFactory {
  (session: SessionContext): ConnectableServer | ServerWithCleanup | Promise<ConnectableServer | ServerWithCleanup>;
  /** Called when a supervisor is made with it, which fails with what it throws. */
  open?(supervisor: { readonly maxSessions: number }): void;
  /** Where a factory holds something besides the servers that it built: called at the end of a drain, which waits for it. */
  close?(): unknown;
  /** True where it builds servers for sessions alone: beside `stateless` it is refused. Default false. */
  readonly needsSession?: boolean;
}
