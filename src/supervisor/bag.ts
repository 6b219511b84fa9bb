/**
 * `session.state`: what a server keeps with its session, beyond its own life. Values are JSON, and are copied on their
 * way in and out, so that what is stored is what was given. Each is kept as text: reading the whole costs no walk.
 */
import { Buffer } from 'node:buffer';
import { SupervisorError } from '../errors.ts';
import type { SessionBag } from '../options.ts';

/** How deep values may be nested. */
const MAX_DEPTH = 100;

export class Bag implements SessionBag {
  readonly #limit: number;
  readonly #changed: () => void;
  /** JSON texts, by key. */
  readonly #texts = new Map<string, string>();
  /** Bytes of the whole as JSON: `{`, `}`, and for each entry what `sizeOf` says, less the last comma. */
  #size = 1;
  #closed = false;

  /** `limit` is for all of it as JSON, in bytes; `changed` is called after each change; `json` is what there was before. */
  constructor(limit: number, changed: () => void, json = '{}') {
    this.#limit = limit;
    this.#changed = changed;
    for (const [key, value] of Object.entries(JSON.parse(json) as object)) this.#put(key, JSON.stringify(value));
    Object.freeze(this); // what is assigned to it would be lost with the process, in silence
  }

  get(key: string): unknown {
    const text = this.#texts.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  set(key: string, value: unknown): void {
    this.#checkOpen();
    if (typeof key !== 'string') throw invalid('a key must be text');
    check(value, 0);
    const text = JSON.stringify(value);
    const size = this.#size - this.#sizeOf(key) + sizeOf(key, text);
    if (size > this.#limit) {
      throw invalid(`it would have ${size} bytes as JSON, and may have ${this.#limit} (the option maxStateSize)`);
    }
    this.#put(key, text);
    this.#changed();
  }

  delete(key: string): boolean {
    this.#checkOpen();
    this.#size -= this.#sizeOf(key);
    const existed = this.#texts.delete(key);
    if (existed) this.#changed();
    return existed;
  }

  *entries(): Generator<[string, unknown], void> {
    for (const [key, text] of this.#texts) yield [key, JSON.parse(text)];
  }

  /** All of it as JSON. */
  get json(): string {
    return `{${Array.from(this.#texts, ([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
  }

  /** Nothing that is set from now on would be kept: so nothing can be set. */
  close(): void {
    this.#closed = true;
  }

  #put(key: string, text: string): void {
    this.#size += sizeOf(key, text) - this.#sizeOf(key);
    this.#texts.set(key, text);
  }

  #sizeOf(key: string): number {
    const text = this.#texts.get(key);
    return text === undefined ? 0 : sizeOf(key, text);
  }

  #checkOpen(): void {
    if (this.#closed) throw new SupervisorError('SESSION_CLOSED', 'This server’s part in the session is over');
  }
}

/** Bytes of an entry, with its colon and a comma. */
function sizeOf(key: string, text: string): number {
  return Buffer.byteLength(JSON.stringify(key)) + Buffer.byteLength(text) + 2;
}

/** Refuses what JSON would lose or change. */
function check(value: unknown, depth: number): void {
  if (depth > MAX_DEPTH) throw invalid(`it is nested deeper than ${MAX_DEPTH}, or holds itself`);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return;
  if (typeof value === 'number' && Number.isFinite(value)) return;
  if (typeof value !== 'object') throw invalid(`${typeof value === 'number' ? value : `a ${typeof value}`} is no JSON`);
  if (Array.isArray(value)) {
    for (let n = 0; n < value.length; n++) check(value[n], depth + 1); // a hole is undefined
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw invalid('an object that is not plain is no JSON');
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') throw invalid('an object with toJSON is no JSON');
  for (const member of Object.values(value)) check(member, depth + 1);
}

function invalid(why: string): SupervisorError {
  return new SupervisorError('INVALID_STATE', `The state of a session can't be set: ${why}`);
}
