/**
 * What the inspector's page and its server say to one another: one JSON object in each text frame of a WebSocket at
 * `/feed?token=…`. Types, and the few numbers that both sides have to agree on; it runs in the browser too.
 *
 * The server sends `hello`, then a `snapshot` in parts, and from then on a `delta` a few times a second. Deltas come
 * between the parts of a snapshot as well. Whatever a frame says of a session was true when it was sent, and frames
 * arrive in order, so the last word on a key counts; a `change` of a key that is not known yet is to be ignored, because
 * a later part will bring the row.
 */
import type {
  DrainStats,
  EndReason,
  HandleEndReason,
  HandleState,
  HandleStats,
  OperationOutcome,
  RefusalName,
  SessionState,
} from '../index.ts';

/** Raised whenever an older page could not understand a frame. */
export const PROTOCOL_VERSION = 4;

/** WebSocket close codes of the feed. */
export const CLOSE_CODES = {
  /** The server is closing; it may come back. */
  goingAway: 1001,
  /** A frame that is no frame of this protocol, or too many of them. Connecting again at once would not help. */
  badFrame: 1008,
  /** A frame longer than the server takes. */
  tooLong: 1009,
  /** The viewer answered no ping, or took nothing for too long. */
  unresponsive: 4408,
  /** The supervisor was drained, and the server with it. It does not come back by itself. */
  stopped: 4410,
} as const;

/** A session that lives in the server's process. Times are in ms since the epoch, by the supervisor's clock. */
export interface Row {
  /** Names the session for as long as the server runs. Not its id, and nothing that its id follows from. */
  readonly key: string;
  /** The session's id, only where the server reveals it. */
  readonly id?: string;
  readonly state: SessionState;
  /** Exchanges that hold the session. */
  readonly inFlight: number;
  /** Requests of its client that are not answered. */
  readonly calls: number;
  /** SSE responses that are open, those of calls included. */
  readonly openStreams: number;
  readonly createdAt: number;
  readonly lastActiveAt: number;
  /** When it will end for being idle; null unless it is idle or parked, and where idle sessions stay for ever. */
  readonly idleDeadline: number | null;
  /** Who owns it, or a name that stands for them where the server does not reveal it; null when nobody is known. */
  readonly principal: string | null;
  /** What its client said it is; null when unknown. */
  readonly client: { readonly name: string; readonly version: string } | null;
  readonly protocolVersion: string | null;
  /** The number of its incarnation: 1 until it was restored for the first time. */
  readonly epoch: number;
}

/** What changes in a row: `[key, state, inFlight, calls, openStreams, lastActiveAt, idleDeadline]`. */
export type RowChange = readonly [
  key: string,
  state: SessionState,
  inFlight: number,
  calls: number,
  openStreams: number,
  lastActiveAt: number,
  idleDeadline: number | null,
];

/** A session that has ended: as it was when it ended. */
export interface EndedRow extends Row {
  readonly state: 'terminated';
  readonly reason: EndReason;
  readonly endedAt: number;
}

/** A session that was parked, and lives on as its record: as it was when it was parked. */
export interface ParkedRow extends Row {
  readonly state: 'parked';
  readonly parkedAt: number;
}

/** A listen stream of 2026-07-28, which is of no session. Times are in ms since the epoch. */
export interface ListenRow {
  /** Names it for as long as the server runs. */
  readonly key: string;
  readonly state: 'opening' | 'open' | 'closing' | 'ended';
  /** As a session's. */
  readonly principal: string | null;
  readonly client: { readonly name: string; readonly version: string } | null;
  readonly openedAt: number;
  /** What it wants to hear of: `tools`, `prompts`, `resources`, and how many resources by themselves. */
  readonly wants: readonly string[];
  /** Messages that were sent on it. */
  readonly sent: number;
}

/** The listen streams that there are. */
export interface Listens {
  readonly count: number;
  /** The oldest of them, 200 at most. */
  readonly rows: readonly ListenRow[];
}

/** One line of a session's black box. */
export interface HistoryLine {
  /** In ms since the epoch. */
  readonly at: number;
  /**
   * `opened`, `active`, `idle`, `parked`, `restored` and `terminated` are the lifecycle events; `request` and `response`
   * are exchanges that began and ended while the session was active and stayed so; `child.started` and `child.exited` are of
   * a server that is a process.
   */
  readonly event:
    | 'opened'
    | 'active'
    | 'request'
    | 'response'
    | 'idle'
    | 'parked'
    | 'restored'
    | 'terminated'
    | 'child.started'
    | 'child.exited';
  /** Exchanges that hold the session, after the event. */
  readonly inFlight: number;
  /** Only of `terminated`. */
  readonly reason?: EndReason;
  /** Only of `child.started`. */
  readonly generation?: number;
  /** One of the two, only of `child.exited`. */
  readonly code?: number;
  readonly signal?: string;
}

