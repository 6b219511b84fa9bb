/** One kind of handles: which there are, whose they are, and whether there is room for one more. */
import { Buffer } from 'node:buffer';
import type { Clock } from '../clock.ts';
import { invalid, SupervisorError } from '../errors.ts';
import type { SessionInput } from '../machines/session.ts';
import type { HandleEndReason, LogEntry, ResolvedHandleOptions } from '../options.ts';
import { Handle, type HandleHost } from './handle.ts';
import type { HandleContext } from './handleContext.ts';
import type { HandleEventType, HandleInfo, HandleState, HandleStats } from './handleInfo.ts';
import type { Used } from './handleUse.ts';
import type { Outbox } from './outbox.ts';
import { Registry } from './registry.ts';
import { ServerCount } from './serverCount.ts';
import type { ActorOwner, SessionActor } from './sessionTree.ts';

/** What a kind needs of the supervisor. */
export interface KindHost {
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly shutdownTimeout: number;
  readonly historySize: number;
  /** Neither draining nor stopped. */
  readonly accepting: boolean;
  /** Whose call it is. Throws where that is not told. */
  principalIn(context: unknown): string | undefined;
  spawn(owner: ActorOwner): SessionActor | undefined;
  emit(type: HandleEventType, handle: HandleInfo, reason: HandleEndReason | undefined): void;
  log(entry: LogEntry): void;
  /** A handle has nothing in flight any more. */
  idle(handle: { terminate(reason: HandleEndReason): void }): void;
  /** Nothing is left of a handle. */
  torn(): void;
}

/** Bits of an id: as many as nobody guesses. */
const ID_BYTES = 16;

const orNull = (ms: number) => (ms === Number.POSITIVE_INFINITY ? null : ms);

export class HandleKind<T, I> implements HandleHost<T, I> {
  readonly name: string;
  readonly options: ResolvedHandleOptions<T, I>;
  readonly count: ServerCount;
  readonly #host: KindHost;
  readonly #registry: Registry<Handle<T, I>>;
  /** Those that have ended, and are not torn down yet. */
  readonly #ending = new Set<Handle<T, I>>();
  /** By principal, how many of those that have ended are not closed yet. */
  readonly #closing = new Map<string | undefined, number>();
  readonly #timeouts: SessionInput['timeouts'];
  readonly #now = { initializing: 0, active: 0, idle: 0 };
  readonly #ended: Partial<Record<HandleEndReason, number>> = {};
  #opened = 0;
  #closingCount = 0;

