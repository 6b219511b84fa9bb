/** The streams of a session that the store failed. It has a part of each only, so nothing can be resumed from it. */

/** How many are remembered, the latest. */
const MAX_REMEMBERED = 1_000;

export class BrokenStreams {
  readonly #ids = new Set<string>();

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    const [oldest] = this.#ids;
    if (oldest !== undefined && this.#ids.size >= MAX_REMEMBERED) this.#ids.delete(oldest);
    this.#ids.add(id);
  }
}
