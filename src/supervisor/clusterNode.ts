/** What the supervisor and the way of a request know of a cluster: the node that this process is in it. */
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { SessionRecord } from '../stores/sessionRecord.ts';
import type { Exchange } from '../transport/exchange.ts';
import type { ForwardOutcome } from './observer.ts';
import type { SessionInfo } from './sessionInfo.ts';

/** A request that another node has sent here, because the session is said to be here. It is sent on to nobody. */
export interface ForwardedRequest {
  readonly exchange: Exchange;
  readonly principal: string | undefined;
  readonly sessionId: string;
  /** Answers that the session is not here, with the life that has it, where that is known. Nothing was delivered. */
  moved(owner?: string): void;
  /** Answers that the session is here, and can't take anything now. Nothing was delivered. */
  busy(): void;
}

/** A request for a session that does not live here. */
export interface Sought {
  readonly id: string;
  readonly principal: string | undefined;
  readonly exchange: Exchange;
  /** Of a POST, as text. */
  readonly body: string | undefined;
  readonly forwarded: ForwardedRequest | undefined;
  /** Until when it may be held, by `ClusterNode.now`. */
  readonly until: number;
}

/** Where its session is: it has its answer from there, or is refused; or nobody else has the session of this record. */
export type Place = 'answered' | RefusalName | SessionRecord;

/** How a node stands: `waiting` is one that is to join again soon. */
export type NodeState = 'joining' | 'waiting' | 'member' | 'fenced' | 'leaving' | 'left';

/** What a node counts. See `SessionSupervisor.stats`. */
export interface ClusterStats {
  /** The name of this node. */
  readonly node: string;
  readonly state: NodeState;
  /** Requests that are with other nodes now. */
  readonly forwarded: number;
  /** Requests that were with other nodes, by what became of them; those that happened. */
  readonly forwards: Readonly<Partial<Record<ForwardOutcome, number>>>;
  /** For how long the lease of this node is certain still, in ms; 0 while it has none. */
  readonly leaseRemaining: number;
  /** Requests that wait for a session whose owner can't be reached, or for this node to join. */
  readonly held: number;
  /** Sessions that were taken over from nodes that had gone. */
  readonly takenOver: number;
  /** How often this node gave up all that it had, because its lease was not certain any more. */
  readonly fenced: number;
}

export interface ClusterNode {
  /**
   * The life that sessions of this node belong to; undefined while there is none. Whoever asks after its lease may have
   * run out has the node fenced by that: nothing of the old life is there any more then.
   */
  readonly owner: string | undefined;
  /** Monotonic, in ms. */
  readonly now: () => number;
  /** Nothing is with other nodes that has to be waited for. */
  readonly empty: boolean;
  readonly stats: ClusterStats;
  /** Makes an id of a session around its middle part. */
  mint(middle: string): string;
  /** The id was made in this cluster. */
  knows(id: string): boolean;
  /** Waits for a life, as long as a request is held; then undefined. */
  whenOwner(): Promise<string | undefined>;
  /** Whether another node's life may go on, which then decides itself what becomes of its sessions. */
  mayLive(owner: string): Promise<boolean>;
  /** Finds out where a session is, and has the request answered there. */
  seek(sought: Sought): Promise<Place>;
  /** Ends a session wherever it is. Resolves to whether there was one. @throws {SupervisorError} `STORE_FAILED` */
  terminate(id: string, reason: EndReason): Promise<boolean>;
  /**
   * How a session is that does not live here: by the node that has it, or its record, where nobody does. Undefined where there
   * is none, and, which is logged, where nobody says.
   */
  look(id: string): Promise<SessionInfo | SessionRecord | undefined>;
  /** The session of this record was claimed here, and has this epoch now. */
  claimed(before: SessionRecord, epoch: number): void;
  /** A drain has begun: what can't be waited for ends. */
  drain(): void;
  /** The time of a drain is up. */
  endAll(): void;
  /**
   * Nothing lives here any more. Resolves within bounds, and never rejects; a directory is waited for a moment at most where
   * `patient` is false, because the store was away as well.
   */
  leave(patient: boolean): Promise<void>;
}
