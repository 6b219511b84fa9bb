/** What a transport is told, and what it tells. */
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Result } from '@modelcontextprotocol/sdk/types.js';
import type { ConnectionLimits } from './connection.ts';
import type { Hold } from './hold.ts';

export interface TransportOptions extends ConnectionLimits {
  readonly enableJsonResponse: boolean;
  readonly eventStore: EventStore | undefined;
  /** The SSE `retry` field, in ms. */
  readonly retryInterval: number | undefined;
  /** How long a disconnected call that may be resumed holds its session, in ms. */
  readonly resumeTimeout: number;
}

/** What a transport tells whoever owns it. */
export interface TransportEvents {
  /** The initialize was answered with a result. Returns the hold of its exchange, or undefined if it came too late. */
  initialized(result: Result): Hold | undefined;
  /** The initialize was answered with an error. */
  initializeRefused(): void;
  /** The last call in flight was answered. */
  quiet(): void;
  /** The server threw where it must not. */
  failed(error: unknown): void;
  /** The server closed its connection. */
  closed(): void;
  /** The event store failed; the stream goes on without it. */
  storeFailed(error: unknown): void;
}
