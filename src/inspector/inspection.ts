/**
 * Stately's inspector, told what the actors do. Its viewers come and go; while there are none, nothing is looked at.
 * Made by `createInspection`, and brought to its viewers by `serveInspector`.
 */
import type { AnyActorRef, InspectionEvent, Subscription } from 'xstate';
import { checkTypes } from '../door/optionTypes.ts';
import { Pseudonyms } from '../door/pseudonym.ts';
import { SupervisorError } from '../index.ts';
import { configOf, familyOf, hasEnded, type InspectedSession, sessionOf } from './inspectedActor.ts';
import { isShare, type Selection, selects } from './selection.ts';
import { StatelyFrames } from './statelyFrames.ts';
import { encode, StatelyViewer } from './statelyViewer.ts';
import type { Viewer } from './viewer.ts';

/** Options of `createInspection`. */
export interface InspectionOptions {
  /** The share of sessions that is shown, more than 0 and up to 1. Chosen by session, so those shown are whole. Default 1. */
  readonly sample?: number | undefined;
  /** Which sessions are shown; one that is, is shown from then on to its end. Asked at each event of a session that is not. Default: all. */
  readonly filter?: ((session: InspectedSession) => boolean) | undefined;
  /** Whether session ids are shown. Default false: keys stand for them. */
  readonly revealIds?: boolean | undefined;
  /** Whether contexts and events are shown whole, session ids included. Default false: only what is harmless. */
  readonly revealContext?: boolean | undefined;
  /** Frames that one viewer is sent in a second; what is beyond is left out, and a mark says so. Default 2 000. */
  readonly maxRate?: number | undefined;
  /** Actors that one viewer is shown at a time; those beyond are left out, and a mark says so. Default 1 000. */
  readonly maxActors?: number | undefined;
}

/** What viewers in Stately's inspector see of a supervisor. */
export interface Inspection {
  /**
   * XState's inspection callback, which the supervisor's option `inspect` takes. With `serveInspector` nothing has to be
   * handed over: it listens by itself while somebody looks, and costs nothing else.
   */
  readonly inspect: (event: InspectionEvent) => void;
}

const TYPES = {
  sample: 'number',
  filter: 'function',
  revealIds: 'boolean',
  revealContext: 'boolean',
  maxRate: 'number',
  maxActors: 'number',
} as const;

/** How often viewers catch up, in ms, and how many actors that are there already are shown to one each time. */
const CATCH_UP = 50;
const SHOWN_AT_A_TIME = 100;

/**
 * Makes an inspection, whose `inspect` is XState's inspection callback in front of Stately's inspector.
 * @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION`
 * @example
 * ```ts
 * import { createInspection, serveInspector } from 'mcp-session-supervisor/inspector';
 *
 * // Stately's inspector is shown the sessions of one user alone.
 * const inspection = createInspection({ filter: ({ id }) => supervisor.session(id)?.principal === 'ada' });
 * const { statelyUrl } = await serveInspector(supervisor, { inspection });
 * ```
 */
export function createInspection(options: InspectionOptions = {}): Inspection {
  return new Relay(options);
}

export class Relay implements Inspection {
  /** What keys come from; the page uses the same. */
  readonly names = new Pseudonyms();
  readonly #options: Required<{ [K in keyof InspectionOptions]: Exclude<InspectionOptions[K], undefined> }>;
  readonly #frames: StatelyFrames;
  readonly #viewers = new Set<StatelyViewer>();
  readonly #keys = new WeakMap<AnyActorRef, string>();
  /** Somebody calls `inspect`, so there is no need to subscribe. */
  #handed = false;
  #subscription: Subscription | undefined;
  #catchUps: NodeJS.Timeout | undefined;

