/** What the supervisor counts as it happens, so that nobody has to look at all sessions to know. */
import type { Clock } from '../clock.ts';
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { StreamDrop } from '../transport/connection.ts';
import type { Load } from '../transport/transportOptions.ts';
import type { ClusterStats } from './clusterNode.ts';
import type { DrainStats } from './drainStats.ts';
import type { HandleStats } from './handleInfo.ts';
import type { RestoreOutcome } from './observer.ts';
import type { Observers } from './observers.ts';
import type { SessionEventType, SessionInfo, SessionState } from './sessionInfo.ts';

/** Numbers of requests without sessions (2026-07-28). */
export interface ModernStats {
  /** Those that were let in. */
  readonly admitted: number;
  /** Those that are being served now, listen streams included. */
  readonly open: number;
  /** Listen streams that are open. */
  readonly listening: number;
}

/** Numbers of this process since the supervisor was made, or as they are now. See `SessionSupervisor.stats`. */
export interface SupervisorStats {
  /** Sessions there are now, by their state; `parked` is what the session store said last. */
  readonly sessions: Readonly<Record<Exclude<SessionState, 'terminated'>, number>>;
  /** Sessions that were begun, opened or not. Each is still there, or parked, or among `ended`. */
  readonly begun: number;
  /** Sessions whose initialize was answered with a result. */
  readonly opened: number;
  /** How often a session was brought back. */
  readonly restored: number;
  /** Every try to do that, by what became of it; those that happened. */
  readonly restores: Readonly<Partial<Record<RestoreOutcome, number>>>;
  /** Idle sessions that made room for others: were parked for that, or ended. */
  readonly evicted: { readonly parked: number; readonly ended: number };
  /** Sessions that have ended, by reason; those that were never opened included. */
  readonly ended: Readonly<Partial<Record<EndReason, number>>>;
  /** Requests that were refused, by the refusal's name; those that happened. */
  readonly refused: Readonly<Partial<Record<RefusalName, number>>>;
  /** Servers of the embedder's that are being built, and that are being closed. */
  readonly servers: { readonly starting: number; readonly closing: number };
  /** Requests of clients that are not answered. */
  readonly calls: number;
  /** SSE responses that are open. */
  readonly streams: number;
  /** Streams that were cut off: by a reader too slow for `maxStreamBuffer`, or one that took nothing any more. */
  readonly dropped: { readonly slow: number; readonly dead: number };
  /** The drain, once one was asked for. */
  readonly drain?: DrainStats;
  /** Where the event store says how large it is, as that in memory does. */
  readonly eventStore?: { readonly bytes: number };
  /** Requests without sessions; there where `modern` is `'serve'`. */
  readonly modern?: ModernStats;
  /** Handles by their kind; there once a kind has been defined. */
  readonly handles?: Readonly<Record<string, HandleStats>>;
  /** Of this node, where it is one of a cluster; all other counts are this node's as well. */
  readonly cluster?: ClusterStats;
}

/** What is counted where. */
interface Counted {
  readonly load: Tally;
  readonly servers: SupervisorStats['servers'];
  readonly refusals: { readonly counts: SupervisorStats['refused'] };
  readonly shelf: { readonly records: { readonly parked: number } } | undefined;
  readonly modern: { readonly servers: SupervisorStats['servers']; readonly stats: ModernStats } | undefined;
  readonly handles: { readonly stats: Readonly<Record<string, HandleStats>> } | undefined;
  readonly cluster: { readonly stats: ClusterStats } | undefined;
}

/** All counts, as they are now. */
export function statsOf(
  { load, servers, refusals, shelf, modern, handles, cluster }: Counted,
  drain: DrainStats | undefined,
): SupervisorStats {
  const { sessions, begun, opened, restored, restores, evicted, ended, calls, streams, drops } = load;
  const { starting = 0, closing = 0 } = modern?.servers ?? {};
  const bytes = bytesOf(load.events);
  return {
    sessions: { ...sessions, parked: shelf?.records.parked ?? 0 },
    begun,
    opened,
    restored,
    restores: { ...restores },
    evicted: { ...evicted },
    ended: { ...ended },
    refused: refusals.counts,
    servers: { starting: starting + servers.starting, closing: closing + servers.closing },
    calls,
    streams,
    dropped: { ...drops },
    ...(drain !== undefined && { drain }),
    ...(bytes !== undefined && { eventStore: { bytes } }),
    ...(modern !== undefined && { modern: modern.stats }),
    ...(handles !== undefined && { handles: handles.stats }),
    ...(cluster !== undefined && { cluster: cluster.stats }),
  };
}

