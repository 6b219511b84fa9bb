/** An actor tree on simulated time with owners that remember what they were told. */
import type { AnyActorRef } from 'xstate';
import type { EndReason } from '../../src/machines/reasons.ts';
import {
  type ActorOwner,
  type SessionActor,
  SessionTree,
  type SessionTreeOptions,
} from '../../src/supervisor/sessionTree.ts';
import { WatchedClock } from '../support/watchedClock.ts';

export const TIMEOUTS = { initializeTimeout: 100, sessionIdleTimeout: 1_000, maxSessionLifetime: 100_000 };

/** Sessions in one partition, as measured best; the tests need more than one partition. */
export const PARTITION = 64;

class Owner implements ActorOwner {
  readonly id: string;
  readonly said: string[] = [];
  error: unknown;
  /** Throws when the actor announces this. */
  throwsAt: string | undefined;
  onRelease = () => {};

  constructor(id: string) {
    this.id = id;
  }

  announce(state: 'active' | 'idle', inFlight: number): void {
    this.said.push(`${state} ${inFlight}`);
    if (this.throwsAt === state) throw new Error(`broken at ${state}`);
  }

  readonly nothingRuns = true;

  parked(): void {
    this.said.push('parked');
    this.onRelease();
  }

  release(reason: EndReason, error?: unknown): void {
    this.said.push(`released ${reason}`);
    this.error = error;
    this.onRelease();
    if (this.throwsAt === 'release' && reason !== 'crashed') throw new Error('broken at release');
  }
}

export class Forest {
  readonly clock = new WatchedClock();
  readonly errors: unknown[] = [];
  readonly drained: string[] = [];
  readonly tree: SessionTree;
  readonly #owners = new Map<string, Owner>();

  constructor(options: Partial<SessionTreeOptions> = {}) {
    this.tree = new SessionTree({
      clock: this.clock,
      inspect: undefined,
      timeouts: TIMEOUTS,
      shutdownTimeout: 10_000,
      find: (id) => this.#owners.get(id),
      endIdleSessions: () => void this.drained.push('endIdleSessions'),
      endAllSessions: () => void this.drained.push('endAllSessions'),
      observerFailed: (error) => void this.errors.push(error),
      stopRequested: () => void this.drained.push('stopRequested'),
      stopped: () => void this.drained.push('stopped'),
      failed: (error) => void this.errors.push(error),
      ...options,
    });
  }

  spawn(id: string): { owner: Owner; actor: SessionActor } {
    const owner = new Owner(id);
    this.#owners.set(id, owner);
    const actor = this.tree.spawn(owner);
    if (actor === undefined) throw new Error(`No actor was spawned for ${id}`);
    return { owner, actor };
  }

  spawnMany(count: number): SessionActor[] {
    return Array.from({ length: count }, (_, n) => this.spawn(`many-${n}`).actor);
  }

  get partitions(): AnyActorRef[] {
    return Object.values(this.tree.root.getSnapshot().children) as AnyActorRef[];
  }

  /** The children of the partitions, all of them. */
  get sessions(): AnyActorRef[] {
    return this.partitions.flatMap((partition) => Object.values(partition.getSnapshot().children) as AnyActorRef[]);
  }
}

export const end = (actor: SessionActor, reason: EndReason = 'deleted') => actor.send({ type: 'TERMINATE', reason });
