/**
 * The two eras of MCP on HTTP: revisions up to 2025-11-25 have sessions, those from 2026-07-28 on have none, and say with
 * each request which of them it is of: in the header `MCP-Protocol-Version` and in `_meta` of its parameters.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { isObject } from './messages.ts';

/** The first revision without sessions. Revisions are dates, so texts compare as they do. */
export const FIRST_MODERN = '2026-07-28';

/** Where in `_meta` a request claims a revision (MCP 2026-07-28, Request Metadata). */
export const CLAIM = 'io.modelcontextprotocol/protocolVersion';

/** Where in it a client says who it is. */
export const CLIENT_INFO = 'io.modelcontextprotocol/clientInfo';

/** The request by which a modern client asks what a server is. */
const DISCOVER = 'server/discover';

const DATE = /^\d{4}-\d{2}-\d{2}/;

/** Whether a version is one without sessions, known or not. What is no date is of no era. */
export function isModern(version: unknown): version is string {
  return typeof version === 'string' && version >= FIRST_MODERN && DATE.test(version);
}

/** The request that opens a stream of what changes. */
const LISTEN = 'subscriptions/listen';

export function asksToListen(body: unknown): boolean {
  return isObject(body) && body['method'] === LISTEN;
}

/** Whether a message claims to be of a revision without sessions. */
export function claimsModern(message: JSONRPCMessage): boolean {
  const meta: unknown = 'params' in message ? message.params?._meta : undefined;
  const claim = isObject(meta) ? meta[CLAIM] : undefined;
  // Whatever it names: only revisions without sessions have claims, and what no revision is called is refused as one of them.
  return typeof claim === 'string' && claim >= FIRST_MODERN;
}

/** Whether some of the messages do. */
export function someClaimModern(messages: readonly JSONRPCMessage[]): boolean {
  for (const message of messages) if (claimsModern(message)) return true;
  return false;
}

/** Whether a message that names no session is of none, by what it says itself. */
export function isFirstOfNoSession(message: JSONRPCMessage): boolean {
  return claimsModern(message) || ('method' in message && message.method === DISCOVER);
}
