/**
 * This process as a node of a cluster: listens for its peers, has a life among them, finds sessions wherever they are, and
 * lets go of its own when that life may be over.
 */
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';
import { bodyBudgetOf } from '../http/bodyBudget.ts';
import { dispatch } from '../http/dispatch.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry, ResolvedClusterOptions, ResolvedOptions } from '../options.ts';
import type { SessionRecord } from '../stores/sessionRecord.ts';
import { atMost } from '../supervisor/atMost.ts';
import type { ClusterNode, ClusterStats, ForwardedRequest, Place, Sought } from '../supervisor/clusterNode.ts';
import type { SessionInfo } from '../supervisor/sessionInfo.ts';
import type { Shelf } from '../supervisor/shelf.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { refuse } from '../transport/refuse.ts';
import { Envelopes } from './envelopes.ts';
import { type LinkNetwork, linkNetwork } from './linkNetwork.ts';
import { Lives } from './lives.ts';
import { Membership } from './membership.ts';
import { NodeIds } from './nodeIds.ts';
import { Owners } from './owners.ts';
import type { IncomingPeerRequest, PeerListener, PeerNetwork } from './peerNetwork.ts';
import { Peers } from './peers.ts';
import { receive } from './receive.ts';
import { MAX_HELD, Routing } from './routing.ts';
import { Vigils } from './vigils.ts';

/** How long the listener may take to close, in ms. */
const CLOSE_TIMEOUT = 6_000;

export class Cluster implements ClusterNode {
  readonly #core: Supervisor;
  readonly #options: ResolvedClusterOptions;
  readonly #clock: Clock;
  readonly now: () => number;
  readonly #ids: NodeIds;
  readonly #network: PeerNetwork;
  /** The network where it is ours to close. */
  readonly #own: LinkNetwork | undefined;
  readonly #envelopes: Envelopes;
  readonly #membership: Membership;
  readonly #peers: Peers;
  readonly #lives: Lives;
  readonly #routing: Routing;
  /** There once this node has begun to listen; it may not have bound its address yet. */
  #listening: Promise<PeerListener> | undefined;
  #takenOver = 0;
  /** Who waits for a life. */
  readonly #waiting = new Set<() => void>();

