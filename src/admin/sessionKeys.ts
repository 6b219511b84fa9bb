/**
 * Keys that stand for session ids: the same for the same id while the process runs, and only this process can tell the id
 * from one. An id is encrypted, and so nothing has to be remembered, for parked sessions neither.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const CIPHER = 'aes-256-ctr';

/** Bytes of the tag, which is the counter's start as well: so equal ids have equal keys, and no other text is one. */
const TAG = 16;

export class SessionKeys {
  readonly #secret = randomBytes(32);
  readonly #macSecret = randomBytes(32);

  keyOf(id: string): string {
    const tag = this.#tagOf(id);
    const cipher = createCipheriv(CIPHER, this.#secret, tag);
    return Buffer.concat([tag, cipher.update(id, 'utf8'), cipher.final()]).toString('base64url');
  }

  /** The id that a key stands for; undefined for what is no key of this process. */
  idOf(key: string): string | undefined {
    const bytes = Buffer.from(key, 'base64url');
    if (bytes.length <= TAG) return undefined;
    const tag = bytes.subarray(0, TAG);
    const decipher = createDecipheriv(CIPHER, this.#secret, tag);
    const id = Buffer.concat([decipher.update(bytes.subarray(TAG)), decipher.final()]).toString('utf8');
    return timingSafeEqual(this.#tagOf(id), tag) ? id : undefined;
  }

  #tagOf(id: string): Buffer {
    return createHmac('sha256', this.#macSecret).update(id).digest().subarray(0, TAG);
  }
}
