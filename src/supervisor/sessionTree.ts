/**
 * The actor tree: the supervisor machine at its root, partitions below it, session actors in their slots. Wires the
 * machines' named actions to whoever the sessions are, keeps the cost of a spawn and of a stop constant, and gives up a
 * partition that failed.
 */
import { Actor, type ActorRefFrom, createActor, type InspectionEvent, type Observer } from 'xstate';
import type { Clock } from '../clock.ts';
import { partitionMachine } from '../machines/partition.ts';
import type { EndReason } from '../machines/reasons.ts';
import { type SessionInput, type SessionTimeouts, sessionMachine } from '../machines/session.ts';
import { supervisorMachine } from '../machines/supervisor.ts';
import { withDirectTransitions } from './directTransitions.ts';
import { guardedObserver, guardedPrototype, guardInspection, type ObserverFailed } from './guardedActors.ts';
import { type During, replaceScheduler } from './scheduler.ts';
import { releaseOptions, type XstateContract, xstateContract } from './xstateContract.ts';

export type SessionActor = ActorRefFrom<typeof sessionMachine>;
export type SupervisorActor = ActorRefFrom<typeof supervisorMachine>;
type PartitionActor = ActorRefFrom<typeof partitionMachine>;

/** Sessions in one partition. Spawning copies its children; from 16 to 128 of them the cost was the same. */
const PARTITION_SIZE = 64;

/** Whoever an actor acts for. */
export interface ActorOwner {
  readonly id: string;
  /** What its actor begins with, where that is not what every session's does. */
  readonly input?: SessionInput;
  /** The actor became active or idle, with so much in flight. */
  announce(state: 'active' | 'idle', inFlight: number): void;
  /** No handler runs, and no question to the client is open. */
  readonly nothingRuns: boolean;
  /** The actor has ended, and the session lives on as its record. */
  parked(): void;
  /** The actor has ended, and is never heard of again. */
  release(reason: EndReason, error?: unknown): void;
}

export interface SessionTreeOptions {
  readonly clock: Clock;
  readonly inspect: Partial<Observer<InspectionEvent>> | undefined;
  /** What a timer of an actor brings about happens within this. */
  readonly during?: During;
  /** Somebody who inspects the system, or subscribed to one of its actors, threw. */
  readonly observerFailed: ObserverFailed;
  readonly timeouts: SessionTimeouts;
  readonly shutdownTimeout: number;
  /** The owner of the actor with this session id. */
  readonly find: (sessionId: string) => ActorOwner | undefined;
  readonly endIdleSessions: () => void;
  readonly endAllSessions: () => void;
  /** Somebody wants the root to stop. It is not stopped by that: the sessions have to end first. */
  readonly stopRequested: () => void;
  /** The root has stopped, or failed: there are no actors any more. */
  readonly stopped: () => void;
  /** An actor failed that never should: a partition, or the root. */
  readonly failed: (error: unknown) => void;
}

interface Partition {
  readonly id: string;
  readonly actor: PartitionActor;
  readonly owners: Map<string, ActorOwner>;
  readonly freeSlots: string[];
}

export class SessionTree {
  readonly root: SupervisorActor;
  readonly #options: SessionTreeOptions;
  readonly #xstate: XstateContract;
  /** Those with a free slot; the last one is filled first. */
  readonly #open: Partition[] = [];
  readonly #partitions = new Map<string, Partition>();
  /** What actors inherit from, once they have started. */
  readonly #guarded: object;
  #grown = 0;

