/** The protocol versions that an `MCP-Protocol-Version` header may name. */
import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import { FIRST_MODERN } from './era.ts';

/** The revisions in which there are sessions, newest first. */
export const SESSION_VERSIONS: readonly string[] = SUPPORTED_PROTOCOL_VERSIONS;

/** Those without (MCP 2026-07-28 and later) that SDK v2 serves. */
export const MODERN_VERSIONS: readonly string[] = [FIRST_MODERN];

const SUPPORTED: ReadonlySet<unknown> = new Set(SUPPORTED_PROTOCOL_VERSIONS);

/** The only revision in which a client may send several messages at once. */
export const BATCH_VERSION = '2025-03-26';

/** What a client is taken to speak that says nothing of it (MCP 2025-11-25, Protocol Version Header). */
export const ASSUMED_VERSION = '2025-03-26';

export function isSupportedVersion(version: string | string[]): boolean {
  return SUPPORTED.has(version);
}