/** How large a store says that it is, in bytes; one that throws when it is asked says nothing. */
function bytesOf(store: unknown): number | undefined {
  try {
    const { bytes } = (store ?? {}) as { readonly bytes?: unknown };
    return typeof bytes === 'number' && Number.isFinite(bytes) ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** What an end tells of the life that it ends. */
type Life = Pick<SessionInfo, 'createdAt' | 'protocolVersion'>;

export class Tally implements Load {
  readonly #observers: Observers | undefined;
  readonly #clock: Pick<Clock, 'now'>;
  readonly events: unknown;
  calls = 0;
  streams = 0;
  begun = 0;
  opened = 0;
  restored = 0;
  readonly restores: Partial<Record<RestoreOutcome, number>> = {};
  readonly evicted = { parked: 0, ended: 0 };
  readonly drops = { slow: 0, dead: 0 };
  readonly sessions = { initializing: 0, restoring: 0, active: 0, idle: 0 };
  readonly ended: Partial<Record<EndReason, number>> = {};
  /** How far the drain has come; undefined before it begins. */
  drain: DrainStats | undefined;

  /** `events` is the event store as it was given. */
  constructor(clock: Pick<Clock, 'now'>, observers?: Observers, events?: unknown) {
    this.events = events;
    this.#clock = clock;
    this.#observers = observers;
  }

  dropped(cause: StreamDrop): void {
    this.drops[cause]++;
    if (this.#observers?.any === true) this.#observers.tell({ type: 'stream.dropped', cause });
  }

  /** A session is there. */
  admitted(state: 'initializing' | 'restoring'): void {
    this.sessions[state]++;
    if (state === 'initializing') this.begun++;
  }

  /** A restore is over, which was asked for so many ms ago. */
  restoreEnded(outcome: RestoreOutcome, duration: number): void {
    this.restores[outcome] = (this.restores[outcome] ?? 0) + 1;
    if (this.#observers?.any === true) this.#observers.tell({ type: 'session.restore', outcome, duration });
  }

  makesRoom(parks: boolean): void {
    const outcome = parks ? 'parked' : 'ended';
    this.evicted[outcome]++;
    if (this.#observers?.any === true) this.#observers.tell({ type: 'session.evicted', outcome });
  }

  /** A session is told of, which was in this state before. */
  changed(type: SessionEventType, before: SessionState): void {
    if (type === 'session.opened') this.opened++;
    if (type === 'session.restored') this.restored++;
    if (type !== 'session.active' && type !== 'session.idle') return;
    this.#leave(before);
    this.sessions[type === 'session.active' ? 'active' : 'idle']++;
  }

  /** A session has left this process; with the reason why it ended, where it has. */
  left(life: Life, before: SessionState, reason: EndReason | undefined): void {
    this.#leave(before);
    if (reason !== undefined) this.#end(life, reason, before !== 'initializing');
  }

  /** A session has ended that had no incarnation. */
  endedAside(life: Life, reason: EndReason): void {
    this.#end(life, reason, true);
  }

  #end({ createdAt, protocolVersion }: Life, reason: EndReason, opened: boolean): void {
    this.ended[reason] = (this.ended[reason] ?? 0) + 1;
    if (this.#observers?.any !== true) return;
    const duration = Math.max(0, this.#clock.now() - createdAt);
    this.#observers.tell({ type: 'session.ended', reason, duration, opened, protocolVersion });
  }

  #leave(state: SessionState): void {
    if (state !== 'terminated' && state !== 'parked') this.sessions[state]--;
  }
}
