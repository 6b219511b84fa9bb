/** What a session is made of, and what it needs of the supervisor. */
import type { LogEntry, ResolvedOptions } from '../options.ts';
import type { ClientInfo } from '../protocol/initialize.ts';
import type { SessionRecord } from '../stores/sessionRecord.ts';
import type { IncarnationHost } from './incarnation.ts';
import type { MemoryHost } from './memory.ts';
import type { Outbox } from './outbox.ts';
import type { SessionEventType, SessionState } from './sessionInfo.ts';

/** What a session's client said when it opened it. */
export interface SessionOpening {
  readonly principal: string | undefined;
  readonly clientInfo: ClientInfo;
  readonly protocolVersion: string;
  /** Of a session that is brought back. */
  readonly record?: SessionRecord;
}

/** What a session needs of the supervisor. */
export interface SessionHost<S> extends IncarnationHost {
  readonly options: ResolvedOptions;
  readonly outbox: Outbox;
  readonly accepting: boolean;
  /** What sessions need that outlive their process; undefined where none does. */
  readonly memories: MemoryHost | undefined;
  /** Something happened to the session, which was in the state `before`. */
  changed(session: S, type: SessionEventType, before: SessionState): void;
  /** Nobody waits for a call any more. */
  quiet(session: S): void;
  /** Nothing keeps it from making room for others any more. */
  spare(session: S): void;
  /** Forgets the session, at once. */
  forget(session: S, before: SessionState): void;
  /** All that the session owned is closed, or was given up. */
  torn(session: S): void;
  log(entry: LogEntry): void;
}
