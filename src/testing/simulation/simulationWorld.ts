/**
 * The world of a simulation: a supervisor, and around it everything that it meets (clients, servers, an event store,
 * time), all in the hands of one schedule. It keeps account of what can be seen from outside.
 */
import {
  createSessionSupervisor,
  type EndReason,
  type LogEntry,
  type ServerWithCleanup,
  type SessionContext,
  type SessionEvent,
  type SessionSupervisor,
  type SessionSupervisorOptions,
} from '../../index.ts';
import { AwaitPoints } from './awaitPoints.ts';
import type { Observed, SeenSession } from './observed.ts';
import { SimulatedClient } from './simulatedClient.ts';
import { type ClientStream, type ExchangeInit, type ExchangeWorld, SimulatedExchange } from './simulatedExchange.ts';
import { HOLD, type ServerWorld, SimulatedServer, type WireMessage } from './simulatedServer.ts';
import { SimulatedStore } from './simulatedStore.ts';
import { SimulationClock } from './simulationClock.ts';
import { optionsOf, type SimulationSettings } from './simulationSettings.ts';

/** Who the clients are; the last one is nobody in particular. */
const PRINCIPALS = ['ann', 'ann', 'bob', 'bob', undefined];

/** What follows the number in a session id: what could be mistaken for part of something else. */
const ID_ENDINGS = ['', ':get', '_0', '%3A'];

/** Entries of the log that tell of a mistake of the supervisor's own. */
const SURPRISES = ['request.failed', 'supervisor.failed', 'listener.failed', 'inspect.failed', 'principal.failed'];

/** Is told what happens, as it happens. */
export interface Watcher {
  ended(session: SeenSession, lastActiveAt: number): void;
  answered(exchange: SimulatedExchange): void;
  received(exchange: SimulatedExchange, message: WireMessage): void;
  /** Something that must not happen at all. */
  surprised(what: string): void;
}

/** What a simulation can be made with, besides its schedule. */
export interface SimulationOptions {
  /** Makes the supervisor. Default: `createSessionSupervisor`. */
  readonly create?: ((options: SessionSupervisorOptions) => SessionSupervisor) | undefined;
  /** Drain at the end, and look what is left. Default true. */
  readonly finish?: boolean | undefined;
}

export class SimulationWorld implements Observed, ServerWorld, ExchangeWorld {
  readonly settings: SimulationSettings;
  readonly supervisor: SessionSupervisor;
  readonly clock = new SimulationClock();
  readonly points = new AwaitPoints();
  readonly clients: readonly SimulatedClient[];
  readonly sessions = new Map<string, SeenSession>();
  exchanges: SimulatedExchange[] = [];
  drainingSince = Number.POSITIVE_INFINITY;
  drained = false;
  /** Nothing goes on by itself. */
  settled = true;
  /** The next id that the generator makes is one that is in use. */
  repeatsId = false;
  repeatedId = false;
  /** What is to be done, by the number of a client, in the listener that hears next of one of its sessions. */
  readonly reactions = new Map<number, { readonly to: SessionEvent['type']; react(session: SeenSession): void }>();
  /** What happened since the lines were last taken. */
  lines: string[] = [];
  readonly #watcher: Watcher;
  readonly #store: SimulatedStore;
  #activity = 0;
  #until: number | undefined;
  #count = { session: 0, exchange: 0, token: 0, idle: 0 };

