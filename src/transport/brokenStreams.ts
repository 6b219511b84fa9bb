/**
 * The streams of a session that the store failed. It has a part of each only, so nothing can be resumed from it. What is
 * remembered is bounded, and errs to one side: beyond the bound a stream may be taken for broken that is whole, whose
 * client is then told that there is nothing to resume, but never the reverse, which would tell it that it has all.
 */

/** How many are remembered one by one, the latest. */
const MAX_REMEMBERED = 1_000;

export class BrokenStreams {
  readonly #numbers = new Set<number>();
  /** Which streams up to this number are broken is forgotten: all count as broken. */
  #forgottenUpTo = -1;

  has(number: number): boolean {
    return number <= this.#forgottenUpTo || this.#numbers.has(number);
  }

  add(number: number): void {
    this.#numbers.add(number);
    const [oldest] = this.#numbers;
    if (oldest === undefined || this.#numbers.size <= MAX_REMEMBERED) return;
    this.#numbers.delete(oldest);
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, oldest);
  }
}
