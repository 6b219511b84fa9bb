/**
 * A handle: whose it is, how it stands, who uses it. Its actor is one of the session machine and decides what happens;
 * this makes it happen and remembers it. What it stands for is its resource. Whatever becomes of it, it leaves through
 * `#leave`, once.
 */
import type { Clock } from '../clock.ts';
import { SupervisorError } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { SessionInput, SessionMachineEvent } from '../machines/session.ts';
import { type HandleEndReason, isHandleEndReason } from '../options.ts';
import { atMost } from './atMost.ts';
import { Departure } from './departure.ts';
import type { HandleEventType, HandleInfo, HandleState } from './handleInfo.ts';
import { HandleUse, type Used } from './handleUse.ts';
import { History } from './history.ts';
import type { Outbox } from './outbox.ts';
import type { Registered } from './registry.ts';
import { type Held, Resource, type ResourceHost } from './resource.ts';
import type { ActorOwner, SessionActor } from './sessionTree.ts';
import { Ticker } from './ticker.ts';

/** Uses of one handle that may run at a time. */
const MAX_USES = 4_096;

/** What a handle needs of its kind. */
export interface HandleHost<T, I> extends ResourceHost<T, I> {
  readonly name: string;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly historySize: number;
  /** In ms; undefined where it may be idle for ever. */
  readonly idleTimeout: number | undefined;
  inputOf(id: string): SessionInput;
  /** Something happened to it, which was in the state `before`. */
  changed(handle: Handle<T, I>, type: HandleEventType, before: HandleState): void;
  /** Forgets it, at once. */
  forget(handle: Handle<T, I>, before: HandleState): void;
  /** What it stood for is closed, or was given up. */
  torn(handle: Handle<T, I>): void;
  /** The same, and that counts no more. */
  gone(handle: Handle<T, I>): void;
  /** What whoever asks for a handle gets that is not there. */
  notFound(): SupervisorError;
  /** What `create` rejects with where its handle ended before it was open. */
  notOpened(reason: HandleEndReason): SupervisorError;
}

export class Handle<T, I> implements Registered, ActorOwner, Held {
  readonly id: string;
  readonly principal: string | undefined;
  readonly createdAt: number;
  readonly input: SessionInput;
  actor: SessionActor | undefined;
  state: HandleState = 'initializing';
  reason: HandleEndReason | undefined;
  error: unknown;
  used = false;

  readonly #host: HandleHost<T, I>;
  readonly #resource: Resource<T, I>;
  readonly #history: History;
  readonly #uses = new Set<HandleUse>();
  readonly #departure = new Departure();
  #lastActiveAt: number;
  /** What the actor announces, while its snapshot is still the one before. */
  #inFlight: number | undefined;
  /** Has `create` reject, until it is open. */
  #refuse: ((error: unknown) => void) | undefined;
  #hurried = false;
  #onQuiet: (() => void) | undefined;

  constructor(id: string, principal: string | undefined, host: HandleHost<T, I>) {
    this.id = id;
    this.principal = principal;
    this.#host = host;
    this.input = host.inputOf(id);
    this.createdAt = host.clock.now();
    this.#lastActiveAt = this.createdAt;
    this.#history = new History(host.historySize);
    this.#resource = new Resource(this, host);
  }

  /** A getter, because the compiler takes a property for what it was before somebody else was called. */
  get hasLeft(): boolean {
    return this.state === 'terminated';
  }

  info(): HandleInfo {
    const history = this.#history.glance(this.createdAt);
    const { idleTimeout } = this.#host;
    return {
      id: this.id,
      name: this.#host.name,
      state: this.state,
      inFlight: this.#inFlight ?? this.actor?.getSnapshot().context.inFlight ?? 1,
      createdAt: this.createdAt,
      lastActiveAt: this.#lastActiveAt,
      idleDeadline: this.state === 'idle' && idleTimeout !== undefined ? this.#lastActiveAt + idleTimeout : undefined,
      principal: this.principal,
      get history() {
        return history();
      },
    };
  }

