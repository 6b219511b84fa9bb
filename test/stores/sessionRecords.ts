/** Records of sessions, as the tests of stores make them. */
import type { SessionRecord } from '../../src/index.ts';

export const NOW = 1_800_000_000_000;

/** A record that can be told from others by its id. */
export function sessionRecord(id: string, but: Partial<SessionRecord> = {}): SessionRecord {
  return {
    format: 1,
    id,
    epoch: 1,
    principal: 'https://issuer.example user-1',
    createdAt: NOW,
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
      clientInfo: { name: 'editor', version: '1.2.3' },
    },
    protocolVersion: '2025-11-25',
    capabilities: { tools: { listChanged: true }, logging: {}, resources: { subscribe: true } },
    initialized: true,
    logLevel: null,
    subscriptions: [],
    state: '{}',
    lastActiveAt: NOW,
    idleDeadline: NOW + 1_800_000,
    lifetimeDeadline: null,
    parkedAt: null,
    history: [],
    ...but,
  };
}
