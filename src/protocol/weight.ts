/**
 * How much a parsed message is, whoever parsed it: how long its JSON is at least, how many values it holds, and whether
 * it nests too deep. Adding up ends as soon as it is too much, so it costs no more than what is allowed.
 */
import { MAX_DEPTH } from './depth.ts';

export interface Weight {
  /** Of its JSON, in UTF-8, at least: what has to be escaped in a string counts as one. */
  readonly bytes: number;
  /** Objects, lists and what is in them; names of members are no values. */
  readonly values: number;
  readonly tooDeep: boolean;
}

/** Weighs a value. One that is heavier than `maxBytes` or `maxValues` is not weighed to its end. */
export function weigh(value: unknown, maxBytes: number, maxValues = Number.POSITIVE_INFINITY): Weight {
  const scale = new Scale(maxBytes, maxValues);
  scale.add(value, MAX_DEPTH);
  return scale;
}

class Scale implements Weight {
  bytes = 0;
  values = 0;
  tooDeep = false;
  readonly #maxBytes: number;
  readonly #maxValues: number;

  constructor(maxBytes: number, maxValues: number) {
    this.#maxBytes = maxBytes;
    this.#maxValues = maxValues;
  }

  add(value: unknown, levels: number): void {
    this.values++;
    if (typeof value === 'string') this.bytes += Buffer.byteLength(value) + 2;
    else if (typeof value !== 'object' || value === null) this.bytes += String(value).length;
    else if (levels === 0) this.tooDeep = true;
    else this.#addMembers(value, levels - 1);
  }

  /** Two bytes for the brackets, and one for each comma. */
  #addMembers(value: object, levels: number): void {
    this.bytes += 2;
    let count = 0;
    if (Array.isArray(value)) {
      for (; count < value.length && !this.#full; count++) this.add(value[count], levels);
    } else {
      for (const name in value) {
        if (this.#full) return;
        count++;
        this.bytes += Buffer.byteLength(name) + 3;
        this.add((value as Record<string, unknown>)[name], levels);
      }
    }
    this.bytes += Math.max(0, count - 1);
  }

  get #full(): boolean {
    return this.tooDeep || this.bytes > this.#maxBytes || this.values > this.#maxValues;
  }
}
