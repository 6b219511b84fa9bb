/**
 * What one session owns, beside its actor: the transport, the user's server, and what is known of the client. The actor
 * decides what happens; this makes it happen. Every ending comes through `release`, once.
 */
import type { JSONRPCRequest, Result } from '@modelcontextprotocol/sdk/types.js';
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import type { ClientInfo } from '../protocol/initialize.ts';
import type { Exchange } from '../transport/exchange.ts';
import { Hold } from '../transport/hold.ts';
import { refuse } from '../transport/refuse.ts';
import { SessionTransport } from '../transport/sessionTransport.ts';
import type { TransportEvents } from '../transport/transportOptions.ts';
import { atMost } from './atMost.ts';
import { History, type HistoryEventName } from './history.ts';
import type { Registered } from './registry.ts';
import { ServerInstance } from './serverInstance.ts';
import type { SessionEventType, SessionInfo, SessionState } from './sessionInfo.ts';
import type { ActorOwner, SessionActor } from './sessionTree.ts';

/** Exchanges that one session may have open at a time. */
const MAX_EXCHANGES = 4_096;

/** What a session's client said when it opened it. */
export interface Opening {
  readonly principal: string | undefined;
  readonly clientInfo: ClientInfo;
  readonly protocolVersion: string;
}

/** What a session needs of the supervisor. */
export interface SessionHost {
  readonly options: ResolvedOptions;
  /** The session changed its state. */
  changed(session: Session, type: SessionEventType): void;
  /** The last call in flight was answered. */
  quiet(session: Session): void;
  /** Forgets the session, at once. `torn` resolves when all that it owned is closed. */
  forget(session: Session, torn: Promise<void>): void;
  log(entry: LogEntry): void;
}

/** What an initialize is answered whose session ended before its server did. */
const REFUSAL_AT_END: Partial<Record<EndReason, RefusalName>> = {
  initializeTimeout: 'initializeTimeout',
  lifetime: 'initializeTimeout',
  crashed: 'serverFailed',
  drained: 'draining',
};

export class Session implements Registered, ActorOwner, TransportEvents {
  readonly id: string;
  readonly principal: string | undefined;
  readonly clientInfo: ClientInfo;
  readonly createdAt: number;
  readonly transport: SessionTransport;
  actor: SessionActor | undefined;
  state: SessionState = 'initializing';
  reason: EndReason | undefined;
  error: unknown;
  used = false;

  readonly #host: SessionHost;
  readonly #server: ServerInstance;
  readonly #history: History;
  #protocolVersion: string;
  #lastActiveAt: number;
  /** The exchange of the initialize, until it is answered. */
  #opening: Exchange | undefined;
  #torn: Promise<void> | undefined;
  #onQuiet: (() => void) | undefined;
  /** What the actor announces, while its snapshot is still the one before. */
  #inFlight: number | undefined;

  constructor(id: string, { principal, clientInfo, protocolVersion }: Opening, host: SessionHost) {
    this.id = id;
    this.principal = principal;
    this.clientInfo = clientInfo;
    this.#protocolVersion = protocolVersion;
    this.#host = host;
    this.createdAt = host.options.clock.now();
    this.#lastActiveAt = this.createdAt;
    this.#history = new History(host.options.historySize);
    this.transport = new SessionTransport(id, host.options, this);
    this.#server = new ServerInstance(id, host);
  }

