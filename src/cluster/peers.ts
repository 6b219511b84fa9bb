/** The requests of this node that are with other nodes: sends them there, counts them, and ends them with a drain. */
import type { EndReason } from '../machines/reasons.ts';
import type { NodeLife } from '../stores/directory.ts';
import type { Sought } from '../supervisor/clusterNode.ts';
import type { ForwardOutcome } from '../supervisor/observer.ts';
import type { Observers } from '../supervisor/observers.ts';
import type { Envelopes } from './envelopes.ts';
import { type ForwardParts, forward, sendTerminate } from './forward.ts';
import type { AnswerLimits } from './forwardedAnswer.ts';
import type { PeerNetwork } from './peerNetwork.ts';
import type { Vigils } from './vigils.ts';

/** How long a life that could not be reached is taken for unreachable, in ms; and how many are remembered. */
const DOWN_FOR = 250;
const MAX_DOWN = 1_000;

/** How a peer took a request. */
export interface Forwarded {
  readonly outcome: ForwardOutcome;
  /** The life that has the session, where the peer has said so. */
  readonly owner?: string | undefined;
}

export class Peers {
  readonly #network: PeerNetwork;
  readonly #envelopes: Envelopes;
  readonly #limits: AnswerLimits;
  /** Monotonic, in ms. */
  readonly #now: () => number;
  readonly #vigils: Vigils;
  readonly #emptied: () => void;
  readonly #observers: Observers | undefined;
  /** Requests that were sent on, by what became of them. */
  readonly forwards: Partial<Record<ForwardOutcome, number>> = {};
  /** What may be ended, and whether it is waited for in a drain. */
  readonly #open = new Map<AbortController, boolean>();
  #draining = false;
  /** Lives that could not be reached, and until when nobody else tries; the oldest first. */
  readonly #down = new Map<string, number>();

  /** `emptied` is called when nothing is with others that a drain waits for. */
  constructor(
    network: PeerNetwork,
    envelopes: Envelopes,
    limits: AnswerLimits,
    now: () => number,
    vigils: Vigils,
    emptied: () => void,
    observers?: Observers,
  ) {
    this.#network = network;
    this.#envelopes = envelopes;
    this.#limits = limits;
    this.#now = now;
    this.#vigils = vigils;
    this.#emptied = emptied;
    this.#observers = observers;
  }

  get open(): number {
    return this.#open.size;
  }

  /** A GET stream that is with another node keeps nobody from draining: it comes back through another one. */
  get empty(): boolean {
    for (const awaited of this.#open.values()) if (awaited) return false;
    return true;
  }

  /** Has a request answered by another node; its end is noticed, whatever its connections do. */
  async forward(life: NodeLife, from: string, { exchange, id, principal, body }: Sought): Promise<Forwarded> {
    const awaited = exchange.method !== 'GET';
    if (this.#draining && !awaited) return { outcome: 'busy' };
    if ((this.#down.get(life.id) ?? 0) > this.#now()) return { outcome: 'unreached' };
    const ending = new AbortController();
    const since = this.#now();
    this.#open.set(ending, awaited);
    const done = this.#vigils.watch(life.id, () => ending.abort());
    try {
      const request = { sessionId: id, principal, body };
      const forwarded = await forward(this.#parts(life, from), exchange, request, ending.signal);
      this.#note(life.id, forwarded.outcome);
      this.#count(forwarded.outcome, Math.max(0, this.#now() - since));
      return forwarded;
    } finally {
      done();
      this.#open.delete(ending);
      if (this.empty) this.#emptied();
    }
  }

  terminate(
    life: NodeLife,
    from: string,
    id: string,
    reason: EndReason,
  ): Promise<'terminated' | 'gone' | 'moved' | 'unreached'> {
    return sendTerminate(this.#parts(life, from), id, reason);
  }

  #count(outcome: ForwardOutcome, duration: number): void {
    this.forwards[outcome] = (this.forwards[outcome] ?? 0) + 1;
    if (this.#observers?.any === true) this.#observers.tell({ type: 'request.forwarded', outcome, duration });
  }

  /** A thousand requests for a node that is gone are no reason to connect to it a thousand times. */
  #note(id: string, outcome: ForwardOutcome): void {
    this.#down.delete(id);
    if (outcome !== 'unreached') return;
    this.#down.set(id, this.#now() + DOWN_FOR);
    const [oldest] = this.#down.keys();
    if (this.#down.size > MAX_DOWN && oldest !== undefined) this.#down.delete(oldest);
  }

  #parts(life: NodeLife, from: string): ForwardParts {
    return { network: this.#network, envelopes: this.#envelopes, life, from, limits: this.#limits };
  }

  /** GET streams end, and are not opened any more. */
  drain(): void {
    this.#draining = true;
    for (const [ending, awaited] of [...this.#open]) if (!awaited) ending.abort();
  }

  endAll(): void {
    for (const ending of [...this.#open.keys()]) ending.abort();
  }
}
