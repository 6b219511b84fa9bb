/**
 * The supervisor: opens sessions, finds them, ends them, drains. Behind the public API and behind HTTP alike.
 * Forget first: what ends leaves the registry before anything of it is awaited.
 */
import { MAX_DELAY } from '../clock.ts';
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import { describeClient, initializeParams } from '../protocol/initialize.ts';
import type { SessionRecord } from '../stores/sessionRecord.ts';
import type { Exchange } from '../transport/exchange.ts';
import { abandon } from './abandon.ts';
import { callBack } from './callback.ts';
import type { ClusterNode } from './clusterNode.ts';
import { checkDrainTimeout, drain, paceOf } from './drain.ts';
import { guardedClock } from './guardedClock.ts';
import type { HandleRegistry } from './handles.ts';
import { inSlices } from './inSlices.ts';
import type { MemoryHost } from './memory.ts';
import type { ModernEra } from './modernEra.ts';
import { Observers } from './observers.ts';
import { Outbox } from './outbox.ts';
import { RefusalLog } from './refusalLog.ts';
import { Registry } from './registry.ts';
import { ServerCount } from './serverCount.ts';
import { Session } from './session.ts';
import { SessionEvents } from './sessionEvents.ts';
import type { SessionHost, SessionOpening } from './sessionHost.ts';
import { SessionIds } from './sessionIds.ts';
import type { SessionEventType, SessionInfo, SessionState } from './sessionInfo.ts';
import { type ActorOwner, type SessionActor, SessionTree, type SupervisorActor } from './sessionTree.ts';
import { Shelf } from './shelf.ts';
import { StatelessCalls } from './statelessCalls.ts';
import { Tally } from './tally.ts';

const orNull = (ms: number) => (ms === Number.POSITIVE_INFINITY ? null : ms);

