/**
 * The world of a simulation: a supervisor, and around it everything that it meets (clients, servers, an event store,
 * time), all in the hands of one schedule. It keeps account of what can be seen from outside.
 */

import type { Server } from 'node:http';
import {
  createSessionSupervisor,
  type EndReason,
  type LogEntry,
  type SessionEvent,
  type SessionSupervisor,
  type SessionSupervisorOptions,
} from '../../index.ts';
import { type NodeHandler, toNodeHandler } from '../../node.ts';
import { AwaitPoints } from './awaitPoints.ts';
import { attach, callbackOptions } from './callbacks.ts';
import { Embedder } from './embedder.ts';
import { Ledger, type LedgerWatcher } from './ledger.ts';
import type { ModernSdk } from './modernSdk.ts';
import { ModernTraffic } from './modernTraffic.ts';
import { NodeConnection, NodeWire, nodeServer } from './nodeWire.ts';
import type { Ending, Observed, SeenSession } from './observed.ts';
import { OperationLedger } from './operationLedger.ts';
import type { Place } from './places.ts';
import { SimulatedClient } from './simulatedClient.ts';
import { type ClientStream, type ExchangeInit, type ExchangeWorld, SimulatedExchange } from './simulatedExchange.ts';
import { HOLD, type ServerWorld, type WireMessage } from './simulatedServer.ts';
import { SimulatedStore } from './simulatedStore.ts';
import { SimulationClock } from './simulationClock.ts';
import { optionsOf, type SimulationSettings } from './simulationSettings.ts';
import { WebWire } from './webWire.ts';
import type { Wire } from './wire.ts';

/** Who the clients are; the last one is nobody in particular. */
const PRINCIPALS = ['ann', 'ann', 'bob', 'bob', undefined];

/** Is told what happens, as it happens. */
export interface Watcher extends LedgerWatcher {
  answered(exchange: SimulatedExchange): void;
  received(exchange: SimulatedExchange, message: WireMessage): void;
  /** `terminate` has resolved. */
  said(ending: Ending): void;
}

/** What a simulation can be made with, besides its schedule. */
export interface SimulationOptions {
  /** Makes the supervisor. Default: `createSessionSupervisor`. */
  readonly create?: ((options: SessionSupervisorOptions) => SessionSupervisor) | undefined;
  /**
   * Makes the handler of Node's HTTP server for it. Default: `toNodeHandler`. A supervisor that it does not know, because
   * `create` has wrapped it, gets its requests by `fetch` alone.
   */
  readonly toNodeHandler?: ((supervisor: SessionSupervisor) => NodeHandler) | undefined;
  /** Drain at the end, and look what is left. Default true. */
  readonly finish?: boolean | undefined;
}

export class SimulationWorld implements Observed, ServerWorld, ExchangeWorld {
  readonly settings: SimulationSettings;
  readonly supervisor: SessionSupervisor;
  readonly clock = new SimulationClock();
  readonly points = new AwaitPoints();
  readonly clients: readonly SimulatedClient[];
  readonly embedder: Embedder;
  readonly modern: ModernTraffic;
  readonly operations: OperationLedger | undefined;
  exchanges: SimulatedExchange[] = [];
  drainingSince = Number.POSITIVE_INFINITY;
  drained = false;
  /** Nothing goes on by itself. */
  settled = true;
  /** The next id that the generator makes is one that is in use. */
  repeatsId = false;
  idFailed = false;
  crowded = false;
  /** How many ids the generator has made. */
  ids = 0;
  endings: Ending[] = [];
  /** Numbers of clients whose next request goes behind those that are on their last connection. */
  readonly pipelining = new Set<number>();
  /** Numbers of clients for whom the factory returns next a server that another session has. */
  readonly sharing = new Set<number>();
  /** What is to be done, by the number of a client, in the listener that hears next of one of its sessions. */
  readonly reactions = new Map<number, { readonly to: SessionEvent['type']; react(session: SeenSession): void }>();
  /** What happened since the lines were last taken. */
  lines: string[] = [];
  readonly #watcher: Watcher;
  readonly #ledger: Ledger;
  readonly #store: SimulatedStore;
  readonly #server: Server | undefined;
  /** By the number of a client, the connection on which it last sent a request. */
  readonly #connections = new Map<number, NodeConnection>();
  /** `drain` was called. */
  #asked = false;
  #activity = 0;
  #until: number | undefined;
  #count = { exchange: 0, token: 0 };

