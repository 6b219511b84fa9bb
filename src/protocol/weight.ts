/**
 * How much a parsed message is, whoever parsed it: how long its JSON is at least, how many values it holds, about how
 * much memory it takes, and whether it nests too deep. Adding up ends as soon as it is too much, so it costs no more than
 * what is allowed.
 */
import { MAX_DEPTH } from './depth.ts';

export interface Weight {
  /** Of its JSON, in UTF-8, at least: what has to be escaped in a string counts as one. */
  readonly bytes: number;
  /** Objects, lists and what is in them; names of members are no values. */
  readonly values: number;
  /** About what V8 takes for it, in bytes: at most a tenth too little, and too much where objects share a hidden class. */
  readonly memory: number;
  readonly tooDeep: boolean;
}

/** What may be allowed of each; `Infinity` where it is not given. */
export interface WeightLimits {
  readonly bytes: number;
  readonly values?: number;
  readonly memory?: number;
}

/** Weighs a value. One that is heavier than a limit is not weighed to its end. */
export function weigh(value: unknown, limits: WeightLimits): Weight {
  const scale = new Scale(limits);
  scale.add(value, MAX_DEPTH);
  return scale;
}

/**
 * What V8 takes in bytes, without what is counted apart. An object whose names no other has takes a hidden class or a
 * table of its own, which is several times the object; so does one of common names, once a client has sent many others.
 */
const EMPTY = 56;
const OBJECT = 170;
const MEMBER = 56;
const ELEMENT = 8;
const TEXT = 24;
const PRIMITIVE = 16;
/** One character beyond Latin-1 makes all characters of its text take two bytes. */
const CHARACTER = 2;

class Scale implements Weight {
  bytes = 0;
  values = 0;
  memory = 0;
  tooDeep = false;
  readonly #limits: Required<WeightLimits>;

  constructor({ bytes, values = Number.POSITIVE_INFINITY, memory = Number.POSITIVE_INFINITY }: WeightLimits) {
    this.#limits = { bytes, values, memory };
  }

  add(value: unknown, levels: number): void {
    this.values++;
    if (typeof value === 'string') {
      this.bytes += Buffer.byteLength(value) + 2;
      this.memory += TEXT + CHARACTER * value.length;
    } else if (typeof value !== 'object' || value === null) {
      this.bytes += String(value).length;
      this.memory += PRIMITIVE;
    } else if (levels === 0) this.tooDeep = true;
    else this.#addMembers(value, levels - 1);
  }

  /** Two bytes for the brackets, and one for each comma. */
  #addMembers(value: object, levels: number): void {
    this.bytes += 2;
    let count = 0;
    if (Array.isArray(value)) {
      for (; count < value.length && !this.#full; count++) this.add(value[count], levels);
      this.memory += EMPTY + ELEMENT * count;
    } else {
      for (const name in value) {
        if (this.#full) return;
        count++;
        this.bytes += Buffer.byteLength(name) + 3;
        this.memory += MEMBER + CHARACTER * name.length;
        this.add((value as Record<string, unknown>)[name], levels);
      }
      this.memory += count === 0 ? EMPTY : OBJECT;
    }
    this.bytes += Math.max(0, count - 1);
  }

  get #full(): boolean {
    const { bytes, values, memory } = this.#limits;
    return this.tooDeep || this.bytes > bytes || this.values > values || this.memory > memory;
  }
}
