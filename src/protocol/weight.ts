/**
 * How much a parsed message is, whoever parsed it: how long its JSON is at least, how many values it holds, and whether
 * it nests too deep. Adding up ends as soon as it is too much, so it costs no more than what is allowed.
 */
import { MAX_DEPTH } from './depth.ts';

export interface Weight {
  /** Of its JSON, in UTF-8; numbers count as one. */
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
    else if (typeof value !== 'object' || value === null) this.bytes += 1;
    else if (levels === 0) this.tooDeep = true;
    else this.#addMembers(value, levels - 1);
  }

  /** One byte for the bracket, and for each member one for the comma, or the bracket, behind it. */
  #addMembers(value: object, levels: number): void {
    this.bytes += 1;
    if (Array.isArray(value)) {
      for (let n = 0; n < value.length && !this.#full; n++) {
        this.bytes += 1;
        this.add(value[n], levels);
      }
      return;
    }
    for (const name in value) {
      if (this.#full) return;
      this.bytes += Buffer.byteLength(name) + 4;
      this.add((value as Record<string, unknown>)[name], levels);
    }
  }

  get #full(): boolean {
    return this.tooDeep || this.bytes > this.#maxBytes || this.values > this.#maxValues;
  }
}
