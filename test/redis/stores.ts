/** Stores in Redis for a test, under keys that nobody else has; closed when it ends. */
import { randomUUID } from 'node:crypto';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { SessionRecord } from 'mcp-session-supervisor';
import { createRedisStores, type RedisStores } from 'mcp-session-supervisor/redis';
import { onTestFinished } from 'vitest';
import { sessionRecord } from '../stores/sessionRecords.ts';

export interface TestStores extends RedisStores {
  readonly prefix: string;
  /** The keys of a session: its record and its events. */
  readonly keys: (id: string) => [record: string, events: string];
}

export function storesAt(url: string, prefix = `test-${randomUUID()}:`): TestStores {
  const stores = createRedisStores({ url, prefix });
  onTestFinished(() => stores.close());
  return { ...stores, prefix, keys: (id) => [`${prefix}{${id}}:session`, `${prefix}{${id}}:events`] };
}

/** A new session of a name that no other test has. */
export function newRecord(but: Partial<SessionRecord> = {}): SessionRecord {
  return sessionRecord(`s-${randomUUID()}`, but);
}

export function message(text: string | number): JSONRPCMessage {
  return { jsonrpc: '2.0', method: 'notifications/message', params: { text } };
}

/** What is replayed after an event: the ids; undefined when the event is not there. */
export async function replayed(store: RedisStores['eventStore'], id: string): Promise<string[] | undefined> {
  const ids: string[] = [];
  const stream = await store.replayEventsAfter(id, { send: async (eventId) => void ids.push(eventId) });
  return stream === '' ? undefined : ids;
}
