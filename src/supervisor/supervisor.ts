/**
 * The supervisor: opens sessions, finds them, ends them, drains. Behind the public API and behind HTTP alike.
 * Forget first: what ends leaves the registry before anything of it is awaited.
 */
import type { InspectionEvent, Observer } from 'xstate';
import { type RefusalName, SupervisorError } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import { describeClient } from '../protocol/initialize.ts';
import type { Exchange } from '../transport/exchange.ts';
import { checkDrainTimeout, drain } from './drain.ts';
import { Registry } from './registry.ts';
import { type Opening, Session, type SessionHost } from './session.ts';
import { SessionEvents } from './sessionEvents.ts';
import type { SessionEventType } from './sessionInfo.ts';
import { SessionTree, type SupervisorActor } from './sessionTree.ts';
import { StatelessCall } from './statelessCall.ts';

/** The longest session id that a generator may make. */
const MAX_ID_LENGTH = 256;

/** Visible ASCII, as the protocol asks of session ids (MCP 2025-11-25, Session Management). */
const SESSION_ID = /^[\x21-\x7E]+$/;

const orNull = (ms: number) => (ms === Number.POSITIVE_INFINITY ? null : ms);

export class Supervisor implements SessionHost {
  readonly options: ResolvedOptions;
  readonly events: SessionEvents;
  readonly registry: Registry<Session>;
  /** Every exchange that is open, refused ones included. */
  readonly exchanges = new Set<Exchange>();
  readonly #tree: SessionTree;
  readonly #statelessCalls = new Set<StatelessCall>();
  /** Sessions that have ended and are not torn down yet. */
  readonly #ending = new Set<Session>();
  /** Ended sessions and calls whose servers are being closed. */
  #closing = 0;
  #drained: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: ResolvedOptions) {
    this.options = options;
    this.events = new SessionEvents((type, error) =>
      this.log({ level: 'error', event: 'listener.failed', message: `A listener of ${type} threw`, error }),
    );
    this.registry = new Registry(options);
    this.#tree = new SessionTree({
      clock: options.clock,
      inspect: this.#guarded(options.inspect),
      timeouts: {
        initializeTimeout: orNull(options.initializeTimeout),
        sessionIdleTimeout: orNull(options.sessionIdleTimeout),
        maxSessionLifetime: orNull(options.maxSessionLifetime),
      },
      shutdownTimeout: options.shutdownTimeout,
      find: (id) => this.registry.get(id),
      // A call whose client is gone is pending, and holds nothing.
      endIdleSessions: () => this.#endAll(({ state, transport }) => state === 'idle' || transport.pendingCalls === 0),
      endAllSessions: () => {
        for (const call of this.#statelessCalls) call.end('draining');
        for (const session of this.#ending) session.hurry();
        this.#endAll(() => true);
      },
      onError: (error) =>
        this.log({ level: 'error', event: 'supervisor.failed', message: 'The supervisor actor failed', error }),
    });
  }

  get actor(): SupervisorActor {
    return this.#tree.root;
  }

  /** Neither draining nor stopped. */
  get accepting(): boolean {
    return this.actor.getSnapshot().value === 'accepting';
  }

  /** The session with this id, if it belongs to this principal. */
  find(id: string, principal: string | undefined): Session | undefined {
    const session = this.registry.get(id);
    return session?.principal === principal && session?.state !== 'initializing' ? session : undefined;
  }

  /** Reserves a slot for a session. Returns why there is none; the session's server is yet to be started. */
  admit(opening: Opening): Session | RefusalName {
    if (!this.accepting) return 'draining';
    const id = this.#newId();
    if (id === undefined) return 'serverFailed';
    const refusal = this.registry.admit(opening.principal);
    if (refusal !== undefined) return refusal;
    const session = new Session(id, opening, this);
    this.registry.add(session);
    session.actor = this.#tree.spawn(session);
    return session;
  }

  async terminate(id: string, reason: EndReason): Promise<boolean> {
    return (await this.registry.get(id)?.terminate(reason)) ?? false;
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
      begin(drain(this, timeout));
    }
    return this.#drained;
  }

  /** Watches an exchange until it has ended. */
  track(exchange: Exchange): void {
    this.exchanges.add(exchange);
    exchange.onClose(() => this.exchanges.delete(exchange));
    if (!this.accepting) exchange.setHeader('Connection', 'close');
  }

  /** Makes a call that has no session. */
  stateless(exchange: Exchange): StatelessCall {
    const call = new StatelessCall(this, exchange);
    this.#statelessCalls.add(call);
    return call;
  }

  endStateless(call: StatelessCall, closed: Promise<void>): void {
    this.#statelessCalls.delete(call);
    this.#awaitClosing(closed);
  }

  /** Resolves when there are no sessions and no calls, and the servers of those that ended are closed. */
  async whenEmpty(): Promise<void> {
    if (this.#empty) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Logs an entry; a logger that throws is not listened to. */
  log(entry: LogEntry): void {
    try {
      this.options.logger(entry);
    } catch {
      // There is no one left to tell.
    }
  }

  // --- what sessions say

  changed(session: Session, type: SessionEventType): void {
    if (type === 'session.active') this.registry.markBusy(session);
    if (type === 'session.idle') {
      this.registry.markIdle(session);
      if (!this.accepting) void session.terminate('drained');
    }
    if (type === 'session.opened') {
      this.#logSession('info', session, type, `Session opened by ${describeClient(session.clientInfo)}`);
    }
    this.events.emit(type, session);
  }

  quiet(session: Session): void {
    if (!this.accepting) void session.terminate('drained');
  }

  forget(session: Session, torn: Promise<void>): void {
    this.registry.forget(session);
    this.#ending.add(session);
    this.#awaitClosing(torn.finally(() => this.#ending.delete(session)));
    const { error, reason } = session;
    const level = reason === 'crashed' ? 'error' : 'info';
    this.#logSession(level, session, 'session.terminated', `Session ended: ${reason}`, {
      reason,
      ...(error !== undefined && { error }),
    });
    this.events.emit('session.terminated', session);
  }

  // --- within

  get #empty(): boolean {
    return this.registry.size === 0 && this.#statelessCalls.size === 0 && this.#closing === 0;
  }

  #awaitClosing(closed: Promise<void>): void {
    this.#closing++;
    void closed.finally(() => {
      this.#closing--;
      if (this.#empty) this.#onEmpty?.();
    });
  }

  /** Ends sessions in slices that leave the event loop alive. */
  #endAll(which: (session: Session) => boolean): void {
    const SLICE = 100;
    const sessions = this.registry[Symbol.iterator]();
    const slice = () => {
      for (let n = 0; n < SLICE; n++) {
        const { done, value: session } = sessions.next();
        if (done) return;
        if (which(session)) void session.terminate('drained');
      }
      setImmediate(slice);
    };
    setImmediate(slice);
  }

  #newId(): string | undefined {
    try {
      const id: unknown = this.options.sessionIdGenerator();
      if (typeof id !== 'string' || id.length > MAX_ID_LENGTH || !SESSION_ID.test(id)) {
        throw new SupervisorError(
          'INVALID_SESSION_ID',
          `sessionIdGenerator must return 1 to ${MAX_ID_LENGTH} visible ASCII characters`,
        );
      }
      if (this.registry.get(id) !== undefined) {
        throw new SupervisorError('INVALID_SESSION_ID', 'sessionIdGenerator returned an id that is in use');
      }
      return id;
    } catch (error) {
      this.log({ level: 'error', event: 'session.idFailed', message: 'No session id could be made', error });
      return undefined;
    }
  }

  #guarded(inspect: ResolvedOptions['inspect']): Observer<InspectionEvent> | undefined {
    if (inspect === undefined) return undefined;
    const next = typeof inspect === 'function' ? inspect : (event: InspectionEvent) => inspect.next?.(event);
    return {
      next: (event) => {
        try {
          next(event);
        } catch (error) {
          this.log({ level: 'error', event: 'inspect.failed', message: 'The inspect callback threw', error });
        }
      },
    };
  }

  #logSession(
    level: LogEntry['level'],
    session: Session,
    event: SessionEventType,
    message: string,
    more?: Partial<LogEntry>,
  ): void {
    this.log({ level, event, message, sessionId: session.id, ...more });
  }
}