  constructor(settings: SimulationSettings, watcher: Watcher, { create = createSessionSupervisor }: SimulationOptions) {
    this.settings = settings;
    this.#watcher = watcher;
    this.clients = PRINCIPALS.map((principal, index) => new SimulatedClient(index, principal, this));
    this.#store = new SimulatedStore((sessionId, what) => this.#storeGate(sessionId, what));
    this.supervisor = create({
      ...optionsOf(settings),
      ...(settings.eventStore && { eventStore: this.#store }),
      clock: this.clock,
      server: (context) => this.#build(context),
      principal: ({ headers }) => headers['x-principal'] as string | undefined,
      sessionIdGenerator: () => this.#newId(),
      logger: (entry) => this.#logged(entry),
    });
    for (const type of ['session.opened', 'session.active', 'session.idle', 'session.terminated'] as const) {
      this.supervisor.on(type, (event) => this.#changed(event));
    }
  }

  get now(): number {
    return this.clock.now();
  }

  get draining(): boolean {
    return this.drainingSince !== Number.POSITIVE_INFINITY;
  }

  get streams(): ClientStream[] {
    return this.clients.flatMap(({ streams }) => streams);
  }

  get storeOperations(): number {
    return this.#store.pending;
  }

  // --- for the schedule

  /** Sends a request. */
  exchange(init: ExchangeInit): SimulatedExchange {
    if (this.settled) this.exchanges = this.exchanges.filter(({ open }) => open); // the others have been looked at
    if (init.kind === 'delete' && init.found) this.sessions.get(init.sessionId ?? '')?.causes.add('deleted');
    const exchange = new SimulatedExchange(`#${++this.#count.exchange}`, init, this);
    this.exchanges.push(exchange);
    return exchange;
  }

  /** Waits until nothing goes on by itself: what is left waits for the schedule, or for time to pass. */
  async settle(): Promise<void> {
    let seen = -1;
    for (let quiet = 0; quiet < 2; quiet++) {
      await turn();
      if (seen !== this.#activity) quiet = 0;
      seen = this.#activity;
    }
    this.settled = true;
  }

  /** Something else is to happen in the middle of what goes on by itself. */
  unsettle(): void {
    this.settled = false;
    for (const exchange of this.exchanges) exchange.admission = undefined; // the room may change before it asks for it
  }

  /** Has time pass until then, with the next `elapse`. */
  passUntil(time: number): void {
    this.#until = time;
  }

  /** Lets time pass that is due to pass, and what comes of it happen, timer by timer; calls `then` after each. */
  async elapse(then: () => void): Promise<void> {
    if (this.#until === undefined) return;
    await this.settle();
    while (this.clock.step(this.#until)) {
      await this.settle();
      then();
    }
    this.#until = undefined;
  }

  drain(): void {
    this.drainingSince = this.now;
    void this.supervisor.drain().then(() => {
      this.drained = true;
      this.note('drained');
    });
  }

  // --- what the others tell

  note(text: string): void {
    this.#activity++;
    this.lines.push(text);
  }

  token(): string {
    return `t${++this.#count.token}`;
  }

  isWaitedFor(token: string): boolean {
    return this.exchanges.some(
      ({ open, reading, stream }) => open && reading && stream.requests.some((request) => request.token === token),
    );
  }

  fetch(request: Request): Promise<Response> {
    return this.supervisor.fetch(request);
  }

  reach(exchange: SimulatedExchange, what: string): Promise<void> {
    return this.points.reach(exchange, exchange.client, `${exchange.name}: ${what}`);
  }

  release(exchange: SimulatedExchange): void {
    this.points.releaseAll(exchange);
  }

  answered(exchange: SimulatedExchange): void {
    const what = exchange.error ?? (exchange.isStream ? 'a stream' : '');
    this.note(`${exchange.name} ← ${exchange.status} ${what}`.trimEnd());
    if (exchange.kind === 'initialize') this.clients[exchange.client]?.initialized(exchange);
    this.#watcher.answered(exchange);
  }

  received(exchange: SimulatedExchange, message: WireMessage): void {
    this.note(`${exchange.name} ← ${message.params?.token ?? JSON.stringify(message)}`);
    this.#watcher.received(exchange, message);
    this.clients[exchange.client]?.received(exchange, message);
  }

  /** What can be told from outside of the room that there is for a session. */
  uploaded(exchange: SimulatedExchange): void {
    if (exchange.kind !== 'initialize' || !this.settled) return;
    const { maxSessions, maxSessionsPerPrincipal, whenFull } = this.settings;
    const all = [...this.supervisor.sessions()];
    const principal = PRINCIPALS[exchange.client];
    const evictable = whenFull === 'evict-idle' && all.some(({ state }) => state === 'idle');
    exchange.admission = {
      full: all.length >= maxSessions && !evictable,
      principalFull: all.filter((session) => session.principal === principal).length >= maxSessionsPerPrincipal,
    };
  }

  // --- what the supervisor calls

  #build(context: SessionContext): Promise<ServerWithCleanup> {
    const [client = 0, attempt = 0] = String(context.clientInfo?.name).split('.').map(Number);
    const opening = this.clients[client]?.attempts[attempt];
    const id = String(context.id);
    if (opening?.exchange === undefined || this.sessions.has(id)) {
      this.#watcher.surprised(`A server is to be built for ${id} a second time`);
      throw new Error('No such attempt');
    }
    const server = new SimulatedServer(id, client, context, opening.holds, this);
    this.sessions.set(id, {
      id,
      client,
      principal: PRINCIPALS[client],
      server,
      opening: opening.exchange,
      createdAt: this.now,
      state: 'initializing',
      stateBefore: 'initializing',
      opened: false,
      idleOrder: 0,
      reason: undefined,
      endedAt: Number.NaN,
      told: { logged: 0, heard: 0 },
      causes: new Set(),
      storeFailed: false,
    });
    this.note(`${id} is to be opened`);
    return server.build();
  }

  #changed({ type, session, reason }: SessionEvent): void {
    const seen = this.sessions.get(session.id);
    if (seen === undefined) {
      // It may have ended before its server was to be built; nothing else can have happened to it.
      if (type !== 'session.terminated') this.#watcher.surprised(`${session.id} is ${type}, and has no server`);
      return;
    }
    if (type === 'session.terminated') {
      seen.told.heard++;
      if (seen.reason !== reason) this.#watcher.surprised(`${seen.id} ends as ${reason}, by its log as ${seen.reason}`);
      return this.#watcher.ended(seen, session.lastActiveAt);
    }
    if (seen.state === 'terminated') return this.#watcher.surprised(`${seen.id} is ${type} after its end`);
    this.note(`${seen.id} is ${type.slice(8)}`);
    if (type === 'session.opened') {
      if (seen.opened) this.#watcher.surprised(`${seen.id} is opened twice`);
      seen.opened = true;
    } else {
      seen.stateBefore = seen.state;
      seen.state = session.state;
    }
    if (type === 'session.idle') seen.idleOrder = ++this.#count.idle;
    const reaction = this.reactions.get(seen.client);
    if (reaction?.to !== type) return;
    this.reactions.delete(seen.client);
    reaction.react(seen);
  }

  #logged({ event, sessionId, reason, error, message }: LogEntry): void {
    const seen = this.sessions.get(sessionId ?? '');
    if (event === 'store.failed' && seen !== undefined) seen.storeFailed = true;
    if (SURPRISES.includes(event)) this.#watcher.surprised(`${message}: ${String(error)}`);
    if (event !== 'session.terminated') return;
    this.note(`${sessionId} has ended: ${reason}`);
    if (seen === undefined) return;
    seen.told.logged++;
    seen.stateBefore = seen.state;
    seen.state = 'terminated';
    seen.reason = reason as EndReason;
    seen.endedAt = this.now;
  }

  #newId(): string {
    const [used] = this.supervisor.sessions();
    if (this.repeatsId && used !== undefined) {
      this.repeatsId = false;
      this.repeatedId = true;
      return used.id;
    }
    const number = ++this.#count.session;
    return `s${number}${ID_ENDINGS[number % ID_ENDINGS.length]}`;
  }

  #storeGate(sessionId: string, what: string): Promise<void> | undefined {
    const server = this.sessions.get(sessionId)?.server;
    if (server === undefined || (server.holds & HOLD.store) === 0) return undefined;
    this.#activity++;
    return this.points.reach(this.#store, server.client, `store of ${sessionId}: ${what}`, true);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
