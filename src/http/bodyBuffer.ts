/**
 * Collects a body. Each chunk that node:http hands over costs some 400 bytes, however short it is, and a client may cut
 * a body into single bytes: so chunks are merged as they come, and a body takes little more than its size.
 */

/** So many chunks become one. */
const MERGE_AT = 256;

export class BodyBuffer {
  /** In bytes. */
  size = 0;
  readonly #merged: Buffer[] = [];
  #recent: Buffer[] = [];

  push(chunk: Buffer): void {
    this.size += chunk.length;
    if (this.#recent.push(chunk) < MERGE_AT) return;
    this.#merged.push(Buffer.concat(this.#recent));
    this.#recent = [];
  }

  /** The whole of it. */
  bytes(): Buffer {
    const [first] = this.#recent;
    if (first !== undefined && first.length === this.size) return first;
    return Buffer.concat([...this.#merged, ...this.#recent], this.size);
  }
}