  /** `core` has a session store; `options` are its own. */
  constructor(core: Supervisor, shelf: Shelf, options: ResolvedClusterOptions, given: Pick<ResolvedOptions, 'clock'>) {
    this.#core = core;
    this.#options = options;
    this.#clock = core.options.clock;
    const { directory, node, secrets, leaseTime, network } = options;
    // Leases are counted by what nobody can set; in simulated time there is only one clock.
    const now = given.clock === SYSTEM_CLOCK ? () => performance.now() : () => this.#clock.now();
    this.now = now;
    this.#ids = new NodeIds(node, secrets);
    this.#envelopes = new Envelopes(secrets, () => this.#clock.now());
    const { tls } = options.listen;
    this.#own = network === undefined ? linkNetwork({ tls, logger: (entry) => core.log(entry) }) : undefined;
    this.#network = this.#own ?? (network as PeerNetwork);
    this.#lives = new Lives(directory, this.#clock, now);
    const vigils = new Vigils(this.#lives, this.#clock);
    const log = (entry: LogEntry) => core.log(entry);
    const emptied = () => core.judgeEmpty();
    this.#peers = new Peers({
      network: this.#network,
      envelopes: this.#envelopes,
      limits: core.options,
      now,
      vigils,
      emptied,
      log,
      observers: core.observers,
      exchanges: core.exchanges,
    });
    this.#membership = new Membership(directory, node, leaseTime, {
      actor: core.actor,
      timers: this.#clock,
      now,
      log: (entry) => core.log(entry),
      listen: () => this.#listen(),
      fence: () => core.abandonAll(new Error('The lease of this node was not certain any more')),
      changed: () => this.#changed(),
    });
    this.#routing = new Routing(
      {
        timers: this.#clock,
        now,
        get accepting() {
          return core.accepting;
        },
        restoreTimeout: core.options.restoreTimeout,
        find: (id, principal) => shelf.find(id, principal),
        read: (id) => shelf.records.read(id),
        end: (record, reason) => shelf.endSeen(record, reason),
        whenOwner: (until) => this.#whenOwner(until),
      },
      {
        ids: this.#ids,
        membership: this.#membership,
        lives: this.#lives,
        vigils,
        owners: new Owners(now),
        peers: this.#peers,
      },
    );
  }

  start(): void {
    this.#membership.start();
  }

  get owner(): string | undefined {
    return this.#membership.life?.id;
  }

  get empty(): boolean {
    return this.#peers.empty;
  }

  get stats(): ClusterStats {
    const { state, fenced } = this.#membership;
    return {
      node: this.#options.node,
      state,
      forwarded: this.#peers.open,
      forwards: { ...this.#peers.forwards },
      leaseRemaining: this.#membership.leaseRemaining,
      held: this.#routing.held + this.#waiting.size,
      takenOver: this.#takenOver,
      fenced,
    };
  }

  mint(middle: string): string {
    return this.#ids.mint(middle);
  }

  knows(id: string): boolean {
    return this.#ids.nodeOf(id) !== undefined;
  }

  whenOwner(): Promise<string | undefined> {
    return this.#whenOwner(this.now() + this.#core.options.restoreTimeout);
  }

  async mayLive(owner: string): Promise<boolean> {
    // Of its own sessions a node knows which live here.
    if (owner === this.owner || this.#membership.wasOurs(owner)) return false;
    try {
      return (await this.#lives.find(owner)) !== undefined;
    } catch {
      return true;
    }
  }

  seek(sought: Sought): Promise<Place> {
    return this.#routing.seek(sought);
  }

  terminate(id: string, reason: EndReason): Promise<boolean> {
    return this.#ids.nodeOf(id) === undefined ? Promise.resolve(false) : this.#routing.terminate(id, reason);
  }

  async look(id: string): Promise<SessionInfo | SessionRecord | undefined> {
    if (!this.knows(id)) return undefined;
    const seen = await this.#routing.look(id);
    if (seen !== 'unknown') return seen;
    const message = 'The node that has a session did not say how that is, or nobody knows which one it is';
    this.#core.log({ level: 'warn', event: 'session.unknown', message, sessionId: id });
    return undefined;
  }

  claimed({ id, owner }: SessionRecord, epoch: number): void {
    if (owner === undefined) return; // it was parked, and belonged to nobody
    this.#takenOver++;
    const message = 'A session was taken over from a node that is gone, or has let go of it';
    this.#core.log({ level: 'info', event: 'session.claimed', message, sessionId: id, from: owner, epoch });
  }

  drain(): void {
    this.#peers.drain();
  }

  endAll(): void {
    this.#peers.endAll();
  }

  async leave(patient: boolean): Promise<void> {
    await this.#membership.leave(patient);
    const closing = Promise.resolve(this.#listening).then((listener) => listener?.close());
    this.#own?.close(); // what is free: the listeners of peers may wait for that
    await atMost(this.#clock, CLOSE_TIMEOUT, closing);
  }

  // --- within

  async #listen(): Promise<string> {
    const { listen, url } = this.#options;
    this.#listening ??= this.#network.listen(listen, (incoming) => this.#receive(incoming));
    try {
      const listener = await this.#listening;
      return url ?? listener.url;
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
  }

  #receive(incoming: IncomingPeerRequest): void {
    const { maxRequestBodySize } = this.#core.options;
    const budget = bodyBudgetOf(this.#core);
    receive({ envelopes: this.#envelopes, life: () => this.owner, maxRequestBodySize, budget }, incoming, {
      request: (forwarded) => void this.#answer(forwarded),
      terminate: (id, reason) => this.#terminated(id, reason),
      look: (id) => (this.owner === undefined ? undefined : this.#core.registry.get(id)?.info()),
    });
  }

  /** Walks the second step of the way of a request; the first one it walked at the edge. */
  async #answer(forwarded: ForwardedRequest): Promise<void> {
    const { exchange, principal } = forwarded;
    try {
      if (this.#core.outbox.inTransition) await null;
      this.#core.track(exchange);
      await dispatch(this.#core, { exchange, principal }, forwarded);
    } catch (error) {
      const message = 'A request of another node failed unexpectedly';
      this.#core.log({ level: 'error', event: 'request.failed', message, error });
      refuse(exchange, 'serverFailed');
    }
  }

  /** Ends a session for another node, which takes it to be here. */
  async #terminated(id: string, reason: EndReason): Promise<'terminated' | 'gone' | 'moved'> {
    const session = this.owner === undefined ? undefined : this.#core.registry.get(id);
    if (session === undefined) return 'moved';
    return (await session.endStored(reason)) === 'removed' ? 'terminated' : 'moved';
  }

  #whenOwner(until: number): Promise<string | undefined> {
    const { owner } = this;
    const left = until - this.now();
    const { state } = this.#membership;
    const isOver = state === 'left' || state === 'leaving';
    if (owner !== undefined || isOver || left <= 0 || this.#waiting.size >= MAX_HELD) return Promise.resolve(owner);
    return new Promise((resolve) => {
      const settle = () => {
        this.#waiting.delete(settle);
        this.#clock.clearTimeout(timer);
        resolve(this.owner);
      };
      const timer = this.#clock.setTimeout(settle, left);
      this.#waiting.add(settle);
    });
  }

  #changed(): void {
    for (const settle of [...this.#waiting]) settle();
  }
}
