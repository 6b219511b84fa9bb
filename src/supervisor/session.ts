/**
 * A session: whose it is, how it stands, what has happened to it. Its actor decides what happens; this makes it happen
 * and remembers it. What lives of it in this process is its incarnation, what outlives it is its memory. Whatever becomes
 * of it, it leaves through `#leave`, once.
 */
import type { JSONRPCRequest, Result } from '@modelcontextprotocol/sdk/types.js';
import { nextTurn } from '../clock.ts';
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { SessionMachineEvent } from '../machines/session.ts';
import type { ClientInfo } from '../protocol/initialize.ts';
import { RECORD_LIMITS, type RecordedEvent } from '../stores/sessionRecord.ts';
import type { Exchange, ExchangeInfo } from '../transport/exchange.ts';
import type { Hold } from '../transport/hold.ts';
import type { Replayed, Said } from '../transport/replay.ts';
import type { SessionTransport } from '../transport/sessionTransport.ts';
import type { IncarnationNumber, ProcessLine, Surroundings } from '../transport/transportOptions.ts';
import { Bag } from './bag.ts';
import { Departure } from './departure.ts';
import { History, type HistoryEventName } from './history.ts';
import { type Incarnated, Incarnation } from './incarnation.ts';
import { Memory, type Remembered } from './memory.ts';
import type { Registered } from './registry.ts';
import type { ServedSession, ServerRequest } from './serverInstance.ts';
import type { SessionHost, SessionOpening } from './sessionHost.ts';
import type { SessionInfo, SessionState } from './sessionInfo.ts';
import type { ActorOwner, SessionActor } from './sessionTree.ts';

/** Exchanges that one session may have open at a time. */
const MAX_EXCHANGES = 4_096;

export class Session implements Registered, ActorOwner, Incarnated, Remembered, ServedSession {
  readonly id: string;
  readonly principal: string | undefined;
  readonly clientInfo: ClientInfo;
  readonly createdAt: number;
  /** What was negotiated; until then what was asked for. */
  protocolVersion: string;
  /** 1 for the first incarnation, greater for each later one. */
  readonly epoch: number;
  readonly incarnation: Incarnation;
  readonly memory: Memory | undefined;
  actor: SessionActor | undefined;
  state: SessionState;
  reason: EndReason | undefined;
  error: unknown;
  used = false;

  readonly #host: SessionHost<Session>;
  readonly #history: History;
  /** What `bag` is to begin with, as text; until somebody asks for it. */
  #storedState: string | undefined;
  #bag: Bag | undefined;
  #lastActiveAt: number;
  /** What the actor announces, while its snapshot is still the one before. */
  #inFlight: number | undefined;
  #departure: Departure | undefined;

  constructor(
    id: string,
    { principal, clientInfo, protocolVersion, record }: SessionOpening,
    host: SessionHost<Session>,
  ) {
    this.id = id;
    this.principal = principal;
    this.clientInfo = clientInfo;
    this.protocolVersion = protocolVersion;
    this.#host = host;
    this.epoch = record?.epoch ?? 1;
    this.#storedState = record?.state; // the rest of the record may be large, and is not kept
    this.state = record === undefined ? 'initializing' : 'restoring';
    this.createdAt = record?.createdAt ?? host.options.clock.now();
    this.#lastActiveAt = record === undefined ? this.createdAt : host.options.clock.now();
    this.#history = new History(host.options.historySize);
    if (record !== undefined) this.#history.recall(record.history);
    if (host.memories !== undefined) this.memory = new Memory(this, host.memories, record);
    this.incarnation = new Incarnation(this, host);
  }

  /** A getter, because the compiler takes a property for what it was before somebody else was called. */
  get hasLeft(): boolean {
    return this.state === 'terminated' || this.state === 'parked';
  }

  get transport(): SessionTransport {
    return this.incarnation.transport;
  }

  get isRestored(): boolean {
    return this.epoch > 1;
  }

  get number(): IncarnationNumber | undefined {
    return this.#host.memories === undefined ? undefined : { epoch: this.epoch, first: !this.isRestored };
  }

