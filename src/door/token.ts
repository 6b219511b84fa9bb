/** What a token may be: hard to guess, and able to stand in a URL and in a header. */
import { randomBytes } from 'node:crypto';

const SHORTEST_TOKEN = 16;

/** What is allowed, as it ends the sentence "token must be …". */
export const TOKEN_RULE = `at least ${SHORTEST_TOKEN} letters, digits or -._~`;

export function isToken(text: string): boolean {
  return text.length >= SHORTEST_TOKEN && /^[\w.~-]+$/.test(text);
}

export function randomToken(): string {
  return randomBytes(32).toString('base64url');
}