/** One request that ran in a session. Its arguments are nowhere. */
export interface OperationLine {
  /** When it began, in ms since the epoch. */
  readonly at: number;
  /** `server`: its client asked the server. `client`: the server asked its client. */
  readonly side: 'server' | 'client';
  /** A method of the protocol; any other is `_OTHER`. */
  readonly method: string;
  /** The name of the tool or the prompt that it is about, as its sender wrote it, cut to 100 characters. */
  readonly target?: string;
  /** How long it took, in ms; null while it runs. */
  readonly duration: number | null;
  /** How it ended; null while it runs. */
  readonly outcome: OperationOutcome | null;
}

/** The process of a session whose server is one, and how the last one ended. */
export interface ChildLine {
  /** Of its statechart. */
  readonly state: 'starting' | 'ready' | 'restarting' | 'stopping' | 'terminating' | 'killing' | 'gone';
  /** The how many-th process it is, in this incarnation of its session. */
  readonly generation: number;
  /** Null where it has none now, or not yet. */
  readonly pid: number | null;
  /** How its last process ended, one of the two; null when none has. */
  readonly exit: { readonly code: number | null; readonly signal: string | null } | null;
  /** It was to be started again, once too often. */
  readonly gaveUp: boolean;
  /** What the one that ended said last on stderr; null where it said nothing, or ended as it should. */
  readonly stderr: string | null;
}

/** Counts of everything, whatever was left out of the rows. */
export interface Totals {
  /**
   * Sessions that live, by state. `restoring` and `parked` are there where a session store keeps records, as soon as the
   * server knows that; `parked` is what the store said last, and counts those that another process has parked.
   */
  readonly states: Readonly<
    Record<'initializing' | 'active' | 'idle', number> & Partial<Record<'restoring' | 'parked', number>>
  >;
  /** Sessions that have ended since the inspector started, by reason. */
  readonly reasons: Readonly<Record<EndReason, number>>;
  /** Sessions opened since the inspector started, not counting those that it found. */
  readonly opened: number;
  /** How often a session was parked since the inspector started, and how often one was restored. */
  readonly parked: number;
  readonly restored: number;
  /** Sessions ended since the inspector started, those that never opened and those that were parked included. */
  readonly ended: number;
  /** Requests of clients that are not answered now, those of no session included. */
  readonly calls: number;
  /** SSE responses that are open now, those of calls and of no session included. */
  readonly streams: number;
  /** Requests that were refused since the supervisor was made, by the refusal's name; those that happened. */
  readonly refused: Readonly<Partial<Record<RefusalName, number>>>;
  /** Idle sessions that made room for others since the supervisor was made: were parked for that, or ended. */
  readonly evicted: { readonly parked: number; readonly ended: number };
  /** The drain, once one was asked for. */
  readonly drain?: DrainStats;
}

/** Counts as they were at a time: what plots are made of. */
export type TrendPoint = readonly [
  at: number,
  initializing: number,
  restoring: number,
  active: number,
  idle: number,
  parkedNow: number,
  calls: number,
  streams: number,
  opened: number,
  parked: number,
  restored: number,
  ended: number,
  refused: number,
];

/** For how long points are kept, in ms. */
export const TREND_SPAN = 300_000;

export function trendPoint(at: number, totals: Totals): TrendPoint {
  const { states, calls, streams, opened, parked, restored, ended, refused } = totals;
  const { initializing, restoring = 0, active, idle, parked: parkedNow = 0 } = states;
  const live = [initializing, restoring, active, idle, parkedNow] as const;
  return [at, ...live, calls, streams, opened, parked, restored, ended, sumOf(refused)];
}

/** All of what is counted by name. */
export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, times) => sum + times, 0);
}

/** An edge of the session's statechart. */
export interface MachineEdge {
  readonly from: SessionState;
  readonly to: SessionState;
  /** What leads there: an event (`REQUEST`), or a delay by its name (`after sessionIdleTimeout`). */
  readonly event: string;
  readonly guard?: string;
  /** What leads on by the session's record: it has no actor meanwhile, and no machine takes this way. */
  readonly byRecord?: boolean;
}

export interface HelloFrame {
  readonly type: 'hello';
  readonly v: typeof PROTOCOL_VERSION;
  /** The package's version. */
  readonly version: string;
  /** The session's statechart, as the machine that runs says it. */
  readonly machine: { readonly states: readonly SessionState[]; readonly edges: readonly MachineEdge[] };
  /** Every reason that there is, in a fixed order. */
  readonly reasons: readonly EndReason[];
  /** Whether `terminate` is obeyed. */
  readonly allowTerminate: boolean;
  /** Whether rows carry ids, and principals by their own names. */
  readonly reveals: { readonly ids: boolean; readonly principals: boolean };
  /** The server's time, in ms since the epoch: ages are counted against it, not against the viewer's clock. */
  readonly now: number;
  /** How far apart deltas are at least, in ms. */
  readonly tick: number;
  /** How many ended sessions are kept, and of those that are parked as many. */
  readonly maxEnded: number;
  /** How many viewers there may be, this one included. */
  readonly maxViewers: number;
}

