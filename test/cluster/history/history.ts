/**
 * What clients of a cluster saw: each operation on a session's counter with its begin, its end and its outcome, as a
 * checker needs it. Times are in ms, by the one clock of the process that records them.
 */

/** What the counter server says with every answer. */
export interface Answer {
  /** The counter, after an increment. */
  readonly value: number;
  readonly epoch: number;
  /** The process that answered: a node's name, and which start of it. */
  readonly node: string;
  readonly session: string;
  /** What the session was marked with by the first who used it. */
  readonly mark: string;
}

export type Outcome =
  /** Answered. An `open` has its session, a `delete` had it. */
  | 'ok'
  /** 404: there is no such session. */
  | 'gone'
  /** Nothing was done, for certain: nobody listened. */
  | 'failed'
  /** Refused, or its answer was lost: it may have been done. */
  | 'maybe'
  /** No answer came at all, until the client gave up. */
  | 'timeout';

export interface Operation {
  readonly kind: 'open' | 'increment' | 'read' | 'delete';
  /** The node that was asked. */
  readonly via: string;
  /** The node that was asked for the rest of an answer whose stream had broken. */
  readonly resumedVia?: string | undefined;
  /** Its session's id; of an `open` that was not answered, none. */
  readonly session: string | undefined;
  /** What its client marks this session with. */
  readonly mark: string;
  readonly begin: number;
  readonly end: number;
  readonly outcome: Outcome;
  readonly answer?: Answer | undefined;
  /** What came instead of an answer, for people. */
  readonly detail?: string | undefined;
  /** Asked when all faults were over: it has to be answered, or gone. */
  readonly isFinal?: boolean | undefined;
}

/** A time in which a node could not answer anybody, its clients included. */
export interface Outage {
  readonly node: string;
  readonly from: number;
  readonly to: number;
}

export interface History {
  readonly operations: readonly Operation[];
  readonly outages: readonly Outage[];
  /** When the store came back without its data: sessions that were opened before may be gone from then on. */
  readonly losses: readonly number[];
  /** How long a request may take at a node that can answer, in ms. What was resumed is two of them. */
  readonly bound: number;
}

/** A key of the store when all was over. */
export interface StoredKey {
  readonly key: string;
  /** The session that it is of; undefined for what is of none. */
  readonly session: string | undefined;
  /** A session that was removed, and is only remembered. */
  readonly isTombstone: boolean;
  /** How long it will be there yet, in ms; undefined: for ever. */
  readonly ttl: number | undefined;
  /** The life that owns the session. */
  readonly owner: string | undefined;
  /** The session ends by itself at some time. */
  readonly hasDeadline: boolean;
}
