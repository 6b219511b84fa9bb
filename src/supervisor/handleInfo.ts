/** What an embedder sees of a handle and of its life: plain values, made when asked for. */
import type { HandleEndReason } from '../options.ts';
import type { HistoryEvent } from './history.ts';

/** The states of the session machine that a handle can be in. */
export type HandleState = 'initializing' | 'active' | 'idle' | 'terminated';

/** A handle as it was when it was looked at. */
export interface HandleInfo {
  /** Whoever has it and is its principal can use the handle. */
  readonly id: string;
  /** The kind that it is of, as `supervisor.handles` was told. */
  readonly name: string;
  /** `initializing` while `open` runs, `active` while a use runs, else `idle`; `terminated` when it has ended. */
  readonly state: HandleState;
  /** Uses that run; 1 while `open` does. */
  readonly inFlight: number;
  /** Milliseconds since the epoch, by the supervisor's clock. */
  readonly createdAt: number;
  /** When it was opened, or the last use began or ended, in ms since the epoch. */
  readonly lastActiveAt: number;
  /** When it will end for being idle, in ms since the epoch; undefined unless it is idle, and where it may be for ever. */
  readonly idleDeadline: number | undefined;
  readonly principal: string | undefined;
  /** Its last lifecycle events, oldest first: as many as the option `historySize` says. */
  readonly history: readonly HistoryEvent[];
}

/** A handle that was never opened (its `open` threw, or took too long) has `handle.terminated` alone. */
export type HandleEventType = 'handle.opened' | 'handle.active' | 'handle.idle' | 'handle.terminated';

/** What a listener gets. */
export interface HandleEvent {
  readonly type: HandleEventType;
  readonly handle: HandleInfo;
  /** Why the handle ended; only in `handle.terminated`. */
  readonly reason?: HandleEndReason;
}

/** Hears of handles: `supervisor.on('handle.terminated', listener)`. */
export type HandleListener = (event: HandleEvent) => void;

/** Numbers of one kind of handles, since it was defined, or as they are now. */
export interface HandleStats {
  /** Handles there are now, by their state. */
  readonly initializing: number;
  readonly active: number;
  readonly idle: number;
  /** Those whose `open` was done in time. */
  readonly opened: number;
  /** Those that have ended, by reason; those that were never opened included. */
  readonly ended: Readonly<Partial<Record<HandleEndReason, number>>>;
  /** How many are not closed yet of those that have ended. */
  readonly closing: number;
}
