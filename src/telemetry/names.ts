/**
 * Names of tools and prompts that may stand on metrics: those that a server has listed, or that were used with success. A
 * client can invent as many as it likes; none of those is kept.
 */
import { OTHER } from './histogram.ts';

/** A longer name is none that an operator could read. */
const MAX_LENGTH = 128;

export class Names {
  readonly #known = new Set<string>();
  readonly #max: number;

  /** `max` is how many are told apart. */
  constructor(max: number) {
    this.#max = max;
  }

  /** There is something of this name. */
  learn(name: unknown): void {
    if (typeof name !== 'string' || !isLabel(name) || this.#known.size >= this.#max) return;
    this.#known.add(name);
  }

  /** There is something of each of these names, as a server has listed them. */
  learnAll(listed: unknown): void {
    if (!Array.isArray(listed)) return;
    for (const item of listed as unknown[]) this.learn((item as { name?: unknown } | null)?.name);
  }

  has(name: string): boolean {
    return this.#known.has(name);
  }

  label(name: string): string {
    return this.has(name) ? name : OTHER;
  }
}

/**
 * Whether Prometheus can tell it from every other: to it an empty label is none, and half a character is written as any
 * other half is. A sample that is there twice costs the whole scrape.
 */
function isLabel(name: string): boolean {
  return name !== '' && name.length <= MAX_LENGTH && !/\p{Surrogate}/u.test(name);
}

/** Names by what they are of. */
export interface NamesOfServer {
  readonly tools: Names;
  readonly prompts: Names;
}
