/** What is known of sessions, requests and processes from outside. */
import type { SessionSupervisor } from '../../index.ts';
import type { Life } from './gatedStore.ts';

/** A session as its client knows it. */
export interface Known {
  readonly id: string;
  readonly owner: number;
  /** The highest count that was acknowledged, and how many were asked for. */
  acknowledged: number;
  attempts: number;
  /** Acknowledged, and so to be told to each later server. */
  initialized: boolean;
  level: string | undefined;
  /** It was asked to end; that was acknowledged. */
  ending: boolean;
  /** Somebody has asked for its end. */
  asked: boolean;
  deleted: boolean;
  /** When a request of it was last answered. */
  usedAt: number;
  /** The epoch of its last server. */
  epoch: number;
  /** The processes that told of its end: one that is killed before it has written that down is not believed. */
  readonly told: Set<string>;
}

/** A session that was just opened. */
export function knownSession(id: string, owner: number, usedAt: number): Known {
  return {
    id,
    owner,
    usedAt,
    acknowledged: 0,
    attempts: 0,
    initialized: false,
    level: undefined,
    ending: false,
    asked: false,
    deleted: false,
    epoch: 1,
    told: new Set(),
  };
}

/** One life of the server. */
export interface Process extends Life {
  readonly supervisor: SessionSupervisor;
  draining: boolean;
  drained: boolean;
}

export interface Request {
  readonly name: string;
  readonly known: Known | undefined;
  readonly life: Process;
  readonly what: string;
  readonly foreign: boolean;
  /** What had been acknowledged when it was sent, and whether the end was. */
  readonly acknowledged: number;
  readonly deleted: boolean;
  readonly stop: AbortController;
  open: boolean;
}
