/**
 * A session: whose it is, how it stands, what has happened to it. Its actor decides what happens; this makes it happen
 * and remembers it. What lives of it in this process is its incarnation. Every ending comes through `release`, once.
 */
import type { JSONRPCRequest, Result } from '@modelcontextprotocol/sdk/types.js';
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { SessionMachineEvent } from '../machines/session.ts';
import type { ResolvedOptions } from '../options.ts';
import type { ClientInfo } from '../protocol/initialize.ts';
import type { Exchange } from '../transport/exchange.ts';
import type { Hold } from '../transport/hold.ts';
import type { SessionTransport } from '../transport/sessionTransport.ts';
import { History, type HistoryEventName } from './history.ts';
import { type Incarnated, Incarnation, type IncarnationHost } from './incarnation.ts';
import type { Outbox } from './outbox.ts';
import type { Registered } from './registry.ts';
import type { SessionEventType, SessionInfo, SessionState } from './sessionInfo.ts';
import type { ActorOwner, SessionActor } from './sessionTree.ts';

/** Exchanges that one session may have open at a time. */
const MAX_EXCHANGES = 4_096;

/** What a session's client said when it opened it. */
export interface SessionOpening {
  readonly principal: string | undefined;
  readonly clientInfo: ClientInfo;
  readonly protocolVersion: string;
}

/** What a session needs of the supervisor. */
export interface SessionHost extends IncarnationHost {
  readonly options: ResolvedOptions;
  readonly outbox: Outbox;
  /** Something happened to the session, which was in the state `before`. */
  changed(session: Session, type: SessionEventType, before: SessionState): void;
  /** Nobody waits for a call any more. */
  quiet(session: Session): void;
  /** Forgets the session, at once. */
  forget(session: Session, before: SessionState): void;
  /** All that the session owned is closed, or was given up. */
  torn(session: Session): void;
}

export class Session implements Registered, ActorOwner, Incarnated {
  readonly id: string;
  readonly principal: string | undefined;
  readonly clientInfo: ClientInfo;
  readonly createdAt: number;
  readonly incarnation: Incarnation;
  actor: SessionActor | undefined;
  state: SessionState = 'initializing';
  reason: EndReason | undefined;
  error: unknown;
  used = false;

  readonly #host: SessionHost;
  readonly #history: History;
  #protocolVersion: string;
  #lastActiveAt: number;
  /** What the actor announces, while its snapshot is still the one before. */
  #inFlight: number | undefined;
  /** Who waits until it is torn down. */
  #onTorn: (() => void)[] | undefined;

  constructor(id: string, { principal, clientInfo, protocolVersion }: SessionOpening, host: SessionHost) {
    this.id = id;
    this.principal = principal;
    this.clientInfo = clientInfo;
    this.#protocolVersion = protocolVersion;
    this.#host = host;
    this.createdAt = host.options.clock.now();
    this.#lastActiveAt = this.createdAt;
    this.#history = new History(host.options.historySize);
    this.incarnation = new Incarnation(this, host);
  }

  get protocolVersion(): string {
    return this.#protocolVersion;
  }

  get transport(): SessionTransport {
    return this.incarnation.transport;
  }

  info(): SessionInfo {
    return {
      id: this.id,
      state: this.state,
      inFlight: this.#inFlight ?? this.actor?.getSnapshot().context.inFlight ?? 1,
      openStreams: this.transport.openStreams,
      createdAt: this.createdAt,
      lastActiveAt: this.#lastActiveAt,
      principal: this.principal,
      clientInfo: this.clientInfo,
      protocolVersion: this.#protocolVersion,
      history: this.#history.events(this.createdAt),
    };
  }

  /** Builds the server and has it answer the initialize. */
  open(exchange: Exchange, initialize: JSONRPCRequest): Promise<void> {
    const { id, principal, clientInfo, protocolVersion } = this;
    const { authInfo, requestInfo } = exchange;
    const request = { id, principal, authInfo, requestInfo, clientInfo, protocolVersion };
    return this.incarnation.open(exchange, initialize, request);
  }

