/** What a simulation has seen of a supervisor from outside: what the invariants are checked against. */
import type { EndReason, SessionEvent, SessionState, SessionSupervisor } from '../../index.ts';
import type { ModernTraffic } from './modernTraffic.ts';
import type { OperationLedger } from './operationLedger.ts';
import type { Place } from './places.ts';
import type { ClientStream, SimulatedExchange } from './simulatedExchange.ts';
import type { SimulatedServer } from './simulatedServer.ts';
import type { SimulationClock } from './simulationClock.ts';
import type { SimulationSettings } from './simulationSettings.ts';

/** The life of one session, as the factory, the listeners and the log told of it. */
export interface SeenSession {
  readonly id: string;
  readonly client: number;
  readonly principal: string | undefined;
  readonly server: SimulatedServer;
  /** The exchange that carried its initialize. */
  readonly opening: SimulatedExchange;
  readonly createdAt: number;
  state: SessionState;
  /** The state before the one that it is in. */
  stateBefore: SessionState;
  /** Its initialize was answered with a result. */
  opened: boolean;
  /** A running number of when it last became idle. */
  idleOrder: number;
  reason: EndReason | undefined;
  endedAt: number;
  /** Its server was there when it ended; one that is still being built is not waited for. */
  endedBuilt: boolean;
  /** How often the log and the listeners told of its end, and what the listeners were told of last. */
  readonly told: { logged: number; heard: number; last: SessionEvent['type'] | undefined };
  /** Its GET streams, which share what belongs to no call. */
  readonly gets: ClientStream[];
  /** What somebody has done that may end it. */
  readonly causes: Set<EndReason>;
  /** The event store failed it. */
  storeFailed: boolean;
}

/** What `terminate` promises: that the session has ended, or that there was none. */
export interface Ending {
  readonly session: SeenSession;
  /** What it said when it resolved; undefined until then. */
  said: boolean | undefined;
}

export interface Observed {
  readonly supervisor: SessionSupervisor;
  readonly clock: SimulationClock;
  readonly settings: SimulationSettings;
  /** Every session that a server was built for, by id. */
  readonly sessions: ReadonlyMap<string, SeenSession>;
  /** Requests without sessions. */
  readonly modern: ModernTraffic;
  /** What an observer is told; undefined where there is none. */
  readonly operations: OperationLedger | undefined;
  /** Exchanges that are open, or whose session may still be ending. */
  readonly exchanges: readonly SimulatedExchange[];
  /** Streams that clients could resume. */
  readonly streams: readonly ClientStream[];
  /** Operations of the event store that have begun and not ended. */
  readonly storeOperations: number;
  /** Nothing goes on by itself. */
  readonly settled: boolean;
  /** `drain` was called, or the root stopped. */
  readonly draining: boolean;
  /** `drain` has resolved. */
  readonly drained: boolean;
  /** When; `Infinity` while it was not. */
  readonly drainingSince: number;
  /** The id generator has failed, or returned an id that was in use. */
  readonly idFailed: boolean;
  /** Where the embedder's code has done what it should not. */
  readonly embedder: { readonly strayed: ReadonlySet<Place>; readonly lately: boolean };
  /** There were as many servers as may be, when a session was to be admitted since the world was settled. */
  readonly crowded: boolean;
  /** What `terminate` has promised. */
  readonly endings: readonly Ending[];
}
