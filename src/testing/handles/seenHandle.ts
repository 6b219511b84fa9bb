/** What a simulation of handles is set up with, and what it has seen of them from outside. */
import type { HandleEndReason, HandleEvent, SessionSupervisor } from '../../index.ts';
import type { SimulationClock } from '../simulation/simulationClock.ts';

export interface HandleSettings {
  readonly idleTimeout: number;
  readonly maxLifetime: number;
  readonly openTimeout: number;
  readonly shutdownTimeout: number;
  readonly maxPerPrincipal: number;
  readonly maxHandles: number;
  readonly whenFull: 'evict-idle' | 'reject';
}

/** A handle as it was seen. */
export interface SeenHandle {
  readonly id: string;
  readonly principal: string | undefined;
  readonly createdAt: number;
  /** What its `open` was given. */
  readonly opening: AbortSignal;
  /** Uses of it that run, by what the signal of each says. */
  readonly uses: Set<AbortSignal>;
  /** When it was opened, or the last use began or ended. */
  lastActiveAt: number;
  /** `open` has returned a value. */
  made: boolean;
  openFailed: boolean;
  /** Its `create` has resolved. */
  known: boolean;
  /** Somebody called `end`, who was let. */
  asked: boolean;
  events: HandleEvent['type'][];
  endedAt: number | undefined;
  reason: HandleEndReason | undefined;
  /** How often `close` was called, and when. */
  closes: number;
  closedAt: number;
  isClosing: boolean;
}

/** What the rules look at. */
export interface SeenWorld {
  readonly settings: HandleSettings;
  readonly clock: SimulationClock;
  readonly supervisor: SessionSupervisor;
  readonly seen: ReadonlyMap<string, SeenHandle>;
  readonly now: number;
  readonly draining: boolean;
  readonly drainingSince: number;
  readonly drained: boolean;
  readonly pendingCreates: number;
}
