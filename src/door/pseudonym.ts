/** Names that stand for ids and principals: the same for the same text while the process runs, and no way back. */
import { hash, randomBytes } from 'node:crypto';

/** 72 bits: among millions of sessions no two are taken for one. */
const LENGTH = 12;

export class Pseudonyms {
  readonly #salt = randomBytes(16).toString('hex');

  of(text: string): string {
    return hash('sha256', this.#salt + text, 'base64url').slice(0, LENGTH);
  }
}

/** A number from 0 up to 1 that follows from a pseudonym: what sampling goes by. */
export function fraction(pseudonym: string): number {
  return Buffer.from(pseudonym, 'base64url').readUInt32BE(0) / 2 ** 32;
}
