/** A queue in which each principal has its turn, however many others stand before it have brought. */
export class FairQueue<T> {
  /** By principal, in the order of their turns. */
  readonly #lines = new Map<string | null, T[]>();

  push(principal: string | null, item: T): void {
    const line = this.#lines.get(principal);
    if (line === undefined) this.#lines.set(principal, [item]);
    else line.push(item);
  }

  /** The first one of the principal whose turn it is, which then waits for its next. */
  shift(): T | undefined {
    for (const [principal, line] of this.#lines) {
      const item = line.shift();
      this.#lines.delete(principal);
      if (line.length > 0) this.#lines.set(principal, line);
      return item;
    }
    return undefined;
  }
}
