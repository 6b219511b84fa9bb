/**
 * A viewer of Stately's inspector. Whatever it is told of an actor, it is told of the actor first, with its definition:
 * so it does not matter when it came. What it does not take in time, or what would be too much, is left out; then it is
 * told so, and how things stand by now.
 */
import type { AnyActorRef } from 'xstate';
import { hasEnded } from './inspectedActor.ts';
import type { Selection } from './selection.ts';
import type { StatelyFrames } from './statelyFrames.ts';
import type { Viewer } from './viewer.ts';

/** How far apart marks are at least, in ms. */
const BETWEEN_MARKS = 1_000;

export interface StatelyViewerOptions {
  readonly frames: StatelyFrames;
  readonly selection: Selection;
  /** Frames a second. */
  readonly maxRate: number;
  /** Actors that it is shown at a time. */
  readonly maxActors: number;
}

export class StatelyViewer {
  readonly viewer: Viewer;
  readonly selection: Selection;
  readonly #options: StatelyViewerOptions;
  /** Actors that it knows. */
  readonly #known = new Set<AnyActorRef>();
  /** Of those, the ones of which something was left out since. */
  readonly #stale = new Set<AnyActorRef>();
  /** Frames left out since the last mark. */
  #dropped = 0;
  /** Actors that did not fit, and how many since the last mark. */
  readonly #unfit = new WeakSet<AnyActorRef>();
  #omitted = 0;
  #marked = Number.NEGATIVE_INFINITY;
  #allowance: number;
  #since = performance.now();
  /** What is there already and is still to be shown. */
  #present: Iterator<AnyActorRef | undefined, void> | undefined;

  constructor(viewer: Viewer, present: Iterator<AnyActorRef | undefined, void>, options: StatelyViewerOptions) {
    this.viewer = viewer;
    this.selection = options.selection;
    this.#options = options;
    this.#present = present;
    this.#allowance = options.maxRate;
  }

  /** Whether it knows the actor. */
  knows(actor: AnyActorRef): boolean {
    return this.#known.has(actor);
  }

  /** Tells of an actor that it does not know, after those above it. Returns whether it knows the actor now. */
  introduce(actor: AnyActorRef): boolean {
    if (this.#known.has(actor)) return true;
    if (actor._parent !== undefined && !this.introduce(actor._parent)) return false;
    if (this.#known.size >= this.#options.maxActors) {
      if (!this.#unfit.has(actor)) this.#omitted++;
      this.#unfit.add(actor);
      return false;
    }
    if (!this.#mayTell()) {
      this.#dropped++;
      return false;
    }
    this.#known.add(actor);
    this.viewer.send(encode(this.#options.frames.actor(actor)));
    return true;
  }

  /** Tells something of an actor that it knows. */
  tell(actor: AnyActorRef, frame: () => Buffer): void {
    if (this.#mayTell()) {
      this.viewer.send(frame());
      this.#forgetEnded(actor);
    } else {
      this.#dropped++;
      this.#stale.add(actor);
    }
  }

  /** Shows some more of what is there; makes good for what was left out. Called a few times a second. */
  catchUp(root: AnyActorRef, atMost: number): void {
    if (!this.viewer.drained) return;
    const left = this.#dropped > 0 || this.#omitted > 0;
    if (left && performance.now() - this.#marked >= BETWEEN_MARKS) {
      this.#marked = performance.now();
      this.viewer.send(encode(this.#options.frames.dropped(root, this.#dropped, this.#omitted)));
      this.#dropped = 0;
      this.#omitted = 0;
    }
    for (const actor of this.#stale) {
      if (this.viewer.slow) return;
      this.#stale.delete(actor);
      this.viewer.send(encode(this.#options.frames.snapshot(actor)));
      this.#forgetEnded(actor);
    }
    for (let n = 0; n < atMost && this.#present !== undefined && !this.viewer.slow; n++) {
      const { done, value: actor } = this.#present.next();
      if (done) this.#present = undefined;
      else if (actor !== undefined) this.introduce(actor);
    }
  }

  #forgetEnded(actor: AnyActorRef): void {
    if (hasEnded(actor)) this.#known.delete(actor);
  }

  #mayTell(): boolean {
    if (this.viewer.slow) return false;
    const { maxRate } = this.#options;
    const now = performance.now();
    this.#allowance = Math.min(maxRate, this.#allowance + ((now - this.#since) / 1_000) * maxRate);
    this.#since = now;
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }
}

export function encode(frame: object): Buffer {
  return Buffer.from(JSON.stringify(frame));
}
