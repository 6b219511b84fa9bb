/** What an embedder sees of a session and of its life: plain values, made when asked for. */
import type { EndReason } from '../machines/reasons.ts';
import type { ClientInfo } from '../protocol/initialize.ts';
import type { HistoryEvent } from './history.ts';

/** The states of the session machine. */
export type SessionState = 'initializing' | 'restoring' | 'active' | 'idle' | 'parked' | 'terminated';

/** A session as it was when it was looked at. */
export interface SessionInfo {
  readonly id: string;
  readonly state: SessionState;
  /** Exchanges that hold the session: POSTs being answered, open GET streams, calls that may be resumed. */
  readonly inFlight: number;
  /** Requests of its client that are not answered, whoever waits for them. */
  readonly calls: number;
  /** SSE streams open right now: GET streams, and POSTs answered as a stream. */
  readonly openStreams: number;
  /** Milliseconds since the epoch, by the supervisor's clock. */
  readonly createdAt: number;
  /** When the last exchange began or ended, in ms since the epoch. */
  readonly lastActiveAt: number;
  readonly principal: string | undefined;
  readonly clientInfo: ClientInfo | undefined;
  /** The negotiated protocol version; while `initializing`, the one asked for. */
  readonly protocolVersion: string | undefined;
  /**
   * The number of its incarnation, which grows each time that it is brought back: a fencing token for whoever writes
   * elsewhere. 1 without a session store.
   */
  readonly epoch: number;
  /** Its last lifecycle events, oldest first: as many as the option `historySize` says. */
  readonly history: readonly HistoryEvent[];
}

/**
 * A session that was opened has `session.opened` first. One that ends before (its initialize timed out, its factory threw)
 * was never opened, and has `session.terminated` alone: every ending is told, with its reason.
 */
export type SessionEventType =
  | 'session.opened'
  | 'session.active'
  | 'session.idle'
  | 'session.terminated'
  /** It lives on as its record alone: nothing of it is left in this process. */
  | 'session.parked'
  /** It has been brought back, by a request for it. `session.active` follows. */
  | 'session.restored';

/** What a listener gets. */
export interface SessionEvent {
  readonly type: SessionEventType;
  readonly session: SessionInfo;
  /** Why the session ended; only in `session.terminated`. */
  readonly reason?: EndReason;
}

/** Hears of sessions: `supervisor.on('session.terminated', listener)`. */
export type SessionListener = (event: SessionEvent) => void;
