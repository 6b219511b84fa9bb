/**
 * The actor tree: the supervisor machine at its root, partitions below it, session actors in their slots. Wires the
 * machines' named actions to whoever the sessions are, and keeps the cost of a spawn and of a stop constant.
 */
import { type ActorRefFrom, createActor, type InspectionEvent, type Observer } from 'xstate';
import type { Clock } from '../clock.ts';
import { partitionMachine } from '../machines/partition.ts';
import type { EndReason } from '../machines/reasons.ts';
import { type SessionTimeouts, sessionMachine } from '../machines/session.ts';
import { supervisorMachine } from '../machines/supervisor.ts';
import { replaceScheduler } from './scheduler.ts';

export type SessionActor = ActorRefFrom<typeof sessionMachine>;
export type SupervisorActor = ActorRefFrom<typeof supervisorMachine>;
type PartitionActor = ActorRefFrom<typeof partitionMachine>;

/** Sessions in one partition. Spawning copies its children; from 16 to 128 of them the cost was the same. */
const PARTITION_SIZE = 64;

/** Whoever an actor acts for. */
export interface ActorOwner {
  readonly id: string;
  /** The actor became active or idle, with so much in flight. */
  announce(state: 'active' | 'idle', inFlight: number): void;
  /** The actor has ended, and is never heard of again. */
  release(reason: EndReason, error?: unknown): void;
}

export interface SessionTreeOptions {
  readonly clock: Clock;
  readonly inspect: Observer<InspectionEvent> | undefined;
  readonly timeouts: SessionTimeouts;
  readonly shutdownTimeout: number;
  /** The owner of the actor with this session id. */
  readonly find: (sessionId: string) => ActorOwner | undefined;
  readonly endIdleSessions: () => void;
  readonly endAllSessions: () => void;
  /** An actor failed that never should. */
  readonly onError: (error: unknown) => void;
}

interface Partition {
  readonly actor: PartitionActor;
  readonly owners: Map<string, ActorOwner>;
  readonly freeSlots: string[];
}

/**
 * A started actor does not look at its options again, but keeps them: an object that xstate builds by spreading, for
 * which V8 makes a hidden class of its own each time. Together that is 0.45 KiB of each idle session's heap.
 */
function releaseOptions(actor: SessionActor): void {
  Object.assign(actor, { options: STARTED });
}

const STARTED = Object.freeze({});

export class SessionTree {
  readonly root: SupervisorActor;
  readonly #options: SessionTreeOptions;
  /** Those with a free slot; the last one is filled first. */
  readonly #open: Partition[] = [];
  readonly #partitions = new Map<string, Partition>();

  constructor(options: SessionTreeOptions) {
    this.#options = options;
    const { clock, inspect, find } = options;
    const session = sessionMachine.provide({
      actions: {
        announceActive: ({ context }) => find(context.sessionId)?.announce('active', context.inFlight),
        announceIdle: ({ context }) => find(context.sessionId)?.announce('idle', context.inFlight),
        release: ({ context }) => find(context.sessionId)?.release(context.reason ?? 'terminated'),
      },
    });
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
      ...(inspect && { inspect }),
    });
    replaceScheduler(this.root.system, clock);
    this.root.subscribe({ error: options.onError });
    this.root.start();
  }

  /** Starts the actor of a session, in the state `initializing`. */
  spawn(owner: ActorOwner): SessionActor {
    const partition = this.#open.at(-1) ?? this.#grow();
    const slot = partition.freeSlots.pop();
    if (slot === undefined) throw new Error('An open partition has no free slot');
    if (partition.freeSlots.length === 0) this.#open.pop();
    partition.owners.set(slot, owner);
    partition.actor.send({
      type: 'SPAWN',
      slot,
      input: { sessionId: owner.id, timeouts: this.#options.timeouts },
    });
    const actor = partition.actor.getSnapshot().children[slot] as SessionActor;
    releaseOptions(actor);
    return actor;
  }

  #grow(): Partition {
    const id = String(this.#partitions.size);
    this.root.send({ type: 'GROW', id });
    const actor = this.root.getSnapshot().children[id] as PartitionActor;
    const freeSlots = Array.from({ length: PARTITION_SIZE }, (_, i) => String(PARTITION_SIZE - 1 - i));
    const partition = { actor, owners: new Map(), freeSlots };
    this.#partitions.set(id, partition);
    this.#open.push(partition);
    return partition;
  }

  #free(id: string, slot: string): void {
    const partition = this.#partitions.get(id);
    if (partition === undefined) return;
    partition.owners.delete(slot);
    if (partition.freeSlots.push(slot) === 1) this.#open.push(partition);
  }
}
