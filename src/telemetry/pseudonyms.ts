/** Names that stand for session ids: the same for the same id under the same key, and no way back. */
import { createHmac, randomBytes } from 'node:crypto';

/** 96 bits: among millions of sessions no two are taken for one. */
const LENGTH = 16;

/** Makes pseudonyms under a key; without one, under one that ends with the process. */
export function pseudonyms(key: string | undefined): (id: string) => string {
  const secret = key ?? randomBytes(32);
  return (id) => createHmac('sha256', secret).update(id).digest('base64url').slice(0, LENGTH);
}
