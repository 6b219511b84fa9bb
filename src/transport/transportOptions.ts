/** What a transport is told, and what it tells. */
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { ConnectionLimits } from './connection.ts';
import type { Note } from './notes.ts';

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
  /** What the session keeps of itself beyond its process; undefined where it does not outlive that. */
  readonly memory: SessionMemory | undefined;
}

/** What a session keeps of itself beyond its process. */
export interface SessionMemory {
  /** The client told the server something that the server of a later incarnation has to know. */
  note(note: Note): void;
  /**
   * Resolves when everything is stored that the session was given to keep until now: to false where that failed, and
   * nothing may be answered that builds on it. Undefined when there is nothing to wait for.
   */
  stored(): Promise<boolean> | undefined;
  /** No handler runs any more, and no question to the client is open. */
  settled(): void;
}