/** A part of all that there is. The first part has `first`: forget everything before it. */
export interface SnapshotFrame {
  readonly type: 'snapshot';
  readonly at: number;
  readonly first: boolean;
  /** No further part follows. */
  readonly last: boolean;
  readonly rows: readonly Row[];
  /** Parked sessions, the one parked longest first. Only in parts that come after those with rows. */
  readonly parked: readonly ParkedRow[];
  /** Ended sessions, the latest first. Only in parts that come after those with parked ones. */
  readonly ended: readonly EndedRow[];
  /** Of the whole, not of the part. */
  readonly totals: Totals;
  /** Only in the first part, where there are any. */
  readonly listens?: Listens;
  /** Only in the first part: how the counts went over the last minutes, about one point a second, oldest first. */
  readonly trend?: readonly TrendPoint[];
  /** How many deltas this viewer was not sent, because it did not keep up; told in the first part, else 0. */
  readonly missed: number;
}

/** What has changed since the last delta. Sent at once when something has, and once a second when nothing has. */
export interface DeltaFrame {
  readonly type: 'delta';
  readonly at: number;
  /** Sessions that are new: opened, or restored, and then no longer parked. */
  readonly rows: readonly Row[];
  readonly changes: readonly RowChange[];
  /** Sessions that have left the process, because they ended or were parked. None of them is in `rows`. */
  readonly gone: readonly string[];
  /** Of those, the ones that were parked and still are; at most `maxEnded`. */
  readonly parked: readonly ParkedRow[];
  /**
   * Sessions that have ended, which are no longer parked either: the latest, in the order in which they ended; at most `maxEnded`. One that a snapshot has told before may
   * come again, under the same key.
   */
  readonly ended: readonly EndedRow[];
  readonly totals: Totals;
  /** How often each transition was taken, as `idle→active`. */
  readonly transitions: Readonly<Record<string, number>>;
  /** The listen streams as they are, where something of them has changed. */
  readonly listens?: Listens;
  /** Changed sessions that did not fit into this delta; they come in the next ones. */
  readonly pending: number;
}

/** One session, opened by `open`: sent at once, and again whenever it has changed, until `close` or another `open`. */
export interface SessionFrame {
  readonly type: 'session';
  readonly key: string;
  readonly row: Row | ParkedRow | EndedRow;
  /** Its black box, oldest first. */
  readonly history: readonly HistoryLine[];
  /** Older lines that the black box has and this frame leaves out. */
  readonly omitted: number;
  /** The last requests that ran in it since the inspector started, by when they began; at most 32. */
  readonly operations: readonly OperationLine[];
  /** How many ran before these, that are known of. */
  readonly operationsBefore: number;
  /** Only where its server is a process. */
  readonly child?: ChildLine | undefined;
}

/** A handle, as it is now. Times are in ms since the epoch, by the supervisor's clock. */
export interface HandleRow {
  /** Names the handle for as long as the server runs. Not its id, and nothing that its id follows from. */
  readonly key: string;
  /** The handle's id, only where the server reveals ids. */
  readonly id?: string;
  /** The kind that it is of. */
  readonly name: string;
  readonly state: HandleState;
  /** Uses that run. */
  readonly inFlight: number;
  readonly createdAt: number;
  readonly lastActiveAt: number;
  /** When it will end for being idle; null unless it is idle, and where idle ones stay for ever. */
  readonly idleDeadline: number | null;
  /** As of a session. */
  readonly principal: string | null;
}

/** A handle that has ended: as it was when it ended. */
export interface EndedHandleRow extends HandleRow {
  readonly state: 'terminated';
  readonly reason: HandleEndReason;
  readonly endedAt: number;
}

/** All that is told of handles; sent at once where a kind of them is defined, and again whenever something has changed. */
export interface HandlesFrame {
  readonly type: 'handles';
  /** Counts of all that there are, by kind. */
  readonly kinds: Readonly<Record<string, HandleStats>>;
  /** At most 200 of them, by kind, oldest first. */
  readonly rows: readonly HandleRow[];
  /** The last 50 that have ended since the inspector started, the latest first. */
  readonly ended: readonly EndedHandleRow[];
}

/** What became of a client's frame. */
export interface ResultFrame {
  readonly type: 'result';
  readonly of: ClientFrame['type'];
  readonly key: string;
  /**
   * `unknown`: no session has this key, or none any more. `forbidden`: the server does not allow it. `failed`: it may come
   * back, because its record could not be removed.
   */
  readonly outcome: 'done' | 'unknown' | 'forbidden' | 'failed';
}

export type ServerFrame = HelloFrame | SnapshotFrame | DeltaFrame | SessionFrame | HandlesFrame | ResultFrame;

export type ClientFrame =
  /** Watch one session; the answer is a `session`, or a `result` with `unknown`. */
  | { readonly type: 'open'; readonly key: string }
  /** Watch none. */
  | { readonly type: 'close' }
  /** End a session; the answer is a `result`, once its server is closed. */
  | { readonly type: 'terminate'; readonly key: string };
