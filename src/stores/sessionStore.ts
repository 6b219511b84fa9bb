/**
 * The contract of a session store: where the records of sessions live. A session that lives has a record too, so that it
 * can be brought back when its process dies; a parked one has nothing else.
 *
 * Nothing is ever written unconditionally: a record is created only where there is none, and changed or removed only at
 * the epoch that the writer owns. What was removed never comes back.
 *
 * Three verdicts are kept apart. `gone`: there is no such record, so the session has ended. `fenced`: there is one, and
 * its epoch is another than the caller's, so it belongs to somebody else by now. A promise that rejects: nobody knows,
 * the write may have been done or not. An operation is done when its promise has resolved; what is asked in between may
 * see the record before or after it.
 *
 * The stores of this package refuse what is no record, or too large, with a `SupervisorError` `INVALID_RECORD`, and then
 * nothing is written. A store of one's own need not: what it is given has been checked.
 */
import type { RecordChange, SessionRecord } from './sessionRecord.ts';

/** Why a record that is there can't be used. */
export type UnreadableReason =
  /** It was written by a later version, whose format this one does not know. It is left alone. */
  | 'newerFormat'
  /** It is larger than a record may be. */
  | 'tooLarge'
  /** It is no JSON: half written, for instance. */
  | 'notJson'
  /** It is JSON, but no record. */
  | 'malformed';

/** A record that can't be used; its session can't be brought back, and others are unhurt. */
export interface Unreadable {
  readonly verdict: 'unreadable';
  readonly why: UnreadableReason;
}

/** What comes of reading a record. */
export type Loaded =
  | { readonly verdict: 'found'; readonly record: SessionRecord }
  | { readonly verdict: 'gone' }
  | Unreadable;

/** What comes of taking a session over. */
export type Claimed =
  /** The record as it is now: at the next epoch, and not parked. */
  | { readonly verdict: 'claimed'; readonly record: SessionRecord }
  | { readonly verdict: 'gone' }
  /** Its epoch is not the one that was seen: somebody else has claimed it. */
  | { readonly verdict: 'fenced' }
  | Unreadable;

/** A session that had to end because too many were parked. */
export interface EvictedSession {
  readonly id: string;
  /** Its record as it was; `null` where that could not be read. */
  readonly record: SessionRecord | null;
}

/** What comes of parking a session; `evicted` made room for it. */
export type Parked =
  | { readonly verdict: 'parked'; readonly evicted: readonly EvictedSession[] }
  | { readonly verdict: 'gone' }
  | { readonly verdict: 'fenced' };

/** How to park a session. */
export interface Parking {
  /** Since when it is parked, in whole ms since the epoch. */
  readonly at: number;
  /** What else is to be written of it. Default: nothing. */
  readonly change?: RecordChange | undefined;
  /** How many may be parked then, this one included. Default: any number. */
  readonly maxParked?: number | undefined;
}

/** A session whose time is up. */
export interface ExpiredSession {
  readonly id: string;
  readonly epoch: number;
  /** When it was, in ms since the epoch: the earlier of its deadlines. */
  readonly deadline: number;
}

/** How many sessions a store holds. */
export interface SessionCount {
  /** All sessions that have a record. */
  readonly sessions: number;
  /** Those of them that no process has an incarnation of, as far as the store can tell. */
  readonly parked: number;
}

/** How many sessions are given at once by `expired`, and ended at once by `park`. */
export const MAX_EXPIRED = 1_000;
export const MAX_EVICTED = 16;

/**
 * Where the records of sessions live. Every write names the epoch that it is for, and is refused at another one; who has
 * one of their own checks it by `sessionStoreConformance` of `mcp-session-supervisor/testing`.
 */
export interface SessionStore {
  /** What it holds outlives the process. Then a drain parks, and a restart finds the sessions. */
  readonly durable: boolean;

  /**
   * It counts sessions in `create` and `park`, so that neither of two at the same time goes beyond a limit. Where it does
   * not, it takes no notice of the limits that it is given, and whoever asks has to count for itself.
   */
  readonly counts: boolean;

  /**
   * It removes sessions by itself at or after their deadlines, of which nobody is told; then `expired` is always empty.
   * Default: false.
   */
  readonly expires?: boolean;

  /** Only one process at a time can have it, so that it is none for a cluster. Default: false. */
  readonly exclusive?: boolean;

  /**
   * Stores the record of a new session, unless there is one of this id. `principalFull` when its principal has
   * `maxPerPrincipal` sessions already, parked ones included; then nothing is stored. A new session is not parked.
   */
  create(
    record: SessionRecord,
    limits?: { readonly maxPerPrincipal?: number | undefined },
  ): Promise<'created' | 'exists' | 'principalFull'>;

  /** The record of a session, a copy that is the caller's. */
  load(id: string): Promise<Loaded>;

  /**
   * Makes the next epoch of a session, which is greater than all before, for the incarnation that is about to begin; and
   * it is parked no more, so that nobody ends it meanwhile. Only from the epoch that was seen: of two who saw the same,
   * one gets it. From then on it belongs to `owner`, or to nobody without one, whoever had it before.
   */
  claim(id: string, seen: number, owner?: string): Promise<Claimed>;

  /** Changes what is given, and nothing else. */
  update(id: string, epoch: number, change: RecordChange): Promise<'updated' | 'gone' | 'fenced'>;

  /**
   * Changes a session and marks it as parked, in one; it has no owner then. Before that, the longest parked sessions are removed until there is
   * room for it among `maxParked`, 16 of them at most, so that a limit that was lowered costs no stop. Who asked has to
   * tell that they ended.
   */
  park(id: string, epoch: number, parking: Parking): Promise<Parked>;

  /**
   * Removes a session, and from then on it is `gone`. Only at its epoch, so that nobody ends a session that was brought
   * back meanwhile. An unreadable one is `fenced` where it is of a newer format, else it is removed.
   */
  remove(id: string, epoch: number): Promise<'removed' | 'gone' | 'fenced'>;

  /**
   * Sessions whose deadline is at `by` or before, the earliest first and those of one deadline by id, `limit` of them at
   * most, and 1 000. Those that live are among them when their record says so: who asks knows which these are, and goes
   * on behind the last one of an answer by giving it as `after`.
   */
  expired(
    by: number,
    limit: number,
    after?: Pick<ExpiredSession, 'deadline' | 'id'>,
  ): Promise<readonly ExpiredSession[]>;

  /** How many sessions it has, without a scan. Where `counts` is false it may not know, and say 0. */
  count(): Promise<SessionCount>;

  /** How many sessions a principal has, parked ones included; `null` is nobody. Where `counts` is false, 0. */
  countOf(principal: string | null): Promise<number>;

  /** Ends the store's work, when what it was given before is done. From then on every operation rejects. */
  close(): Promise<void>;
}