  /** Has its value made. Resolves to its id once it is open; rejects with what `open` threw, or why it has ended. */
  open(input: I): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#refuse = reject;
      void this.#open(input).then((isOpen) => {
        if (isOpen) resolve(this.id);
      });
    });
  }

  /** Calls `fn` with its value, which holds it until that has settled. Rejects with what `fn` threw. */
  async use<R>(fn: (value: T, use: Used) => R | Promise<R>): Promise<R> {
    const use = this.#claim();
    try {
      return await fn((this.#resource.box as { readonly value: T }).value, use);
    } finally {
      this.#release(use);
    }
  }

  /**
   * Ends it. Resolves when it is closed; where uses of it still run, as soon as they have been told, since one of them may
   * be who waits.
   */
  async end(reason: HandleEndReason): Promise<void> {
    if (this.hasLeft) return;
    const torn = this.#departure.whenTorn();
    this.terminate(reason);
    if (this.#uses.size === 0) await torn;
  }

  /** Ends it; who runs hears of it. */
  terminate(reason: HandleEndReason): void {
    this.#send({ type: 'TERMINATE', reason });
    const leaveDead = () => {
      if (this.actor?.getSnapshot().status !== 'active') this.release(reason);
    };
    leaveDead(); // an actor that is dead does not hear, and there may be none yet
    // One in the midst of a transition ends after it; or somebody who has it stopped it before it heard.
    if (!this.hasLeft) this.#host.outbox.push(leaveDead);
  }

  evict(): void {
    this.terminate('evicted');
  }

  /** Uses of it get no more time, where it has ended. */
  hurry(): void {
    this.#hurried = true;
    this.#onQuiet?.();
  }

  // --- what the actor says

  get nothingRuns(): boolean {
    return false; // it is never parked
  }

  announce(state: 'active' | 'idle', inFlight: number): void {
    const before = this.state;
    const at = before === 'initializing' ? this.#host.clock.now() : this.#lastActiveAt;
    if (this.hasLeft) return; // by what the clock did, or because its actor goes on without a parent
    this.state = state;
    this.#inFlight = inFlight;
    this.#lastActiveAt = at;
    if (before === 'initializing') {
      this.#note('opened', inFlight);
      this.#host.changed(this, 'handle.opened', before);
    }
    this.#note(state, inFlight);
    this.#host.changed(this, `handle.${state}`, before);
    this.#inFlight = undefined;
  }

  parked(): void {
    this.#leave('crashed', new Error('A handle can’t be parked')); // by somebody's hand who has the actor
  }

  release(reason: EndReason, error?: unknown): void {
    // Whoever has the actor may send it any reason there is.
    this.#leave(isHandleEndReason(reason) ? reason : 'deleted', error);
  }

  // --- within

  get #isActive(): boolean {
    return this.state === 'active' && this.actor?.getSnapshot().value === 'active';
  }

  async #open(input: I): Promise<boolean> {
    try {
      if (!(await this.#resource.open(input))) return false;
    } catch (error) {
      this.#leaveEarly(error);
      return false;
    }
    this.#host.outbox.during(() => {
      this.#send({ type: 'INITIALIZED' });
      this.#send({ type: 'RESPONSE' });
    });
    if (this.state === 'initializing') this.release('crashed', new Error('The handle’s actor was stopped'));
    if (this.hasLeft) return false;
    this.#refuse = undefined;
    return true;
  }

  /** `open` threw. */
  #leaveEarly(error: unknown): void {
    this.error ??= error;
    const refuse = this.#refuse;
    this.#refuse = undefined;
    this.terminate('crashed');
    refuse?.(error);
  }

  #claim(): HandleUse {
    const { actor } = this;
    if (actor === undefined || this.hasLeft || this.#resource.box === undefined) throw this.#host.notFound();
    if (this.#uses.size >= MAX_USES) {
      throw new SupervisorError('HANDLES_FULL', `Too many calls use this ${this.#host.name} at once: try again later`);
    }
    this.#lastActiveAt = this.#host.clock.now();
    const { inFlight } = actor.getSnapshot().context;
    this.#send({ type: 'REQUEST' });
    if (!this.#isActive) {
      // It has ended, by what somebody did who was told. Or its actor is in the midst of a transition, by somebody's hand
      // who has the actor: then it takes the request later, for nobody.
      this.#send({ type: 'RESPONSE' });
      if (actor.getSnapshot().status !== 'active') this.release('crashed', new Error('The handle’s actor was stopped'));
      throw this.#host.notFound();
    }
    this.used = true;
    if (inFlight > 0) this.#note('request', inFlight + 1);
    const use = new HandleUse((error) =>
      this.#host.log({
        level: 'error',
        event: 'listener.failed',
        message: 'A listener of the signal of a use failed',
        handleId: this.id,
        error,
      }),
    );
    this.#uses.add(use);
    return use;
  }

  #release(use: HandleUse): void {
    this.#uses.delete(use);
    if (this.hasLeft) {
      if (this.#uses.size === 0) this.#onQuiet?.();
      return;
    }
    this.#lastActiveAt = this.#host.clock.now();
    this.#send({ type: 'RESPONSE' });
    const inFlight = this.actor?.getSnapshot().context.inFlight ?? 0;
    if (inFlight > 0 && !this.hasLeft) this.#note('response', inFlight);
  }

  /** Sends the actor an event, if it still hears any; what comes of it is told when the transition is over. */
  #send(event: SessionMachineEvent): void {
    const { actor } = this;
    if (actor?.getSnapshot().status !== 'active') return;
    this.#host.outbox.during(() => actor.send(event));
  }

  #leave(reason: HandleEndReason, error?: unknown): void {
    const before = this.state;
    if (this.hasLeft) return;
    this.state = 'terminated';
    this.#inFlight = 0;
    this.reason = reason;
    this.error ??= error;
    this.#history.recordEnd(this.#host.clock.now() - this.createdAt, reason);
    this.#host.forget(this, before);
    this.#refuse?.(this.#host.notOpened(reason));
    this.#refuse = undefined;
    this.#host.outbox.push(() => void this.#tearDown(reason));
  }

  #note(event: 'opened' | 'active' | 'idle' | 'request' | 'response', inFlight: number): void {
    this.#history.record(this.#lastActiveAt - this.createdAt, event, inFlight);
  }

  /** Uses that run may go on for a while; at the end of a lifetime nobody has asked them to stop. */
  async #tearDown(reason: HandleEndReason): Promise<void> {
    const { clock, shutdownTimeout } = this.#host;
    if (reason !== 'lifetime') this.#abortUses();
    if (this.#uses.size > 0 && !this.#hurried) {
      await atMost(clock, shutdownTimeout, new Promise<void>((resolve) => (this.#onQuiet = resolve)));
    }
    this.#abortUses();
    // Those that hear it may still let go of the value.
    if (this.#uses.size > 0) await Ticker.pause();
    await this.#resource.close(reason, () => this.#host.gone(this));
    this.#host.torn(this);
    this.#departure.torn();
  }

  #abortUses(): void {
    for (const use of this.#uses) use.abort();
  }
}
