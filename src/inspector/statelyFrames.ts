/**
 * XState's inspection events in the format that Stately's inspector reads: `@statelyai/inspect` 0.7, one JSON object in
 * each text frame. What could name a person or a secret is left out of contexts and events unless it is asked for.
 */
import type { AnyActorRef, AnyEventObject, InspectionEvent, Snapshot } from 'xstate';
import { END_REASONS } from '../index.ts';
import { configOf, type MachineConfig, rootOf } from './inspectedActor.ts';

/** The version of the package whose format this is. */
const FORMAT = '0.7.2';

/** What the session machine's and the supervisor machine's contexts hold that tells nothing of anybody. */
const HARMLESS = [
  'inFlight',
  'reason',
  'restored',
  'handle',
  'timeouts',
  'shutdownTimeout',
  // Of a child.
  'generation',
  'pid',
  'exit',
  'restart',
  'attempts',
  'willRestart',
  'gaveUp',
] as const;

/** What a frame of ours says of itself: something was left out, or a snapshot comes without an event. */
const MARKS = { dropped: 'inspector.dropped', replayed: 'inspector.replayed' } as const;

export interface FrameOptions {
  /** The name under which an actor is shown, which stands for its session's id as well. */
  readonly nameOf: (actor: AnyActorRef) => string;
  readonly revealContext: boolean;
}

export class StatelyFrames {
  readonly #options: FrameOptions;
  readonly #definitions = new WeakMap<MachineConfig, string>();

  constructor(options: FrameOptions) {
    this.#options = options;
  }

  /** An actor, with the definition of its machine and its state as it is now. */
  actor(actor: AnyActorRef): object {
    return {
      type: '@xstate.actor',
      name: this.#options.nameOf(actor),
      definition: this.#definition(actor),
      parentId: actor._parent?.sessionId,
      snapshot: this.#snapshot(actor, actor.getSnapshot()),
      ...common(actor),
    };
  }

  /** An event that an actor gets. */
  event({ event, sourceRef, actorRef }: Extract<InspectionEvent, { type: '@xstate.event' }>): object {
    return {
      type: '@xstate.event',
      event: this.#event(event),
      sourceId: sourceRef?.sessionId,
      ...common(actorRef as AnyActorRef),
    };
  }

  /** The state that an actor is in after an event; without one, the state that it is in now. */
  snapshot(actor: AnyActorRef, snapshot: Snapshot<unknown> = actor.getSnapshot(), event?: AnyEventObject): object {
    return {
      type: '@xstate.snapshot',
      event: event === undefined ? { type: MARKS.replayed } : this.#event(event),
      snapshot: this.#snapshot(actor, snapshot),
      ...common(actor),
    };
  }

  /** A mark: so many frames were left out, and so many more actors are not shown, since the last mark. */
  dropped(root: AnyActorRef, frames: number, actors: number): object {
    return { type: '@xstate.event', event: { type: MARKS.dropped, frames, actors }, ...common(root) };
  }

  #definition(actor: AnyActorRef): string {
    const config = configOf(actor);
    if (config === undefined) return JSON.stringify({ id: actor.id });
    let definition = this.#definitions.get(config);
    if (definition === undefined) {
      // As theirs has it: a function is shown by its name.
      definition = JSON.stringify(config, (_, value: unknown) =>
        typeof value === 'function' ? { type: value.name } : value,
      );
      this.#definitions.set(config, definition);
    }
    return definition;
  }

  #snapshot(actor: AnyActorRef, snapshot: Snapshot<unknown>): object {
    if (this.#options.revealContext) return JSON.parse(JSON.stringify(snapshot)) as object;
    const { status, value, context, output } = snapshot as Snapshot<unknown> & { value?: unknown; context?: object };
    return {
      status,
      value,
      context: this.#context(actor, context),
      // A session that was parked has come to no end, and its actor has no reason for its own.
      ...(status === 'done' && { output: { reason: reasonOf(output) ?? null } }),
      ...(status === 'error' && { error: 'An error' }),
    };
  }

  #context(actor: AnyActorRef, context: object = {}): object {
    const given = context as Record<string, unknown>;
    const told = HARMLESS.filter((name) => name in given).map((name) => [name, given[name]]);
    const name = 'sessionId' in given ? { sessionId: this.#options.nameOf(actor) } : {};
    return { ...name, ...Object.fromEntries(told) };
  }

  #event(event: AnyEventObject): object {
    if (this.#options.revealContext) return JSON.parse(JSON.stringify(event)) as object;
    const reason = reasonOf(event) ?? reasonOf(event['output']);
    return { type: event.type, ...(reason !== undefined && { reason }) };
  }
}

/** What every frame has. */
function common(actor: AnyActorRef): object {
  return {
    sessionId: actor.sessionId,
    rootId: rootOf(actor).sessionId,
    createdAt: String(Date.now()),
    id: null,
    _version: FORMAT,
  };
}

function reasonOf(value: unknown): string | undefined {
  const reason = (value as { reason?: unknown } | null | undefined)?.reason;
  return END_REASONS.find((known) => known === reason);
}
