/**
 * What all bodies together may take while they come in. A body is bounded by itself, but there may be as many as there
 * are connections. Where the sum is used up, one of the largest makes room, whose client may come again: so small bodies,
 * which nearly all are, come in however many large ones stand still.
 */
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { ByteBudget, ByteShare } from '../transport/exchange.ts';

/** So many bodies of the largest size may come in at a time. */
const BODIES = 64;

/** The power of two that a size is in: at each step sizes double. */
const rankOf = (bytes: number) => Math.floor(Math.log2(bytes));

/** What one body has taken. */
class Share implements ByteShare {
  /** In bytes. */
  taken = 0;
  readonly evicted: () => void;
  readonly #budget: BodyBudget;

  constructor(budget: BodyBudget, evicted: () => void) {
    this.#budget = budget;
    this.evicted = evicted;
  }

  take(bytes: number): boolean {
    return this.#budget.take(this, bytes);
  }

  release(): void {
    this.#budget.release(this);
  }
}

export class BodyBudget implements ByteBudget {
  /** In bytes. */
  #free: number;
  /** Those that have taken something, by the rank of that: so that one of the largest is found at once. */
  readonly #byRank: Set<Share>[] = [];

  constructor(bytes: number) {
    this.#free = bytes;
  }

  share(evicted: () => void): Share {
    return new Share(this, evicted);
  }

  /** Only one of a higher rank makes room: it has more than is wanted, so one is enough. */
  take(share: Share, bytes: number): boolean {
    if (bytes === 0) return true;
    const rank = rankOf(share.taken + bytes);
    if (bytes > this.#free && !this.#makeRoom(rank)) return false;
    const before = rankOf(share.taken);
    if (rank !== before) {
      this.#byRank[before]?.delete(share);
      this.#rank(rank).add(share);
    }
    share.taken += bytes;
    this.#free -= bytes;
    return true;
  }

  release(share: Share): void {
    this.#byRank[rankOf(share.taken)]?.delete(share);
    this.#free += share.taken;
    share.taken = 0;
  }

  #makeRoom(rank: number): boolean {
    for (let higher = this.#byRank.length - 1; higher > rank; higher--) {
      const [largest] = this.#byRank[higher] ?? [];
      if (largest === undefined) continue;
      this.release(largest);
      largest.evicted();
      return true;
    }
    return false;
  }

  #rank(rank: number): Set<Share> {
    while (this.#byRank.length <= rank) this.#byRank.push(new Set());
    return this.#byRank[rank] as Set<Share>;
  }
}

const budgets = new WeakMap<Supervisor, BodyBudget>();

/** The budget of a supervisor's bodies: 64 times `maxRequestBodySize`. */
export function bodyBudgetOf(supervisor: Supervisor): ByteBudget {
  let budget = budgets.get(supervisor);
  if (budget === undefined) {
    budget = new BodyBudget(BODIES * supervisor.options.maxRequestBodySize);
    budgets.set(supervisor, budget);
  }
  return budget;
}