  get protocolVersion(): string {
    return this.#protocolVersion;
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
  async open(exchange: Exchange, initialize: JSONRPCRequest): Promise<void> {
    this.#opening = exchange;
    exchange.onClose(() => {
      if (this.state === 'initializing') void this.terminate('closed'); // nobody is left who could learn the id
    });
    const { id, principal, clientInfo } = this;
    const { authInfo } = exchange;
    const request = { id, principal, authInfo, clientInfo, protocolVersion: this.#protocolVersion };
    try {
      const started = await this.#server.start(this.#host.options.server, request, this.transport);
      if (started) this.transport.initialize(exchange, initialize);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Claims the session for an exchange. Returns why it can't be claimed, if so. */
  claim(exchange: Exchange): Hold | RefusalName {
    const { actor } = this;
    if (actor === undefined || this.state === 'terminated') return 'sessionNotFound';
    const { inFlight } = actor.getSnapshot().context;
    if (inFlight >= MAX_EXCHANGES) return 'tooManyCalls';
    this.#lastActiveAt = this.#host.options.clock.now();
    actor.send({ type: 'REQUEST' });
    if (actor.getSnapshot().value !== 'active') return 'sessionNotFound';
    if (inFlight > 0) this.#record('request', inFlight + 1);
    return this.#hold(exchange);
  }

  /** Ends the session. Resolves when it is torn down; to false if it had ended before. */
  async terminate(reason: EndReason, error?: unknown): Promise<boolean> {
    if (this.state === 'terminated') return false;
    this.error ??= error;
    this.actor?.send({ type: 'TERMINATE', reason });
    await this.#torn;
    return true;
  }

  /** It has ended, and its calls get no more time to be answered. */
  hurry(): void {
    this.#onQuiet?.();
  }

  evict(): void {
    void this.terminate('evicted');
  }

  // --- what the actor says

  announce(state: 'active' | 'idle', inFlight: number): void {
    const opening = this.state === 'initializing';
    this.state = state;
    this.#inFlight = inFlight;
    const at = opening ? this.#host.options.clock.now() : this.#lastActiveAt;
    if (opening) {
      this.#record('opened', inFlight, at);
      this.#host.changed(this, 'session.opened');
    }
    this.#record(state, inFlight, at);
    this.#host.changed(this, `session.${state}`);
    this.#inFlight = undefined;
  }

  release(reason: EndReason, error?: unknown): void {
    if (this.state === 'terminated') return;
    this.state = 'terminated';
    this.#inFlight = 0;
    this.reason = reason;
    this.error ??= error;
    this.#history.recordEnd(this.#host.options.clock.now() - this.createdAt, reason);
    let torn = () => {};
    this.#torn = new Promise((resolve) => {
      torn = resolve;
    });
    this.#host.forget(this, this.#torn);
    void this.#tearDown(reason).then(torn);
  }

  // --- what the transport says

  initialized(result: Result): Hold | undefined {
    const exchange = this.#opening;
    if (exchange === undefined || this.state !== 'initializing') return undefined;
    this.#opening = undefined;
    if (typeof result['protocolVersion'] === 'string') this.#protocolVersion = result['protocolVersion'];
    this.transport.setNegotiatedVersion(this.#protocolVersion);
    this.actor?.send({ type: 'INITIALIZED' });
    return this.#hold(exchange);
  }

  initializeRefused(): void {
    this.#opening = undefined;
    void this.terminate('closed');
  }

  quiet(): void {
    this.#onQuiet?.();
    this.#host.quiet(this);
  }

  failed(error: unknown): void {
    void this.terminate('crashed', error);
  }

  closed(): void {
    this.hurry(); // nobody is left who could answer
    void this.terminate('closed');
  }

  storeFailed(error: unknown): void {
    this.#log('warn', 'store.failed', 'The event store failed; a stream goes on without it', error);
  }

  // --- within

  #record(event: Exclude<HistoryEventName, 'terminated'>, inFlight: number, at: number = this.#lastActiveAt): void {
    this.#history.record(at - this.createdAt, event, inFlight);
  }

  #hold(exchange: Exchange): Hold {
    return new Hold(exchange, () => {
      if (this.state === 'terminated') return;
      this.#lastActiveAt = this.#host.options.clock.now();
      this.actor?.send({ type: 'RESPONSE' });
      const inFlight = this.actor?.getSnapshot().context.inFlight ?? 0;
      if (inFlight > 0) this.#record('response', inFlight);
    });
  }

  /** Answers whoever waits, ends the streams, closes the server. Never rejects. */
  async #tearDown(reason: EndReason): Promise<void> {
    const { clock, shutdownTimeout } = this.#host.options;
    if (reason === 'lifetime' && this.transport.pendingCalls > 0) {
      this.transport.closeStandalone();
      await atMost(clock, shutdownTimeout, new Promise<void>((resolve) => (this.#onQuiet = resolve)));
    }
    const opening = this.#opening;
    this.#opening = undefined;
    if (opening !== undefined) refuse(opening, REFUSAL_AT_END[reason] ?? 'endedEarly');
    this.transport.shut(`Session ended: ${reason}`);
    await this.#server.close();
    await this.transport
      .close()
      .catch((error: unknown) =>
        this.#log('warn', 'session.closeFailed', 'The server threw when told of its end', error),
      );
    await this.transport.forget().catch((error: unknown) => this.storeFailed(error));
  }

  #log(level: LogEntry['level'], event: string, message: string, error?: unknown): void {
    this.#host.log({ level, event, message, sessionId: this.id, ...(error !== undefined && { error }) });
  }
}
