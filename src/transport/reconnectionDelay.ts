/**
 * When the clients of a session come back that the embedder did not decide it for. The SDKs' clients try twice: after the
 * delay, and after it once more. So it is sized to a server that is started again, and spread over the sessions, since
 * after a restart the clients of all of them wait at once.
 */

/** The middle of the delays, in ms. */
const MIDDLE = 5_000;

/** How far they go to either side, as a part of the middle. */
const SPREAD = 0.2;

/** A session's delay, in ms: always the same for the same id, in whichever process. */
export function reconnectionDelay(sessionId: string): number {
  return Math.round(MIDDLE * (1 - SPREAD + 2 * SPREAD * fraction(sessionId)));
}

/** A number from 0 to 1 that a text leads to: FNV-1a, then MurmurHash3's last step, since ids may differ in one digit. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
