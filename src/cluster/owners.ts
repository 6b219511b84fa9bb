/**
 * Which lives had which sessions a moment ago, as far as that is not the node that their ids name. It spares a look at the
 * record; a wrong one is corrected by whoever is asked for the session then.
 */

/** How long it is remembered, in ms, and for how many sessions. */
const REMEMBERED = 5_000;
const MAX_OWNERS = 10_000;

export class Owners {
  readonly #now: () => number;
  /** By session; the oldest first. */
  readonly #owners = new Map<string, { readonly life: string; readonly until: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get(id: string): string | undefined {
    const owner = this.#owners.get(id);
    return owner !== undefined && owner.until > this.#now() ? owner.life : undefined;
  }

  set(id: string, life: string): void {
    this.#owners.delete(id);
    this.#owners.set(id, { life, until: this.#now() + REMEMBERED });
    const [oldest] = this.#owners.keys();
    if (this.#owners.size > MAX_OWNERS && oldest !== undefined) this.#owners.delete(oldest);
  }

  delete(id: string): void {
    this.#owners.delete(id);
  }
}