  constructor(options: InspectionOptions) {
    checkTypes('createInspection', options, TYPES);
    const { sample = 1, filter = () => true, ...rest } = options;
    const { revealIds = false, revealContext = false, maxRate = 2_000, maxActors = 1_000 } = rest;
    if (!isShare(sample)) throw new SupervisorError('INVALID_OPTION', 'sample must be more than 0, and 1 at most');
    for (const [name, value] of Object.entries({ maxRate, maxActors })) {
      if (!(value >= 1)) throw new SupervisorError('INVALID_OPTION', `${name} must be 1 or more`);
    }
    this.#options = { sample, filter, revealIds, revealContext, maxRate, maxActors };
    this.#frames = new StatelyFrames({ nameOf: (actor) => this.#nameOf(actor), revealContext });
  }

  readonly inspect = (event: InspectionEvent): void => {
    this.#handed = true;
    this.#see(event);
  };

  /** Shows a viewer the actors below `root`: those that are there, and what they do. */
  addViewer(viewer: Viewer, root: AnyActorRef, selection: Selection): () => void {
    const { maxRate, maxActors } = this.#options;
    const options = { frames: this.#frames, selection, maxRate, maxActors };
    const added = new StatelyViewer(viewer, this.#present(root, selection), options);
    this.#viewers.add(added);
    if (!this.#handed) this.#subscription ??= root.system.inspect((event) => this.#see(event));
    this.#catchUps ??= setInterval(() => {
      for (const each of this.#viewers) each.catchUp(root, SHOWN_AT_A_TIME);
    }, CATCH_UP);
    added.catchUp(root, SHOWN_AT_A_TIME);
    return () => this.#drop(added);
  }

  #drop(viewer: StatelyViewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    clearInterval(this.#catchUps);
    this.#catchUps = undefined;
  }

  #see(event: InspectionEvent): void {
    // An actor that is being made has no snapshot yet. It is told of with the first thing that happens to it.
    if (this.#viewers.size === 0 || (event.type !== '@xstate.event' && event.type !== '@xstate.snapshot')) return;
    const actor = event.actorRef as AnyActorRef;
    let encoded: Buffer | undefined;
    const frame = () => {
      encoded ??= encode(
        event.type === '@xstate.event'
          ? this.#frames.event(event)
          : this.#frames.snapshot(actor, event.snapshot, event.event),
      );
      return encoded;
    };
    for (const viewer of this.#viewers) {
      const known =
        viewer.knows(actor) ||
        (!hasEnded(actor) && this.#isSelected(actor, viewer.selection) && viewer.introduce(actor));
      if (known) viewer.tell(actor, frame);
    }
  }

  /** The actors that are there and wanted, or undefined for one that is not: so that a long search can be paced. */
  *#present(root: AnyActorRef, selection: Selection): Generator<AnyActorRef | undefined, void> {
    for (const actor of familyOf(root)) yield this.#isSelected(actor, selection) ? actor : undefined;
    // Those of servers, which no machine has as its children.
    for (const actor of Object.values(root.system.getAll() as Readonly<Record<string, AnyActorRef>>)) {
      yield this.#isSelected(actor, selection) ? actor : undefined;
    }
  }

  /** Whether an actor is to be shown: the sessions that are wanted, with what is below them, and every one above. */
  #isSelected(actor: AnyActorRef, selection: Selection): boolean {
    const parent = actor._parent;
    if (parent !== undefined && sessionOf(parent) !== undefined) return this.#isSelected(parent, selection);
    const session = sessionOf(actor);
    if (session === undefined) return true;
    const { sample, filter } = this.#options;
    const key = this.#keyOf(actor, session.id);
    const everyone: Selection = { sessions: [], states: [], sample };
    const candidate = { ...session, key };
    return selects(selection, candidate) && selects(everyone, candidate) && filter(session);
  }

  #keyOf(actor: AnyActorRef, id: string): string {
    let key = this.#keys.get(actor);
    if (key === undefined) {
      key = this.names.of(id);
      this.#keys.set(actor, key);
    }
    return key;
  }

  #nameOf(actor: AnyActorRef): string {
    const session = sessionOf(actor);
    if (session !== undefined) {
      const name = this.#options.revealIds ? session.id : this.#keyOf(actor, session.id);
      return session.handle === undefined ? name : `${session.handle} ${name}`;
    }
    const { id } = configOf(actor) ?? {};
    return id === undefined || id === actor.id ? actor.id : `${id} ${actor.id}`;
  }
}
