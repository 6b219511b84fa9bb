/** What a transport is told, and what it tells. */
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { AnyActorRef } from 'xstate';
import type { Clock } from '../clock.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { ConnectionLimits, StreamDrop } from './connection.ts';
import type { Note } from './notes.ts';
import type { OperationWatch } from './operations.ts';

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
  /** A stream was cut off. */
  dropped?(cause: StreamDrop): void;
  /** A session makes room for another one, and is parked for that, or ends. */
  makesRoom?(parks: boolean): void;
}

/** What a transport tells whoever owns it. */
export interface TransportEvents {
  /** What all transports together carry; this one counts its part in it. */
  readonly load: Load;
  /** Nobody waits for any call any more. */
  quiet(): void;
  /** The server threw where it must not, or can't go on for another reason, which ends its session so. */
  failed(error: unknown, reason?: EndReason): void;
  /** The server closed its connection. */
  closed(): void;
  /** The event store failed; the stream goes on without it. */
  storeFailed(error: unknown): void;
  /** What the session keeps of itself beyond its process; undefined where it does not outlive that. */
  readonly memory: SessionMemory | undefined;
  /** What a server has to know that is more than an object; undefined where there is no session. */
  readonly surroundings?: Surroundings | undefined;
  /** Where operations begin; undefined while nobody observes. */
  readonly watch?: OperationWatch | undefined;
  /** Something is about to leave: where the session may be another process's by now, the transport is shut by this. */
  checkLease?(): void;
}

/** What a server that is a process has to know of the session that it serves, and what it tells it. */
export interface Surroundings {
  readonly options: {
    readonly clock: Clock;
    /** How long a start may take, and how long an end, and how long a request waits for a server that is away, in ms. */
    readonly initializeTimeout: number;
    readonly shutdownTimeout: number;
    readonly restoreTimeout: number;
  };
  /** The actor of the session, to which actors of the server belong. */
  readonly actor: AnyActorRef | undefined;
  /** Logs an entry as one of the session. */
  log(entry: ServerLogEntry): void;
  /** A process of the server was started, or has exited: a line of the session's history. */
  note(line: ProcessLine): void;
}

/** What the log tells of a session's process. */
export type ProcessLogEvent =
  `child.${'started' | 'exited' | 'failed' | 'broken' | 'restarted' | 'replaced' | 'full' | 'stderr' | 'noise' | 'noisy'}`;

/** A log entry without its session. */
export interface ServerLogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: ProcessLogEvent;
  readonly message: string;
  readonly [key: string]: unknown;
}

/** What a session's history keeps of a process. */
export type ProcessLine =
  | { readonly event: 'child.started'; readonly generation: number }
  | { readonly event: 'child.exited'; readonly code: number | null; readonly signal: string | null };

/** What a session keeps of itself beyond its process. */
export interface SessionMemory {
  /** What it keeps is still this incarnation's, as far as is known here. */
  readonly mayWrite: boolean;
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
