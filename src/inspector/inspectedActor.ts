/** What the inspection has to know of an actor: its machine, its session if it has one, and who is below it. */
import type { AnyActorRef } from 'xstate';
import type { SessionState } from '../index.ts';
import { type SessionMachineContext, sessionMachine } from '../machines/index.ts';

export interface MachineConfig {
  readonly id?: string;
}

/** A session that may be shown, or a handle. */
export interface InspectedSession {
  readonly id: string;
  readonly state: SessionState;
  readonly inFlight: number;
  /** It is no session but a handle of the kind with this name. */
  readonly handle?: string;
}

interface Snapshot {
  readonly status: string;
  readonly value?: SessionState;
  readonly context?: SessionMachineContext;
  readonly children?: Readonly<Record<string, AnyActorRef | undefined>>;
}

const snapshotOf = (actor: AnyActorRef) => actor.getSnapshot() as Snapshot;

/** The configuration of an actor's machine; undefined where it is no machine. */
export function configOf(actor: AnyActorRef): MachineConfig | undefined {
  const { logic } = actor as unknown as { logic: { config?: MachineConfig } };
  return logic.config;
}

/** The session of an actor of the session machine. */
export function sessionOf(actor: AnyActorRef): InspectedSession | undefined {
  if (configOf(actor) !== sessionMachine.config) return undefined;
  const { value, context } = snapshotOf(actor);
  if (value === undefined || context === undefined) return undefined;
  const { sessionId: id, inFlight, handle } = context;
  return { id, state: value, inFlight, ...(handle !== undefined && { handle }) };
}

/** Whether an actor has come to its end, whichever. */
export function hasEnded(actor: AnyActorRef): boolean {
  return snapshotOf(actor).status !== 'active';
}

export function rootOf(actor: AnyActorRef): AnyActorRef {
  return actor._parent === undefined ? actor : rootOf(actor._parent);
}

/** An actor and all below it, each as it is when it is asked for; those above come first. */
export function* familyOf(actor: AnyActorRef): Generator<AnyActorRef, void> {
  yield actor;
  for (const child of Object.values(snapshotOf(actor).children ?? {})) {
    if (child !== undefined) yield* familyOf(child);
  }
}
