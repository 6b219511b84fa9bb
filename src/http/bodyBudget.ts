/**
 * What all bodies together may take while they come in. A body is bounded by itself, but there may be as many as there
 * are connections: who comes when the sum is used up is sent away, and may come again.
 */
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { ByteBudget } from '../transport/exchange.ts';

/** So many bodies of the largest size may come in at a time. */
const BODIES = 64;

class BodyBudget implements ByteBudget {
  #free: number;

  constructor(bytes: number) {
    this.#free = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
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
