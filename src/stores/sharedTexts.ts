/** Texts that many have alike, each kept once for as long as somebody has it. */

/** A text that is shared, and by how many. */
export interface SharedText {
  readonly text: string;
  uses: number;
}

export class SharedTexts {
  readonly #texts = new Map<string, SharedText>();

  get size(): number {
    return this.#texts.size;
  }

  /** The one copy of a text. Whoever takes it gives it back once. */
  take(text: string): SharedText {
    let shared = this.#texts.get(text);
    if (shared === undefined) {
      shared = { text, uses: 0 };
      this.#texts.set(text, shared);
    }
    shared.uses++;
    return shared;
  }

  giveBack(shared: SharedText): void {
    if (--shared.uses === 0) this.#texts.delete(shared.text);
  }
}