  /** @throws {SupervisorError} `UNSUPPORTED_XSTATE` */
  constructor(options: SessionTreeOptions) {
    this.#options = options;
    this.#xstate = xstateContract();
    const { clock, inspect, find, observerFailed } = options;
    this.#guarded = guardedPrototype(Actor.prototype, observerFailed);
    let isInspected = () => true; // until it is known
    const life = sessionMachine.provide({
      guards: { nothingRuns: ({ context }) => find(context.sessionId)?.nothingRuns ?? true },
      actions: {
        park: ({ context }) => find(context.sessionId)?.parked(),
        announceActive: ({ context }) => find(context.sessionId)?.announce('active', context.inFlight),
        announceIdle: ({ context }) => find(context.sessionId)?.announce('idle', context.inFlight),
        release: ({ context }) => find(context.sessionId)?.release(context.reason ?? 'terminated'),
      },
    });
    const session = this.#xstate.takesDirectWay ? withDirectTransitions(life, () => isInspected()) : life;
    const partition = partitionMachine.provide({
      actors: { session },
      actions: {
        childFailed: ({ self }, { slot, error }) =>
          this.#partitions.get(self.id)?.owners.get(slot)?.release('crashed', error),
        slotFreed: ({ self }, { slot }) => this.#free(self.id, slot),
      },
    });
    const supervisor = supervisorMachine.provide({
      actors: { partition },
      actions: { endIdleSessions: options.endIdleSessions, endAllSessions: options.endAllSessions },
    });
    this.root = createActor(supervisor, {
      clock,
      id: 'supervisor',
      input: { shutdownTimeout: options.shutdownTimeout },
      ...(inspect && { inspect: guardedObserver(inspect, observerFailed) }),
    });
    const isInspectedLater = guardInspection(this.root.system, observerFailed);
    isInspected = () => inspect !== undefined || isInspectedLater();
    if (this.#xstate.replacesScheduler) replaceScheduler(this.root.system, clock, options.during);
    this.root.subscribe({
      error: (error) => {
        options.failed(error);
        options.stopped();
      },
      complete: options.stopped,
    });
    const stop = (): SupervisorActor => {
      options.stopRequested();
      return this.root;
    };
    Object.setPrototypeOf(this.root, this.#guarded);
    Object.assign(this.root, { stop });
    this.root.start();
  }

  /**
   * Starts the actor of a session, in the state `initializing`; or `restoring`, of one that is brought back and has so many
   * ms left to live. Returns undefined when that failed.
   */
  spawn(owner: ActorOwner, lifetimeLeft?: number | null): SessionActor | undefined {
    const partition = this.#open.at(-1) ?? this.#grow();
    if (partition === undefined) return undefined;
    const slot = partition.freeSlots.pop() as string; // one that is open has some
    if (partition.freeSlots.length === 0) this.#open.pop();
    partition.owners.set(slot, owner);
    const { timeouts } = this.#options;
    const input =
      owner.input ??
      (lifetimeLeft === undefined
        ? { sessionId: owner.id, timeouts }
        : { sessionId: owner.id, timeouts: { ...timeouts, maxSessionLifetime: lifetimeLeft }, restored: true });
    partition.actor.send({ type: 'SPAWN', slot, input });
    const actor = partition.actor.getSnapshot().children[slot] as SessionActor | undefined;
    if (actor === undefined) {
      if (partition.owners.has(slot)) this.#free(partition.id, slot);
      return undefined;
    }
    Object.setPrototypeOf(actor, this.#guarded);
    if (this.#xstate.releasesOptions) releaseOptions(actor);
    return actor;
  }

  /** Adds a partition; undefined when the root takes none any more. */
  #grow(): Partition | undefined {
    const id = String(this.#grown++);
    this.root.send({ type: 'GROW', id });
    const actor = this.root.getSnapshot().children[id] as PartitionActor | undefined;
    if (actor === undefined) return undefined;
    const freeSlots = Array.from({ length: PARTITION_SIZE }, (_, i) => String(PARTITION_SIZE - 1 - i));
    const partition = { id, actor, owners: new Map(), freeSlots };
    this.#partitions.set(id, partition);
    this.#open.push(partition);
    actor.subscribe({
      error: (error) => this.#giveUp(partition, error),
      // It stops with the root, which then is about to be no longer active; or by somebody's hand who has the actor.
      complete: () => queueMicrotask(() => this.#stopped(partition)),
    });
    Object.setPrototypeOf(actor, this.#guarded);
    return partition;
  }

  #stopped(partition: Partition): void {
    if (this.root.getSnapshot().status !== 'active') return;
    this.#giveUp(partition, new Error('A partition was stopped from outside'));
  }

  /** The partition has failed, and its sessions with it; new ones go elsewhere. */
  #giveUp(partition: Partition, error: unknown): void {
    this.#options.failed(error);
    this.#partitions.delete(partition.id);
    const open = this.#open.indexOf(partition);
    if (open >= 0) this.#open.splice(open, 1);
    const { children } = partition.actor.getSnapshot();
    for (const [slot, owner] of partition.owners) {
      owner.release('crashed', error);
      // A parent that failed does not stop its children. This one has no owner any more, but maybe timers.
      (children[slot] as SessionActor | undefined)?.send({ type: 'TERMINATE', reason: 'crashed' });
    }
    partition.owners.clear();
  }

  #free(id: string, slot: string): void {
    const partition = this.#partitions.get(id);
    if (partition === undefined) return;
    partition.owners.delete(slot);
    if (partition.freeSlots.push(slot) === 1) this.#open.push(partition);
  }
}
