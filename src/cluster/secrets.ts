/**
 * What the nodes of a cluster have in common, and nobody else: secrets, two at most, so that they can be exchanged one node
 * after the other. The first one makes what is new, each one vouches for what it has made. Nothing is done with a secret
 * itself: each purpose has a key of its own.
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { invalid } from '../errors.ts';

/** A secret of a cluster: 32 bytes or more, which nobody can guess. */
export type Secret = string | Uint8Array;

/** In bytes: what SHA-256 and AES-256 take. */
const KEY_LENGTH = 32;

/** The key of one purpose. `salt` tells keys of one purpose apart. */
export function deriveKey(secret: Secret, purpose: string, salt = ''): KeyObject {
  return createSecretKey(
    Buffer.from(hkdfSync('sha256', secret, salt, `mcp-session-supervisor ${purpose}`, KEY_LENGTH)),
  );
}

/**
 * The keys of one purpose, the one that makes what is new first.
 * @throws {SupervisorError} `INVALID_OPTION` without a secret.
 */
export function keysOf(secrets: readonly Secret[], purpose: string): readonly KeyObject[] {
  if (secrets.length === 0) invalid('The secrets of a cluster', secrets, 'one or two');
  return secrets.map((secret) => deriveKey(secret, purpose));
}

/** What vouches for a text. */
export function signatureOf(key: KeyObject, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Takes as long wherever they differ. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