  /** Claims the session for an exchange. Returns why it can't be claimed, if so. */
  claim(exchange: Exchange): Hold | RefusalName {
    const { actor } = this;
    if (actor === undefined || this.state === 'terminated') return 'sessionNotFound';
    const { inFlight } = actor.getSnapshot().context;
    if (inFlight >= MAX_EXCHANGES) return 'tooManyCalls';
    this.#lastActiveAt = this.#host.options.clock.now();
    this.#send({ type: 'REQUEST' });
    if (!this.#isActive) {
      // It has ended, by what somebody did who was told. Or its actor is in the midst of a transition, by somebody's hand
      // who has the actor: then it takes the request later, for nobody.
      this.#send({ type: 'RESPONSE' });
      if (actor.getSnapshot().status !== 'active')
        this.release('crashed', new Error('The session’s actor was stopped'));
      return 'sessionNotFound';
    }
    if (inFlight > 0) this.#record('request', inFlight + 1);
    return this.incarnation.hold(exchange);
  }

  /** Ends the session. Resolves when it is torn down; to false if it had ended before. */
  async terminate(reason: EndReason, error?: unknown): Promise<boolean> {
    const { outbox } = this.#host;
    if (this.state === 'terminated') return false;
    this.error ??= error;
    const torn = new Promise<void>((resolve) => {
      this.#onTorn ??= [];
      this.#onTorn.push(resolve);
    });
    this.#send({ type: 'TERMINATE', reason });
    // An actor that is dead does not hear, and there may be none yet.
    const releaseDead = () => {
      if (this.actor?.getSnapshot().status !== 'active') this.release(reason);
    };
    releaseDead();
    // One in the midst of a transition ends after it; or somebody who has it stopped it before it heard.
    if (!this.#hasEnded) outbox.push(releaseDead);
    await torn;
    return true;
  }

  evict(): void {
    void this.terminate('evicted');
  }

  // --- what the actor says

  announce(state: 'active' | 'idle', inFlight: number): void {
    const before = this.state;
    const opening = before === 'initializing';
    const at = opening ? this.#host.options.clock.now() : this.#lastActiveAt;
    if (this.#hasEnded) return; // by what the clock did, or because its actor goes on without a parent
    this.state = state;
    this.#inFlight = inFlight;
    if (opening) {
      this.#record('opened', inFlight, at);
      this.#host.changed(this, 'session.opened', before);
    }
    this.#record(state, inFlight, at);
    this.#host.changed(this, `session.${state}`, before);
    this.#inFlight = undefined;
  }

  release(reason: EndReason, error?: unknown): void {
    const before = this.state;
    if (before === 'terminated') return;
    this.state = 'terminated';
    this.#inFlight = 0;
    this.reason = reason;
    this.error ??= error;
    this.#history.recordEnd(this.#host.options.clock.now() - this.createdAt, reason);
    this.#host.forget(this, before);
    this.#host.outbox.push(() => void this.#tearDown(reason));
  }

  // --- what the incarnation says

  opened(result: Result): boolean {
    if (this.state !== 'initializing') return false;
    if (typeof result['protocolVersion'] === 'string') this.#protocolVersion = result['protocolVersion'];
    this.transport.setNegotiatedVersion(this.#protocolVersion);
    this.#send({ type: 'INITIALIZED' });
    return this.#isActive;
  }

  released(): void {
    this.#lastActiveAt = this.#host.options.clock.now();
    this.#send({ type: 'RESPONSE' });
    const inFlight = this.actor?.getSnapshot().context.inFlight ?? 0;
    if (inFlight > 0 && this.state !== 'terminated') this.#record('response', inFlight);
  }

  quiet(): void {
    this.#host.quiet(this);
  }

  // --- within

  /** A getter, because the compiler takes a property for what it was before somebody else was called. */
  get #hasEnded(): boolean {
    return this.state === 'terminated';
  }

  get #isActive(): boolean {
    return this.state === 'active' && this.actor?.getSnapshot().value === 'active';
  }

  /** Sends the actor an event, if it still hears any; what comes of it is told when the transition is over. */
  #send(event: SessionMachineEvent): void {
    const { actor } = this;
    if (actor?.getSnapshot().status !== 'active') return;
    const { outbox } = this.#host;
    outbox.enter();
    try {
      actor.send(event);
    } finally {
      outbox.leave();
    }
  }

  #record(event: Exclude<HistoryEventName, 'terminated'>, inFlight: number, at: number = this.#lastActiveAt): void {
    this.#history.record(at - this.createdAt, event, inFlight);
  }

  async #tearDown(reason: EndReason): Promise<void> {
    await this.incarnation.end(reason);
    this.#host.torn(this);
    for (const resolve of this.#onTorn ?? []) resolve();
  }
}
