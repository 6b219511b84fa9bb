/**
 * The nonces of envelopes that were taken, for as long as one of them could be sent again. Only peers get here, so what
 * bounds it is how much peers send.
 */

/** So many within one span; beyond that nobody could tell what was taken already. */
const MAX_NONCES = 200_000;

export class Nonces {
  readonly #span: number;
  #since = Number.NEGATIVE_INFINITY;
  #recent = new Set<string>();
  /** Those of the span before. */
  #older = new Set<string>();

  /** Each nonce is remembered for `span` ms at least. */
  constructor(span: number) {
    this.#span = span;
  }

  /** Takes a nonce at a time, in ms since the epoch. */
  take(nonce: string, now: number): 'taken' | 'replayed' | 'full' {
    // A clock that was set back by more would else be waited for, with ever more to remember.
    if (now >= this.#since + this.#span || now < this.#since - this.#span) {
      this.#older = now < this.#since + 2 * this.#span ? this.#recent : new Set();
      this.#recent = new Set();
      this.#since = now;
    }
    if (this.#recent.has(nonce) || this.#older.has(nonce)) return 'replayed';
    if (this.#recent.size >= MAX_NONCES) return 'full';
    this.#recent.add(nonce);
    return 'taken';
  }
}
