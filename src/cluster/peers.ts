/** The requests of this node that are with other nodes: sends them there, counts them, and ends them with a drain. */
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry } from '../options.ts';
import type { NodeLife } from '../stores/directory.ts';
import type { Sought } from '../supervisor/clusterNode.ts';
import type { ForwardOutcome } from '../supervisor/observer.ts';
import type { Observers } from '../supervisor/observers.ts';
import type { SessionInfo } from '../supervisor/sessionInfo.ts';
import type { Exchange } from '../transport/exchange.ts';
import { sendLook, sendTerminate } from './ask.ts';
import type { Envelopes } from './envelopes.ts';
import { type Forwarding, type ForwardParts, type ForwardResult, forward } from './forward.ts';
import type { AnswerLimits } from './forwardedAnswer.ts';
import type { PeerNetwork } from './peerNetwork.ts';
import { Shares } from './shares.ts';
import type { Vigils } from './vigils.ts';

/** How long a life that could not be reached is taken for unreachable, in ms; and how many are remembered. */
const DOWN_FOR = 250;
const MAX_DOWN = 1_000;

/** After so many ms somebody is told of it. */
const TOLD_AFTER = 1_000;

/** A life that could not be reached. */
interface Down {
  readonly since: number;
  /** Until when nobody else tries. */
  readonly until: number;
  readonly told: boolean;
}

/** How a peer took a request. */
export interface Forwarded {
  readonly outcome: ForwardOutcome;
  /** The life that has the session, where the peer has said so. */
  readonly owner?: string | undefined;
}

export interface PeersParts {
  readonly network: PeerNetwork;
  readonly envelopes: Envelopes;
  readonly limits: AnswerLimits;
  /** Monotonic, in ms. */
  readonly now: () => number;
  readonly vigils: Vigils;
  /** Called when nothing is with others that a drain waits for. */
  readonly emptied: () => void;
  readonly log: (entry: LogEntry) => void;
  readonly observers: Observers;
  /** What is sent away at the end of a drain: not what another node has, which may have been done there. */
  readonly exchanges: Set<Exchange>;
}

export class Peers {
  readonly #parts: PeersParts;
  /** Requests that were sent on, by what became of them. */
  readonly forwards: Partial<Record<ForwardOutcome, number>> = {};
  /** What may be ended, and whether it is waited for in a drain. */
  readonly #open = new Map<Forwarding, boolean>();
  /** Of those that a drain waits for. */
  #awaited = 0;
  readonly #shares = new Shares();
  #draining = false;
  /** Lives that could not be reached; the oldest first. */
  readonly #down = new Map<string, Down>();

  constructor(parts: PeersParts) {
    this.#parts = parts;
  }

  get open(): number {
    return this.#open.size;
  }

  /** A GET stream that is with another node keeps nobody from draining: it comes back through another one. */
  get empty(): boolean {
    return this.#awaited === 0;
  }

  /** Has a request answered by another node; its end is noticed, whatever its connections do. */
  async forward(life: NodeLife, from: string, { exchange, id, principal, body }: Sought): Promise<Forwarded> {
    const awaited = exchange.method !== 'GET';
    if (this.#draining && !awaited) return { outcome: 'busy' };
    if ((this.#down.get(life.id)?.until ?? 0) > this.#parts.now()) return { outcome: 'unreached' };
    const giveBack = this.#shares.take(life.id, principal ?? id); // of nobody in particular each session is by itself
    if (giveBack === undefined) return { outcome: 'busy' };
    const since = this.#parts.now();
    const forwarding = forward(this.#partsOf(life, from), exchange, { sessionId: id, principal, body });
    this.#open.set(forwarding, awaited);
    if (awaited) this.#awaited++;
    this.#parts.exchanges.delete(exchange);
    const done = this.#parts.vigils.watch(life.id, () => forwarding.abort());
    const forwarded = await forwarding.result;
    if (!exchange.closed) this.#parts.exchanges.add(exchange);
    done();
    giveBack();
    this.#open.delete(forwarding);
    if (awaited) this.#awaited--;
    this.#note(life, forwarded);
    this.#count(forwarded.outcome, Math.max(0, this.#parts.now() - since));
    if (this.empty) this.#parts.emptied();
    return forwarded;
  }

  terminate(
    life: NodeLife,
    from: string,
    id: string,
    reason: EndReason,
  ): Promise<'terminated' | 'gone' | 'moved' | 'unreached'> {
    return sendTerminate(this.#partsOf(life, from), id, reason);
  }

  look(life: NodeLife, from: string, id: string): Promise<SessionInfo | 'moved' | undefined> {
    return sendLook(this.#partsOf(life, from), id);
  }

  #count(outcome: ForwardOutcome, duration: number): void {
    this.forwards[outcome] = (this.forwards[outcome] ?? 0) + 1;
    if (this.#parts.observers.any) this.#parts.observers.tell({ type: 'request.forwarded', outcome, duration });
  }

  /** A thousand requests for a node that is gone are no reason to connect to it a thousand times. */
  #note(life: NodeLife, { outcome, reason = '', error }: ForwardResult): void {
    const before = this.#down.get(life.id);
    this.#down.delete(life.id);
    if (outcome !== 'unreached') return;
    const now = this.#parts.now();
    const { since, told } = before ?? { since: now, told: false };
    const tells = !told && now - since >= TOLD_AFTER;
    this.#down.set(life.id, { since, until: now + DOWN_FOR, told: told || tells });
    if (tells) this.#tell(life, reason, error);
    const [oldest] = this.#down.keys();
    if (this.#down.size > MAX_DOWN && oldest !== undefined) this.#down.delete(oldest);
  }

  /** Once for each life, until it is reached. */
  #tell({ node, url }: NodeLife, reason: string, error: unknown): void {
    const why = WHY[reason.split(' ')[0] ?? ''] ?? reason;
    const message = `Node ${node} can’t be sent requests at ${url}: ${why}. They are held, and refused with 503 in the end`;
    const cause = error === undefined ? {} : { error };
    this.#parts.log({ level: 'warn', event: 'cluster.peerUnreachable', message, node, url, ...cause });
  }

  #partsOf(life: NodeLife, from: string): ForwardParts {
    const { network, envelopes, limits } = this.#parts;
    return { network, envelopes, life, from, limits };
  }

  /** GET streams end, and are not opened any more. */
  drain(): void {
    this.#draining = true;
    for (const [forwarding, awaited] of [...this.#open]) if (!awaited) forwarding.abort();
  }

  endAll(): void {
    for (const forwarding of [...this.#open.keys()]) forwarding.abort();
  }
}

/** What is wrong, by why a request did not get there. */
const WHY: Readonly<Record<string, string>> = {
  connect: 'nobody can be connected to there',
  timeout: 'who listens there says nothing',
  broken: 'who listens there breaks off',
  stranger:
    'who listens there does not know our secret, has a clock that is 10 s and more from ours, or is no node at all',
  refused: 'it does not understand them, as a node of another version may not',
};