  get surroundings(): Surroundings {
    const log: Surroundings['log'] = (entry) => this.#host.log({ ...entry, sessionId: this.id });
    return { options: this.#host.options, actor: this.actor, log, note: (line) => this.#noteProcess(line) };
  }

  /** `session.state`, made when somebody asks for it. */
  get bag(): Bag {
    const changed = () => this.memory?.stateChanged();
    this.#bag ??= new Bag(this.#host.options.maxStateSize, changed, this.#storedState);
    this.#storedState = undefined;
    if (this.hasLeft) this.#bag.close();
    return this.#bag;
  }

  info(): SessionInfo {
    const history = this.#history.glance(this.createdAt);
    return {
      id: this.id,
      state: this.state,
      inFlight: this.#inFlight ?? this.actor?.getSnapshot().context.inFlight ?? 1,
      calls: this.transport.unansweredCalls,
      openStreams: this.transport.openStreams,
      createdAt: this.createdAt,
      lastActiveAt: this.#lastActiveAt,
      principal: this.principal,
      clientInfo: this.clientInfo,
      protocolVersion: this.protocolVersion,
      epoch: this.epoch,
      get history() {
        return history();
      },
    };
  }

  /** Builds the server and has it answer the initialize; `text` is what that was parsed from. */
  open(exchange: Exchange, initialize: JSONRPCRequest, text?: string): Promise<void> {
    return this.incarnation.open(exchange, initialize, this.#request(exchange, this.protocolVersion), text);
  }

  /** Builds the server of a session that is brought back, and tells it what its client said before. */
  putBack(said: Said, info: ExchangeInfo): Promise<Replayed | undefined> {
    const request = this.#request(info, String(said.initialize['protocolVersion']));
    return this.incarnation.restore(said, this.protocolVersion, request, info);
  }

  /** Its server has been put back. Returns whether that came in time. */
  restored(): boolean {
    this.#send({ type: 'RESTORED' });
    return this.#isActive;
  }

  /** Those who waited for it to be restored hold it themselves by now, or soon. */
  letGo(): void {
    nextTurn(() => this.released());
  }

  /** Claims the session for an exchange. Returns why it can't be claimed, if so. */
  claim(exchange: Exchange): Hold | RefusalName {
    const { actor } = this;
    if (actor === undefined || this.hasLeft) return this.lateRefusal;
    const { inFlight } = actor.getSnapshot().context;
    if (inFlight >= MAX_EXCHANGES) return 'tooManyCalls';
    this.#lastActiveAt = this.#host.options.clock.now();
    this.#send({ type: 'REQUEST' });
    if (!this.#isActive) {
      // It has left, by what somebody did who was told. Or its actor is in the midst of a transition, by somebody's hand
      // who has the actor: then it takes the request later, for nobody.
      this.#send({ type: 'RESPONSE' });
      if (actor.getSnapshot().status !== 'active')
        this.release('crashed', new Error('The session’s actor was stopped'));
      return this.lateRefusal;
    }
    this.memory?.touch();
    if (inFlight > 0) this.#note('request', inFlight + 1);
    return this.incarnation.hold(exchange);
  }

  /** Ends the session. Resolves when it is torn down; to false if it had left before. */
  async terminate(reason: EndReason, error?: unknown): Promise<boolean> {
    if (this.hasLeft) return false;
    this.error ??= error;
    const torn = this.departure.whenTorn();
    this.#send({ type: 'TERMINATE', reason });
    this.#leaveDead(() => this.release(reason));
    await torn;
    return true;
  }

  /**
   * Ends the session. Resolves when that is stored, or can't be: `fenced` when it has gone on elsewhere meanwhile, and goes on
   * there; undefined if it had left before.
   */
  async endStored(reason: EndReason): Promise<'removed' | 'fenced' | 'storeUnavailable' | undefined> {
    if (this.hasLeft) return undefined;
    void this.terminate(reason);
    const written = (await this.memory?.written) ?? 'done';
    return written === 'done' ? 'removed' : written;
  }

  /**
   * Gives up this incarnation; the session lives on as its record, where there is one, and ends as `drained` where there is
   * none. Resolves when that is done.
   */
  async park(): Promise<void> {
    if (this.memory?.exists !== true) return void (await this.terminate('drained'));
    if (this.hasLeft) return;
    const torn = this.departure.whenTorn();
    this.#send({ type: this.state === 'idle' ? 'PARK' : 'DROP' });
    this.#leaveDead(() => this.parked());
    await torn;
  }

  evict(): void {
    this.#host.load.makesRoom?.(this.memory?.exists === true);
    void (this.memory?.exists === true ? this.park() : this.terminate('evicted'));
  }

  /** It can't go on here, for this reason; its record stays as it is. */
  drop(error: unknown): void {
    if (this.hasLeft) return;
    const message = 'A session can’t go on in this process; it is brought back when it is asked for';
    this.#host.log({ level: 'error', event: 'session.dropped', message, sessionId: this.id, error });
    void this.park();
  }

  /** Who waits for it to leave; made when somebody does. */
  get departure(): Departure {
    this.#departure ??= new Departure();
    return this.#departure;
  }

  /** Nothing keeps it from making room for others, as far as it is idle. What could only end always can. */
  get isSpare(): boolean {
    return this.memory === undefined || !this.transport.busy;
  }

  // --- what the actor says

  get nothingRuns(): boolean {
    return this.memory?.exists === true && !this.transport.busy;
  }

  announce(state: 'active' | 'idle', inFlight: number): void {
    const before = this.state;
    const opening = before === 'initializing';
    const at = opening ? this.#host.options.clock.now() : this.#lastActiveAt;
    if (this.hasLeft) return; // by what the clock did, or because its actor goes on without a parent
    this.state = state;
    this.#inFlight = inFlight;
    const first = opening ? 'opened' : before === 'restoring' ? 'restored' : undefined;
    if (first !== undefined) {
      this.#note(first, inFlight, at);
      this.#host.changed(this, `session.${first}`, before);
    }
    this.#note(state, inFlight, at);
    this.#host.changed(this, `session.${state}`, before);
    this.#inFlight = undefined;
  }

  parked(): void {
    this.#leave('parked');
  }

  release(reason: EndReason, error?: unknown): void {
    this.#leave(reason, error);
  }

  // --- what the incarnation says

  opened(result: Result): boolean {
    if (this.state !== 'initializing') return false;
    if (typeof result['protocolVersion'] === 'string') this.protocolVersion = result['protocolVersion'];
    this.transport.setNegotiatedVersion(this.protocolVersion);
    this.#send({ type: 'INITIALIZED' });
    return this.#isActive;
  }

  released(): void {
    this.#lastActiveAt = this.#host.options.clock.now();
    this.#send({ type: 'RESPONSE' });
    const inFlight = this.actor?.getSnapshot().context.inFlight ?? 0;
    if (inFlight > 0 && !this.hasLeft) this.#note('response', inFlight);
  }

  quiet(): void {
    this.#host.quiet(this);
  }

  // --- what its memory asks

  get lastActiveAt(): number {
    return this.#lastActiveAt;
  }

  get stateText(): string {
    return this.#bag?.json ?? this.#storedState ?? '{}';
  }

  get recordedHistory(): readonly RecordedEvent[] {
    return this.#history.lines(RECORD_LIMITS.history);
  }

  settled(): void {
    if (this.state !== 'idle') return;
    const { clock, parkAfter } = this.#host.options;
    if (clock.now() - this.#lastActiveAt >= parkAfter) void this.park();
    else this.#host.spare(this);
  }

  // --- within

  get #isActive(): boolean {
    return this.state === 'active' && this.actor?.getSnapshot().value === 'active';
  }

  /** What whoever asks for it gets now that it has left. */
  get refusal(): RefusalName {
    if (this.state !== 'parked') return this.reason === 'drained' ? 'draining' : 'sessionNotFound';
    return this.#host.accepting ? 'restoreFailed' : 'draining';
  }

  /** What a request gets that has found it, and comes too late. */
  get lateRefusal(): RefusalName {
    return this.state === 'parked' ? this.refusal : 'sessionNotFound';
  }

  #request({ authInfo, requestInfo }: ExchangeInfo, protocolVersion: string): ServerRequest {
    const { id, principal, clientInfo } = this;
    return { id, principal, authInfo, requestInfo, clientInfo, protocolVersion, session: this };
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

  /** An actor that is dead does not hear, and there may be none yet. */
  #leaveDead(leave: () => void): void {
    const leaveDead = () => {
      if (this.actor?.getSnapshot().status !== 'active') leave();
    };
    leaveDead();
    // One in the midst of a transition ends after it; or somebody who has it stopped it before it heard.
    if (!this.hasLeft) this.#host.outbox.push(leaveDead);
  }

  /** It leaves this process: because it ends, or because it is parked. */
  #leave(how: EndReason | 'parked', error?: unknown): void {
    const before = this.state;
    if (this.hasLeft) return;
    this.state = how === 'parked' ? 'parked' : 'terminated';
    this.#inFlight = 0;
    this.error ??= error;
    const now = this.#host.options.clock.now();
    if (how === 'parked') {
      if (before !== 'idle') this.#lastActiveAt = now;
      if (before !== 'restoring') this.#history.record(now - this.createdAt, 'parked', 0);
    } else {
      this.reason = how;
      this.#history.recordEnd(now - this.createdAt, how);
    }
    this.#bag?.close();
    this.memory?.leaving();
    this.#host.forget(this, before);
    this.#departure?.left();
    this.#host.outbox.push(() => void this.#tearDown(how));
  }

  #note(event: Exclude<HistoryEventName, 'terminated'>, inFlight: number, at: number = this.#lastActiveAt): void {
    this.#history.record(at - this.createdAt, event, inFlight);
  }

  #noteProcess(line: ProcessLine): void {
    if (!this.hasLeft) this.#history.recordProcess(this.#host.options.clock.now() - this.createdAt, line);
  }

  async #tearDown(how: EndReason | 'parked'): Promise<void> {
    const end = () => this.incarnation.end(how, this.error);
    await (this.memory === undefined ? end() : this.memory.leave(how === 'parked', end));
    this.#host.torn(this);
    this.#departure?.torn();
  }
}
