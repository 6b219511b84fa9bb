/** What a transport is told, and what it tells. */
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { ConnectionLimits } from './connection.ts';

export interface TransportOptions extends ConnectionLimits {
  readonly enableJsonResponse: boolean;
  readonly eventStore: EventStore | undefined;
  /** The SSE `retry` field, in ms; undefined for one of the session's own. */
  readonly retryInterval: number | undefined;
  /** How long a disconnected call that may be resumed holds its session, in ms. */
  readonly resumeTimeout: number;
  /** How long the end of a session may wait for the event store, in ms, where that is shorter than `STORE_TIMEOUT`. */
  readonly shutdownTimeout: number;
}

/** Which incarnation of its session a transport serves. */
export interface IncarnationNumber {
  /** Grows with each incarnation; there is no arithmetic on it. */
  readonly epoch: number;
  /** There was none before. */
  readonly first: boolean;
}

/** What a process carries right now, counted as it comes and goes. */
export interface Load {
  /** Requests of clients that are not answered. */
  calls: number;
  /** SSE responses that are open. */
  streams: number;
}

/** What a transport tells whoever owns it. */
export interface TransportEvents {
  /** What all transports together carry; this one counts its part in it. */
  readonly load: Load;
  /** Nobody waits for any call any more. */
  quiet(): void;
  /** The server threw where it must not. */
  failed(error: unknown): void;
  /** The server closed its connection. */
  closed(): void;
  /** The event store failed; the stream goes on without it. */
  storeFailed(error: unknown): void;
}