  constructor(name: string, options: ResolvedHandleOptions<T, I>, host: KindHost) {
    this.name = name;
    this.options = options;
    this.#host = host;
    const { maxHandles, maxPerPrincipal, whenFull, openTimeout, idleTimeout, maxLifetime } = options;
    this.count = new ServerCount(maxHandles);
    this.#registry = new Registry({ maxSessions: maxHandles, maxSessionsPerPrincipal: maxPerPrincipal, whenFull });
    this.#timeouts = {
      initializeTimeout: openTimeout,
      sessionIdleTimeout: orNull(idleTimeout),
      maxSessionLifetime: orNull(maxLifetime),
    };
  }

  get stats(): HandleStats {
    return { ...this.#now, opened: this.#opened, ended: { ...this.#ended }, closing: this.#closingCount };
  }

  /** Nothing is left of any. */
  get empty(): boolean {
    return this.#registry.size === 0 && this.#ending.size === 0;
  }

  get(id: string): Handle<T, I> | undefined {
    return this.#registry.get(id);
  }

  *[Symbol.iterator](): Generator<Handle<T, I>, void> {
    yield* this.#registry;
  }

  /** Uses of those that have ended get no more time. */
  hurry(): void {
    for (const handle of this.#ending) handle.hurry();
  }

  // --- what tools ask

  async create(context: HandleContext, input: I): Promise<string> {
    const principal = this.#host.principalIn(context);
    const handle = this.outbox.during(() => this.#admit(principal));
    if (handle.hasLeft) throw this.notOpened(handle.reason ?? 'crashed');
    return await handle.open(input);
  }

  async use<R>(id: string, context: HandleContext, fn: (value: T, use: Used) => R | Promise<R>): Promise<R> {
    // A function in second place is `fn`, and the context was forgotten: that is told as such.
    if (typeof fn !== 'function' && typeof context !== 'function') invalid('What uses a handle', fn, 'a function');
    return await this.#find(id, context).use(fn);
  }

  async end(id: string, context: HandleContext): Promise<void> {
    await this.#find(id, context).end('deleted');
  }

  // --- what handles need

  get clock(): Clock {
    return this.#host.clock;
  }

  get outbox(): Outbox {
    return this.#host.outbox;
  }

  get shutdownTimeout(): number {
    return this.#host.shutdownTimeout;
  }

  get historySize(): number {
    return this.#host.historySize;
  }

  get idleTimeout(): number | undefined {
    return this.#timeouts.sessionIdleTimeout ?? undefined;
  }

  inputOf(id: string): SessionInput {
    return { sessionId: id, timeouts: this.#timeouts, handle: this.name };
  }

  log(entry: LogEntry): void {
    this.#host.log({ ...entry, handle: this.name });
  }

  changed(handle: Handle<T, I>, type: HandleEventType, before: HandleState): void {
    if (type === 'handle.opened') {
      this.#opened++;
      this.#move('initializing', 'active');
      this.#tell('info', handle, type, `Handle opened: ${this.name}`);
    } else if (before === 'active' || before === 'idle') {
      this.#move(before, handle.state);
    }
    if (type === 'handle.active') this.#registry.markBusy(handle);
    if (type === 'handle.idle') this.#registry.markIdle(handle);
    this.#host.emit(type, handle.info(), undefined);
    if (type === 'handle.idle') this.#host.idle(handle);
  }

  forget(handle: Handle<T, I>, before: HandleState): void {
    const { error, principal, reason = 'crashed' } = handle;
    this.#registry.forget(handle);
    this.#move(before, 'terminated');
    this.#ended[reason] = (this.#ended[reason] ?? 0) + 1;
    this.#ending.add(handle);
    this.#closingCount++;
    this.#closing.set(principal, (this.#closing.get(principal) ?? 0) + 1);
    const level = reason === 'crashed' ? 'error' : 'info';
    const more = { reason, ...(error !== undefined && { error }) };
    this.#tell(level, handle, 'handle.terminated', `Handle ended: ${this.name}, ${reason}`, more);
    this.#host.emit('handle.terminated', handle.info(), reason);
  }

  torn(handle: Handle<T, I>): void {
    this.#ending.delete(handle);
    this.#host.torn();
  }

  gone({ principal }: Handle<T, I>): void {
    this.#closingCount--;
    const left = (this.#closing.get(principal) ?? 1) - 1;
    if (left > 0) this.#closing.set(principal, left);
    else this.#closing.delete(principal);
  }

  /** One and the same for what never was, what has ended, and what is somebody else's. */
  notFound(): SupervisorError {
    return new SupervisorError(
      'HANDLE_NOT_FOUND',
      `There is no ${this.name} with this id, or there is none any more. Create a new one and use its id.`,
    );
  }

  notOpened(reason: HandleEndReason): SupervisorError {
    const message =
      reason === 'initializeTimeout'
        ? `The ${this.name} took too long to open. Try to create it again later.`
        : reason === 'drained'
          ? `No ${this.name} can be created: the server is shutting down. Try again later.`
          : `The ${this.name} was ended before it was open. Create a new one.`;
    return new SupervisorError('HANDLE_NOT_OPENED', message);
  }

  // --- within

  /** The embedder's code (clock, listeners, observers) runs in between, and may change what was true before. */
  #admit(principal: string | undefined): Handle<T, I> {
    if (!this.#host.accepting) throw this.notOpened('drained');
    const handle = new Handle<T, I>(this.#newId(), principal, this);
    if (this.#isFullFor(principal)) {
      throw full(
        `You have as many of ${this.name} as you may have. End one that you do not need any more, or try again later.`,
      );
    }
    if (this.count.full || this.#registry.makeRoom() !== undefined) {
      throw full(`There are as many of ${this.name} as there may be, and all are in use. Try again later.`);
    }
    if (!this.#host.accepting) throw this.notOpened('drained');
    this.#registry.add(handle);
    this.#now.initializing++;
    handle.actor = this.#host.spawn(handle);
    // There is none where a drain began, or the root was stopped, while it was being made; or it failed.
    if (handle.actor === undefined) handle.release(this.#host.accepting ? 'crashed' : 'drained');
    return handle;
  }

  #isFullFor(principal: string | undefined): boolean {
    return this.#registry.countOf(principal) + (this.#closing.get(principal) ?? 0) >= this.options.maxPerPrincipal;
  }

  #find(id: string, context: HandleContext): Handle<T, I> {
    const principal = this.#host.principalIn(context);
    const handle = typeof id === 'string' ? this.#registry.get(id) : undefined; // a model may say anything
    if (handle === undefined || handle.principal !== principal || handle.state === 'initializing')
      throw this.notFound();
    return handle;
  }

  #newId(): string {
    return Buffer.from(crypto.getRandomValues(new Uint8Array(ID_BYTES))).toString('hex');
  }

  #move(from: HandleState, to: HandleState): void {
    if (from !== 'terminated') this.#now[from]--;
    if (to !== 'terminated') this.#now[to]++;
  }

  #tell(
    level: LogEntry['level'],
    handle: Handle<T, I>,
    event: LogEntry['event'],
    message: string,
    more?: Partial<LogEntry>,
  ): void {
    const entry = { level, event, message, handle: this.name, handleId: handle.id, ...more };
    this.outbox.push(() => this.#host.log(entry));
  }
}

function full(message: string): SupervisorError {
  return new SupervisorError('HANDLES_FULL', message);
}
