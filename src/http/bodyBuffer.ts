/**
 * Collects a body, within its own bound and that of all bodies together. Each chunk that node:http hands over costs some
 * 400 bytes, however short it is, and a client may cut a body into single bytes: so chunks are merged as they come, and
 * a body takes little more than its size.
 */
import { isUtf8 } from 'node:buffer';
import type { BodyFailure, BodyLimits, BodyResult, ByteShare } from '../transport/exchange.ts';

/** So many chunks become one. */
const MERGE_AT = 256;

export class BodyBuffer {
  readonly #limits: BodyLimits;
  readonly #evicted: () => void;
  /** In bytes. */
  #size = 0;
  /** Of the budget, where it took something of that. */
  #share: ByteShare | undefined;
  #merged: Uint8Array[] = [];
  #recent: Uint8Array[] = [];

  /** `evicted` is called when the body has to make room for others; it has to `clear` it. */
  constructor(limits: BodyLimits, evicted: () => void) {
    this.#limits = limits;
    this.#evicted = evicted;
  }

  /** Takes a chunk, or says why it can't. */
  push(chunk: Uint8Array): BodyFailure | undefined {
    const { length } = chunk;
    if (this.#size + length > this.#limits.maxBytes) return 'bodyTooLarge';
    this.#size += length;
    // Its last chunk waits for nothing: a body that comes in one piece is read, however many slow ones there are.
    if (this.#size !== this.#limits.declared) {
      this.#share ??= this.#limits.budget.share(this.#evicted);
      if (!this.#share.take(length)) return 'bodiesFull';
    }
    if (this.#recent.push(chunk) < MERGE_AT) return undefined;
    this.#merged.push(Buffer.concat(this.#recent));
    this.#recent = [];
    return undefined;
  }

  /** The whole of it as text. */
  text(): BodyResult {
    return decodeBody(this.#bytes());
  }

  /** Forgets the body, and gives back what it took. Has to be called however reading ends; twice is harmless. */
  clear(): void {
    this.#share?.release();
    this.#size = 0;
    this.#merged = [];
    this.#recent = [];
  }

  #bytes(): Uint8Array {
    const [first] = this.#recent;
    if (first !== undefined && first.length === this.#size) return first;
    return Buffer.concat([...this.#merged, ...this.#recent], this.#size);
  }
}

/** Bytes as text, which has to be UTF-8. */
export function decodeBody(bytes: Uint8Array): BodyResult {
  if (!isUtf8(bytes)) return { failure: 'parseError' };
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { text: withoutMark(buffer.toString()), size: bytes.length };
}

/** Text without the byte order mark that some encoders put first. */
export function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