  constructor(settings: SimulationSettings, watcher: Watcher, options: SimulationOptions, sdk: ModernSdk | undefined) {
    const { create = createSessionSupervisor, toNodeHandler: handlerOf = toNodeHandler } = options;
    this.settings = settings;
    this.#watcher = watcher;
    this.clients = PRINCIPALS.map((principal, index) => new SimulatedClient(index, principal, this));
    this.embedder = new Embedder((what) => this.#strays(what));
    this.modern = new ModernTraffic(this, sdk);
    this.#ledger = new Ledger(this, watcher, (entry) => this.#isExcused(entry));
    this.#store = new SimulatedStore({
      called: (sessionId) => this.called('the store', sessionId),
      gate: (sessionId, what) => this.#storeGate(sessionId, what),
    });
    this.supervisor = create({
      ...optionsOf(settings),
      ...(settings.eventStore && { eventStore: this.#store }),
      ...callbackOptions(this, this.#ledger),
    });
    this.operations = settings.watched ? new OperationLedger(this.supervisor) : undefined;
    if (settings.node) this.#server = nodeServer(this.supervisor, handlerOf);
    attach(this, this.#ledger);
  }

  get sessions(): ReadonlyMap<string, SeenSession> {
    return this.#ledger.sessions;
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
    // The others have been looked at.
    if (this.settled) this.exchanges = this.exchanges.filter(({ lingers, open }) => open || lingers);
    const { within } = this.embedder;
    const exchange = new SimulatedExchange(`#${++this.#count.exchange}`, { ...init, within }, this);
    exchange.idIsFree = this.#idIsFree(init);
    this.exchanges.push(exchange);
    if (init.kind === 'listen') this.sessions.get(init.sessionId ?? '')?.gets.push(init.stream);
    exchange.send();
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
    this.modern.settle();
    this.embedder.lately = false;
    this.crowded = false;
  }

  /** Something else is to happen in the middle of what goes on by itself. */
  unsettle(): void {
    this.settled = false;
    this.#forgetRoom();
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
    if (!this.draining) this.drainingSince = this.now;
    if (this.#asked) return;
    this.#asked = true;
    void this.supervisor.drain().then(() => {
      this.drained = true;
      this.note('drained');
    });
  }

  /** Stops the root actor, which is a drain that nobody waits for. */
  stop(): void {
    if (!this.draining) this.drainingSince = this.now;
    this.supervisor.actor.stop();
  }

  terminate(session: SeenSession, reason: EndReason): void {
    const ending: Ending = { session, said: undefined };
    this.endings = [...this.endings.filter(({ said }) => said === undefined), ending];
    session.causes.add(reason);
    void this.supervisor.terminate(session.id, reason).then((said) => {
      ending.said = said;
      this.#watcher.said(ending);
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

  wire(exchange: SimulatedExchange): Wire {
    if (this.#server === undefined) return new WebWire((request) => this.supervisor.fetch(request), exchange);
    const last = this.#connections.get(exchange.client);
    const alone = exchange.within !== undefined || !this.pipelining.delete(exchange.client);
    const shared = !alone && last?.free === true;
    const connection = shared ? last : new NodeConnection(this.#server);
    this.#connections.set(exchange.client, connection);
    return new NodeWire(connection, exchange);
  }

  reach(exchange: SimulatedExchange, what: string): Promise<void> {
    return this.points.reach(exchange, exchange.client, `${exchange.name}: ${what}`);
  }

  release(exchange: SimulatedExchange): void {
    this.points.releaseAll(exchange);
  }

  /** The supervisor has asked for its principal. */
  arrived(exchange: SimulatedExchange): void {
    const { client, kind, sessionId } = exchange;
    exchange.found = this.clients[client]?.finds(exchange) === true;
    if (kind === 'modern') exchange.admission = this.modern.room(exchange);
    if (kind === 'delete' && exchange.found) this.sessions.get(sessionId ?? '')?.causes.add('deleted');
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
    if (exchange.kind !== 'initialize' || !this.settled || exchange.within !== undefined) return;
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

  /** The embedder's code is called, about this session. */
  called(place: Place, sessionId: string): unknown {
    return this.embedder.called(place, this.sessions.get(sessionId));
  }

  /** Has happen what is to happen in this listener. */
  react({ type }: SessionEvent, session: SeenSession | undefined): void {
    const reaction = session && this.reactions.get(session.client);
    if (session === undefined || reaction?.to !== type) return;
    this.reactions.delete(session.client);
    reaction.react(session);
  }

  /** Whether nothing could still be waiting for a call of the same id. With Node, a peer may be gone and that unnoticed. */
  #idIsFree({ holds, sessionId, stream }: ExchangeInit): boolean {
    if (!this.settled || this.settings.node || (holds & HOLD.body) !== 0) return false;
    return !this.exchanges.some(
      (other) =>
        other.open &&
        other.sessionId === sessionId &&
        other.stream.requests.some(({ id }) => stream.requests.some((request) => request.id === id)),
    );
  }

  #isExcused({ error, event }: LogEntry): boolean {
    if (event === 'principal.failed') return this.exchanges.some(({ denied }) => denied);
    return this.embedder.threw(error);
  }

  #strays(what: string): void {
    this.note(what);
    this.#forgetRoom();
  }

  /** The room for sessions may change before those ask for it who are about to. */
  #forgetRoom(): void {
    for (const exchange of this.exchanges) exchange.admission = undefined;
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