export class Supervisor implements SessionHost<Session> {
  readonly options: ResolvedOptions;
  readonly outbox = new Outbox();
  readonly events: SessionEvents;
  readonly observers: Observers;
  readonly registry: Registry<Session>;
  readonly servers: ServerCount;
  readonly load: Tally;
  readonly stateless: StatelessCalls;
  /** Every exchange that is open, refused ones included. */
  readonly exchanges = new Set<Exchange>();
  readonly refusals: RefusalLog;
  /** Sessions that have no incarnation here; undefined without a session store. */
  readonly shelf: Shelf | undefined;
  /** State of the embedder's own; undefined as long as there is no kind of it. */
  handles: HandleRegistry | undefined;
  /** What serves requests without sessions; undefined where that is not asked for. */
  modern: ModernEra | undefined;
  /** This process as a node of several; undefined where it is by itself. */
  cluster: ClusterNode | undefined;
  readonly #onRefused: Exchange['onRefused'];
  readonly #tree: SessionTree;
  readonly #ids: SessionIds;
  /** Sessions that have ended and are not torn down yet. */
  readonly #ending = new Set<Session>();
  #drained: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: ResolvedOptions) {
    const failed = (event: LogEntry['event'], message: string) => (error: unknown) =>
      this.log({ level: 'error', event, message, error });
    const clock = guardedClock(options.clock, failed('clock.failed', 'The clock failed'));
    this.events = new SessionEvents(this.outbox, (type, error) =>
      this.log({ level: 'error', event: 'listener.failed', message: `A listener of ${type} failed`, error }),
    );
    this.observers = new Observers(this.outbox, options.clock, failed('observer.failed', 'An observer failed'));
    this.load = new Tally(clock, this.observers, options.eventStore);
    this.options = { ...options, clock, eventStore: this.observers.eventStore(options.eventStore) };
    this.refusals = new RefusalLog(clock, (entry) => this.log(entry), this.observers);
    this.#onRefused = (name, refused) => this.refusals.refused(name, refused);
    this.registry = new Registry(options);
    this.servers = new ServerCount(options.maxSessions);
    this.stateless = new StatelessCalls(this, () => this.judgeEmpty());
    this.#ids = new SessionIds(
      () => this.#makeId(),
      (id) => this.registry.get(id) !== undefined,
      (entry) => this.log(entry),
    );
    const { inspect } = options;
    this.#tree = new SessionTree({
      clock,
      during: (transition) => this.outbox.during(transition),
      inspect: typeof inspect === 'function' ? { next: inspect } : inspect,
      observerFailed: failed('inspect.failed', 'An observer of the actors failed'),
      timeouts: {
        initializeTimeout: orNull(options.initializeTimeout),
        sessionIdleTimeout: orNull(options.sessionIdleTimeout),
        maxSessionLifetime: orNull(options.maxSessionLifetime),
        // Without a store no session is ever parked, and no actor's context tells of it.
        ...(options.sessionStore !== undefined && { parkAfter: orNull(options.parkAfter) }),
      },
      shutdownTimeout: options.shutdownTimeout,
      find: (id) => this.registry.get(id) ?? this.handles?.get(id),
      // Also those that are active by what nobody waits for: a GET stream, beside it perhaps a call whose client is gone.
      endIdleSessions: () => {
        this.modern?.endStreams();
        this.cluster?.drain();
        this.#endAll(({ transport }) => transport.awaitedCalls === 0, paceOf(this));
      },
      endAllSessions: () => this.#endEverything(),
      stopRequested: () => void this.drain(undefined),
      stopped: () => this.#stopped(),
      failed: failed('supervisor.failed', 'An actor of the supervisor failed'),
    });
    this.shelf = options.sessionStore === undefined ? undefined : new Shelf(options.sessionStore, this);
  }

  get actor(): SupervisorActor {
    return this.#tree.root;
  }

  /** Starts the actor of a handle; undefined when that failed. */
  spawn(owner: ActorOwner): SessionActor | undefined {
    return this.#tree.spawn(owner);
  }

  /** Neither draining nor stopped. */
  get accepting(): boolean {
    return this.#drained === undefined && this.actor.getSnapshot().value === 'accepting';
  }

  /** The session with this id, if it belongs to this principal. */
  find(id: string, principal: string | undefined): Session | undefined {
    const session = this.registry.get(id);
    const isOpen = session?.state === 'active' || session?.state === 'idle';
    return session?.principal === principal && isOpen ? session : undefined;
  }

  /**
   * Admits a session, whose server is yet to be started. Returns why that is not possible: then nothing of it is left.
   * The embedder's code (generator, clock, listeners, observers) runs in between, and may change what was true before;
   * but not whose an id is, because what it sends then is admitted afterwards.
   */
  admit(opening: SessionOpening): Session | RefusalName {
    return this.outbox.during(() => this.#admit(opening));
  }

  /** Resolves when nothing is left; a second call waits for the same. */
  drain(timeout: number | undefined): Promise<void> {
    checkDrainTimeout(timeout);
    if (this.#drained === undefined) {
      // It is there before the drain begins, whose log line may make somebody drain.
      let begin = (_: Promise<void>) => {};
      this.#drained = new Promise((resolve) => {
        begin = resolve;
      });
      this.shelf?.stop();
      begin(drain(this, timeout));
    }
    return this.#drained;
  }

  /**
   * Lets go of every session, at once: what is written from now on, here or elsewhere, is another incarnation's. Their calls
   * are answered with an error.
   */
  abandonAll(error: unknown): void {
    this.outbox.during(() => {
      for (const session of [...this.registry]) abandon(session, error);
    });
  }

  /** The life that sessions of this process belong to; `null` while there is none, undefined outside of a cluster. */
  get owner(): string | null | undefined {
    return this.cluster === undefined ? undefined : (this.cluster.owner ?? null);
  }

  /** Watches an exchange until it has ended. */
  track(exchange: Exchange): void {
    exchange.onRefused = this.#onRefused;
    this.exchanges.add(exchange);
    exchange.onClose(() => this.exchanges.delete(exchange));
    if (!this.accepting) exchange.setHeader('Connection', 'close');
  }

  /**
   * Resolves when there are no sessions and no calls, the servers of those that ended are closed, and so are all handles,
   * which end when nobody is left who could use them.
   */
  async whenEmpty(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      this.judgeEmpty();
    });
  }

  /** Something has ended, and maybe nothing is left. */
  judgeEmpty(): void {
    if (this.#onEmpty === undefined || !this.#empty) return;
    this.handles?.endIdle();
    if (this.handles?.empty !== false) this.#onEmpty();
  }

  /** Logs an entry, when no transition goes on any more. A logger that throws or rejects is not listened to. */
  log(entry: LogEntry): void {
    this.outbox.tell(() => this.#deliver(entry));
  }

  // --- what sessions say

  get memories(): MemoryHost | undefined {
    return this.shelf;
  }

  changed(session: Session, type: SessionEventType, before: SessionState): void {
    this.load.changed(type, before);
    if (type === 'session.active') this.registry.markBusy(session);
    if (type === 'session.idle' && session.isSpare) this.registry.markIdle(session);
    if (type === 'session.opened') {
      this.#logSession('info', session, type, `Session opened by ${describeClient(session.clientInfo)}`);
    }
    if (type === 'session.restored') {
      const client = describeClient(session.clientInfo);
      this.#logSession('info', session, type, `Session of ${client} brought back`, { epoch: session.epoch });
    }
    this.events.emit(type, session);
  }

  quiet(session: Session): void {
    if (!this.accepting) void this.#putAway(session);
  }

  spare(session: Session): void {
    this.registry.markIdle(session);
  }

  forget(session: Session, before: SessionState): void {
    const { error, reason } = session;
    this.registry.forget(session);
    this.load.left(session, before, reason);
    this.#ending.add(session);
    if (session.state === 'parked') {
      if (before === 'restoring') return; // it never came to be
      this.#logSession('info', session, 'session.parked', 'Session parked');
      return this.events.emit('session.parked', session);
    }
    const level = reason === 'crashed' ? 'error' : reason === 'unrestorable' ? 'warn' : 'info';
    const cause = error === undefined ? {} : { error };
    this.#logSession(level, session, 'session.terminated', `Session ended: ${reason}`, { reason, ...cause });
    this.events.emit('session.terminated', session);
  }

  torn(session: Session): void {
    this.#ending.delete(session);
    this.judgeEmpty();
  }

  // --- within

  #admit(opening: SessionOpening): Session | RefusalName {
    if (!this.accepting) return 'draining';
    const id = this.#ids.next();
    if (id === undefined) return 'serverFailed';
    const session = new Session(id, opening, this);
    if (this.servers.full) return 'tooManyServers'; // whoever made room for this one would still have a server to close
    const refusal = this.registry.admit(opening.principal);
    if (refusal !== undefined) return refusal;
    if (!this.accepting) return 'draining';
    return this.#seat(session);
  }

  #makeId(): string {
    const middle = this.options.sessionIdGenerator();
    return this.cluster === undefined || typeof middle !== 'string' ? middle : this.cluster.mint(middle);
  }

  /** Gives a session its place and its actor. */
  #seat(session: Session, lifetimeLeft?: number | null): Session | RefusalName {
    this.registry.add(session);
    this.load.admitted(session.isRestored ? 'restoring' : 'initializing');
    session.actor = this.#tree.spawn(session, lifetimeLeft);
    // There is none where a drain began, or the root was stopped, while it was being made; or it failed.
    if (session.actor === undefined) {
      if (session.isRestored) session.parked();
      else session.release(this.accepting ? 'crashed' : 'drained');
    }
    // Somebody who watched it being spawned may have ended it.
    if (session.state === 'parked') return session.refusal;
    if (session.state === 'terminated') return session.reason === 'crashed' ? 'serverFailed' : 'endedEarly';
    return session;
  }

  // --- what the shelf asks

  lacksRoomFor({ id, principal }: SessionRecord): RefusalName | undefined {
    if (!this.accepting) return 'draining';
    if (this.registry.get(id) !== undefined) return 'restoreFailed'; // nobody claims what lives here
    if (this.servers.full) return 'tooManyServers';
    // Where the store counts, a session that is brought back was counted when it was opened.
    const counted = this.shelf?.records.store.counts === true;
    if (!counted && this.registry.isFullFor(principal ?? undefined)) return 'principalFull';
    return this.registry.isFull ? 'full' : undefined;
  }

  claimed(before: SessionRecord, { epoch }: SessionRecord): void {
    this.cluster?.claimed(before, epoch);
  }

  readmit(record: SessionRecord): Session | RefusalName {
    const { id, principal, lifetimeDeadline } = record;
    const params = initializeParams(record.initialize);
    if (params === undefined) return 'sessionNotFound';
    return this.outbox.during(() => {
      if (this.registry.get(id) !== undefined) return 'restoreFailed';
      const refusal = this.lacksRoomFor(record) ?? this.registry.makeRoom();
      if (refusal !== undefined) return refusal;
      const opening = { principal: principal ?? undefined, clientInfo: params.clientInfo, record };
      const session = new Session(id, { ...opening, protocolVersion: record.protocolVersion }, this);
      const { clock, maxSessionLifetime } = this.options;
      // A clock that was set back gives nobody more than there is to give, nor more than a timer takes.
      const most = Math.min(maxSessionLifetime, MAX_DELAY);
      const left = lifetimeDeadline === null ? null : Math.min(most, Math.max(0, lifetimeDeadline - clock.now()));
      return this.#seat(session, left);
    });
  }

  endedAside(info: SessionInfo, reason: EndReason): void {
    this.load.endedAside(info, reason);
    const { id } = info;
    const message = `Session ended: ${reason}`;
    this.log({ level: 'info', event: 'session.terminated', message, sessionId: id, reason });
    this.events.emitEnd(info, reason);
  }

  get #empty(): boolean {
    const nothing = this.registry.size === 0 && this.#ending.size === 0 && this.stateless.empty;
    return nothing && this.modern?.empty !== false && this.cluster?.empty !== false;
  }

  /** The time of a drain is up. */
  #endEverything(): void {
    this.stateless.endAll();
    this.handles?.endAll();
    this.modern?.endAll();
    this.cluster?.endAll();
    for (const session of this.#ending) session.incarnation.hurry();
    this.#endAll(() => true);
  }

  /** There are no actors any more, which is a drain whose time is up. */
  #stopped(): void {
    this.outbox.push(() => {
      void this.drain(undefined);
      this.#endEverything(); // only now does nobody come in any more; and a drain that went on already ends by it
    });
  }

  #endAll(which: (session: Session) => boolean, pace?: () => Promise<unknown> | undefined): void {
    const end = (session: Session) => void (which(session) && this.#putAway(session));
    inSlices(this.registry, end, pace);
  }

  /** In a drain: a session that outlives the process is parked, any other ends. */
  #putAway(session: Session): Promise<unknown> {
    return this.shelf?.isDurable === true ? session.park() : session.terminate('drained');
  }

  #logSession(
    level: LogEntry['level'],
    session: Session,
    event: SessionEventType,
    message: string,
    more?: Partial<LogEntry>,
  ): void {
    const entry = { level, event, message, sessionId: session.id, ...more };
    this.outbox.push(() => this.#deliver(entry));
  }

  #deliver(entry: LogEntry): void {
    callBack(
      () => this.options.logger(entry),
      () => {}, // there is no one left to tell
    );
  }
}
