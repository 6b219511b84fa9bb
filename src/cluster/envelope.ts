/** What one node says to another: a request as the edge has admitted it, that a session is to end, or how it is. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { EndReason } from '../machines/reasons.ts';
import type { RequestHeaders } from '../transport/exchange.ts';

export interface Envelope {
  readonly kind: 'request' | 'terminate' | 'look';
  /** The life of the node that sends it. */
  readonly from: string;
  /** The life that is meant by it, and no other one. */
  readonly to: string;
  readonly sessionId: string;
  /** Who sent the request, as the edge found out; null for nobody in particular. */
  readonly principal: string | null;
  readonly authInfo: AuthInfo | undefined;
  readonly method: string;
  /** The whole URL, as the edge was asked for it. */
  readonly url: string;
  /** Those that are for the end; what is between two neighbours is left out. */
  readonly headers: RequestHeaders;
  /** Why the session is to end. */
  readonly reason?: EndReason | undefined;
  /** The incarnation that is meant, where one is. */
  readonly epoch?: number | undefined;
}

/** An envelope as it goes over the wire. */
export interface SealedEnvelope {
  /** Signed, and judged before anything else is read: visible ASCII and spaces, 400 characters at most. */
  readonly head: string;
  /** The envelope and the body of its request, encrypted. */
  readonly content: Uint8Array;
  /** What only somebody can answer who has the secret and has read the head, in base64url. */
  readonly proof: string;
}
