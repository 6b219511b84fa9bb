/** The ledger of a simulation: what the factory, the listeners and the log have told of each session, entered as it comes. */
import type { EndReason, LogEntry, SessionContext, SessionEvent } from '../../index.ts';
import type { SeenSession } from './observed.ts';
import type { SimulatedExchange } from './simulatedExchange.ts';
import { type ServerWorld, SimulatedServer } from './simulatedServer.ts';

/** Entries of the log that tell of a mistake of the supervisor's own, unless an error of the embedder's is in them. */
const SURPRISES = ['request.failed', 'supervisor.failed', 'listener.failed', 'inspect.failed', 'principal.failed'];

/** Is told of what is entered. */
export interface LedgerWatcher {
  ended(session: SeenSession, lastActiveAt: number): void;
  heard(session: SeenSession, event: SessionEvent): void;
  /** Something that must not happen at all. */
  surprised(what: string): void;
}

/** The initialize that a session begins with. */
interface Beginning {
  readonly client: number;
  readonly principal: string | undefined;
  readonly exchange: SimulatedExchange;
  /** What of its server takes its time, as bits of `HOLD`. */
  readonly holds: number;
}

export class Ledger {
  readonly sessions = new Map<string, SeenSession>();
  readonly #world: ServerWorld;
  readonly #watcher: LedgerWatcher;
  readonly #isExcused: (entry: LogEntry) => boolean;
  #idle = 0;

  /** `isExcused` says of an entry whether the embedder's own code is to blame for it. */
  constructor(world: ServerWorld, watcher: LedgerWatcher, isExcused: (entry: LogEntry) => boolean) {
    this.#world = world;
    this.#watcher = watcher;
    this.#isExcused = isExcused;
  }

  /** A server is to be built for a session. */
  begin(context: SessionContext, beginning: Beginning | undefined): SeenSession {
    const id = String(context.id);
    if (beginning === undefined || this.sessions.has(id)) {
      this.#watcher.surprised(`A server is to be built for ${id} a second time`);
      throw new Error('No such attempt');
    }
    const { client, exchange, holds, principal } = beginning;
    const session: SeenSession = {
      id,
      client,
      principal,
      server: new SimulatedServer(id, client, context, holds, this.#world),
      opening: exchange,
      createdAt: this.#world.now,
      state: 'initializing',
      stateBefore: 'initializing',
      opened: false,
      idleOrder: 0,
      reason: undefined,
      endedAt: Number.NaN,
      endedBuilt: false,
      told: { logged: 0, heard: 0, last: undefined },
      gets: [],
      causes: new Set(),
      storeFailed: false,
    };
    this.sessions.set(id, session);
    this.#world.note(`${id} is to be opened`);
    return session;
  }

  /** A listener is told. Returns the session that it is told of, where a server was to be built for it. */
  heard(event: SessionEvent): SeenSession | undefined {
    const { type, session, reason } = event;
    const seen = this.sessions.get(session.id);
    if (seen === undefined) {
      // It may have ended before its server was to be built; nothing else can have happened to it.
      if (type !== 'session.terminated') this.#watcher.surprised(`${session.id} is ${type}, and has no server`);
      return undefined;
    }
    this.#watcher.heard(seen, event);
    seen.told.last = type;
    if (type === 'session.terminated') {
      seen.told.heard++;
      if (seen.reason !== reason) this.#watcher.surprised(`${seen.id} ends as ${reason}, by its log as ${seen.reason}`);
      this.#watcher.ended(seen, session.lastActiveAt);
      return seen;
    }
    if (seen.state === 'terminated') this.#watcher.surprised(`${seen.id} is ${type} after its end`);
    this.#world.note(`${seen.id} is ${type.slice(8)}`);
    if (type === 'session.opened') {
      seen.opened = true;
    } else {
      seen.stateBefore = seen.state;
      seen.state = session.state;
    }
    if (type === 'session.idle') seen.idleOrder = ++this.#idle;
    return seen;
  }

  /** An entry is logged. Returns the session that it is about. */
  logged(entry: LogEntry): SeenSession | undefined {
    const { event, sessionId, reason, error, message } = entry;
    const seen = this.sessions.get(sessionId ?? '');
    if (event === 'store.failed' && seen !== undefined) seen.storeFailed = true;
    if (SURPRISES.includes(event) && !this.#isExcused(entry)) this.#watcher.surprised(`${message}: ${String(error)}`);
    if (event !== 'session.terminated') return seen;
    this.#world.note(`${sessionId} has ended: ${reason}`);
    if (seen === undefined) return undefined;
    seen.told.logged++;
    seen.stateBefore = seen.state;
    seen.state = 'terminated';
    seen.reason = reason as EndReason;
    seen.endedAt = this.#world.now;
    seen.endedBuilt = seen.server.built;
    return seen;
  }
}
