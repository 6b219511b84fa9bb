/** What the supervisor counts as it happens, so that nobody has to look at all sessions to know. */
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { Load } from '../transport/transportOptions.ts';
import type { ClusterStats } from './clusterNode.ts';
import type { HandleStats } from './handleInfo.ts';
import type { SessionEventType, SessionState } from './sessionInfo.ts';

/** Numbers of this process since the supervisor was made, or as they are now. See `SessionSupervisor.stats`. */
export interface SupervisorStats {
  /** Sessions there are now, by their state; `parked` is what the session store said last. */
  readonly sessions: Readonly<Record<Exclude<SessionState, 'terminated'>, number>>;
  /** Sessions whose initialize was answered with a result. */
  readonly opened: number;
  /** How often a session was brought back. */
  readonly restored: number;
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
  readonly modern: { readonly servers: SupervisorStats['servers'] } | undefined;
  readonly handles: { readonly stats: Readonly<Record<string, HandleStats>> } | undefined;
  readonly cluster: { readonly stats: ClusterStats } | undefined;
}

/** All counts, as they are now. */
export function statsOf({ load, servers, refusals, shelf, modern, handles, cluster }: Counted): SupervisorStats {
  const { sessions, opened, restored, ended, calls, streams } = load;
  const { starting = 0, closing = 0 } = modern?.servers ?? {};
  return {
    sessions: { ...sessions, parked: shelf?.records.parked ?? 0 },
    opened,
    restored,
    ended: { ...ended },
    refused: refusals.counts,
    servers: { starting: starting + servers.starting, closing: closing + servers.closing },
    calls,
    streams,
    ...(handles !== undefined && { handles: handles.stats }),
    ...(cluster !== undefined && { cluster: cluster.stats }),
  };
}

export class Tally implements Load {
  calls = 0;
  streams = 0;
  opened = 0;
  restored = 0;
  readonly sessions = { initializing: 0, restoring: 0, active: 0, idle: 0 };
  readonly ended: Partial<Record<EndReason, number>> = {};

  /** A session is there. */
  admitted(state: 'initializing' | 'restoring'): void {
    this.sessions[state]++;
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
  left(before: SessionState, reason: EndReason | undefined): void {
    this.#leave(before);
    if (reason !== undefined) this.ended[reason] = (this.ended[reason] ?? 0) + 1;
  }

  /** A session has ended that had no incarnation. */
  endedAside(reason: EndReason): void {
    this.ended[reason] = (this.ended[reason] ?? 0) + 1;
  }

  #leave(state: SessionState): void {
    if (state !== 'terminated' && state !== 'parked') this.sessions[state]--;
  }
}
