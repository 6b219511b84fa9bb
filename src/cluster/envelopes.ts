/**
 * Seals envelopes, and opens those of peers. The head is signed and names the life that it is meant for, so that it is
 * judged before anything else is read. The rest is encrypted, so that neither tokens nor what clients say can be read on
 * the wire, under the number that its head names, which no other content has. What was altered, is too old or came before
 * is not opened.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import type { Envelope, SealedEnvelope } from './envelope.ts';
import { envelopeText, parseEnvelope } from './envelopeText.ts';
import { Nonces } from './nonces.ts';
import { deriveKey, isSame, keysOf, type Secret, signatureOf } from './secrets.ts';

/** The number of this format: what has another one is not understood. */
const FORMAT = '1';

/** How far the clocks of two nodes may be apart, with the way from one to the other, in ms. */
export const ENVELOPE_LIFETIME = 10_000;

/** A head is no longer, in characters. */
const MAX_HEAD_LENGTH = 512;

/** Of a signature, the first half is sent and the second half proves that it was read: 16 bytes each. */
const HALF = 16;

/** Of AES-GCM, in bytes. */
const TAG_LENGTH = 16;

/** So many peers have their keys at hand. */
const MAX_KEYS = 1_000;

/** Why a head is not opened. `unknown`: it may come from a newer peer. */
export type HeadRefusal = 'unknown' | 'forged' | 'expired' | 'replayed' | 'full';

/** A head that was verified. */
export interface OpenedHead {
  readonly from: string;
  readonly to: string;
  /** Of the content, in bytes. */
  readonly size: number;
  /** Shows the sender that its head was verified, in base64url. */
  readonly proof: string;
  /** Opens the content; undefined where anything of it was altered. */
  open(content: Uint8Array): OpenedEnvelope | undefined;
}

export interface OpenedEnvelope {
  readonly envelope: Envelope;
  /** The body of its request. */
  readonly body: string | undefined;
}

export class Envelopes {
  readonly #secrets: readonly Secret[];
  readonly #signing: readonly KeyObject[];
  readonly #now: () => number;
  readonly #nonces = new Nonces(2 * ENVELOPE_LIFETIME);
  /** For each sender a key of its own, by secret and sender: so no number is used twice with a key. */
  readonly #encrypting = new Map<string, KeyObject>();
  /** The first half of each nonce. */
  readonly #start = randomBytes(6);
  #count = 0;

  /** `secrets` are one or two, the first of which seals. `now` tells ms since the epoch. */
  constructor(secrets: readonly Secret[], now: () => number = Date.now) {
    this.#secrets = secrets;
    this.#signing = keysOf(secrets, 'envelope heads');
    this.#now = now;
  }

  seal(envelope: Envelope, body: string | undefined): SealedEnvelope {
    const { from, to } = envelope;
    const nonce = this.#nextNonce();
    const cipher = createCipheriv('aes-256-gcm', this.#keyOf(0, from), nonce);
    const text = envelopeText(envelope, body);
    const fields = [FORMAT, this.#now().toString(36), nonce.toString('base64url'), from, to, sizeOf(text)].join(' ');
    const encrypted = cipher.update(text, 'utf8');
    cipher.final();
    const signature = signatureOf(this.#signing[0] as KeyObject, fields);
    return {
      head: `${fields} ${signature.toString('base64url', 0, HALF)}`,
      content: Buffer.concat([encrypted, cipher.getAuthTag()]),
      proof: signature.toString('base64url', HALF),
    };
  }

  /** Verifies a head. Each can be opened once. */
  open(head: string): OpenedHead | HeadRefusal {
    if (!head.startsWith(`${FORMAT} `)) return 'unknown';
    if (head.length > MAX_HEAD_LENGTH) return 'forged';
    const end = head.lastIndexOf(' ');
    const fields = head.slice(0, end);
    const given = Buffer.from(head.slice(end + 1));
    for (let which = 0; which < this.#signing.length; which++) {
      const signature = signatureOf(this.#signing[which] as KeyObject, fields);
      if (isSame(Buffer.from(signature.toString('base64url', 0, HALF)), given)) {
        return this.#judge(fields, which, signature.toString('base64url', HALF));
      }
    }
    return 'forged';
  }

  #judge(fields: string, which: number, proof: string): OpenedHead | HeadRefusal {
    const [, at = '', nonce = '', from = '', to = '', size = ''] = fields.split(' ');
    const now = this.#now();
    if (!(Math.abs(now - Number.parseInt(at, 36)) <= ENVELOPE_LIFETIME)) return 'expired';
    const taken = this.#nonces.take(nonce, now);
    if (taken !== 'taken') return taken;
    const open = (content: Uint8Array) => this.#decrypt(content, nonce, this.#keyOf(which, from));
    return { from, to, size: Number(size), proof, open };
  }

  #decrypt(content: Uint8Array, nonce: string, key: KeyObject): OpenedEnvelope | undefined {
    const end = content.length - TAG_LENGTH;
    if (end < 0) return undefined;
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'));
      decipher.setAuthTag(content.subarray(end));
      const text = decipher.update(content.subarray(0, end));
      decipher.final(); // throws where anything was altered: nothing of it is looked at before
      return parseEnvelope(text);
    } catch {
      return undefined;
    }
  }

  #keyOf(which: number, sender: string): KeyObject {
    const name = `${which} ${sender}`;
    const known = this.#encrypting.get(name);
    if (known !== undefined) return known;
    const key = deriveKey(this.#secrets[which] as Secret, 'envelopes', sender);
    if (this.#encrypting.size >= MAX_KEYS) this.#encrypting.clear();
    this.#encrypting.set(name, key);
    return key;
  }

  /** Never the same twice, here or at another sender of this life. */
  #nextNonce(): Buffer {
    const nonce = Buffer.allocUnsafe(12);
    this.#start.copy(nonce);
    nonce.writeUIntBE(++this.#count, 6, 6);
    return nonce;
  }
}

function sizeOf(text: string): number {
  return Buffer.byteLength(text) + TAG_LENGTH;
}
