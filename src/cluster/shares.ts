/**
 * How many requests of this node may be with each other one, and whose. Nobody takes more of a node than is still free of it:
 * so who has little there gets through, however many calls and streams somebody else leaves open.
 */

/** Requests at one node at a time: calls that run, and streams for as long as they are open. */
export const MAX_AT_NODE = 8_192;

/** What is at one node, by whose it is. */
class Share {
  open = 0;
  readonly byWhom = new Map<string, number>();
}

export class Shares {
  readonly #most: number;
  /** By life. */
  readonly #shares = new Map<string, Share>();

  constructor(most: number = MAX_AT_NODE) {
    this.#most = most;
  }

  /** Takes a place at a life for somebody; returns what gives it back, once, or undefined where there is none to be had. */
  take(life: string, whose: string): (() => void) | undefined {
    const share = this.#shares.get(life) ?? new Share();
    const theirs = share.byWhom.get(whose) ?? 0;
    if (theirs >= this.#most - share.open) return undefined;
    this.#shares.set(life, share);
    share.open++;
    share.byWhom.set(whose, theirs + 1);
    return () => this.#giveBack(life, share, whose);
  }

  #giveBack(life: string, share: Share, whose: string): void {
    const theirs = (share.byWhom.get(whose) ?? 1) - 1;
    if (theirs === 0) share.byWhom.delete(whose);
    else share.byWhom.set(whose, theirs);
    if (--share.open === 0) this.#shares.delete(life);
  }
}
