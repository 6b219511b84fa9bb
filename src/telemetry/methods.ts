/** The words that the protocol has a fixed number of, in all its revisions: what else a client says is `_OTHER`. */
import { OTHER } from './histogram.ts';

/** Methods of requests and notifications, in either direction. */
export const METHODS = [
  'completion/complete',
  'elicitation/create',
  'initialize',
  'logging/setLevel',
  'notifications/cancelled',
  'notifications/elicitation/complete',
  'notifications/initialized',
  'notifications/message',
  'notifications/progress',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
  'notifications/roots/list_changed',
  'notifications/tasks/status',
  'notifications/tools/list_changed',
  'ping',
  'prompts/get',
  'prompts/list',
  'resources/list',
  'resources/read',
  'resources/subscribe',
  'resources/templates/list',
  'resources/unsubscribe',
  'roots/list',
  'sampling/createMessage',
  'server/discover',
  'subscriptions/listen',
  'tasks/cancel',
  'tasks/get',
  'tasks/list',
  'tasks/result',
  'tasks/update',
  'tools/call',
  'tools/list',
] as const;

/** Revisions of the protocol. */
export const VERSIONS = ['2024-10-07', '2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] as const;

/** Codes of JSON-RPC errors that JSON-RPC, the protocol or this package give a meaning. */
export const CODES = [
  '-32700',
  '-32600',
  '-32601',
  '-32602',
  '-32603',
  '-32000',
  '-32001',
  '-32002',
  '-32003',
  '-32020',
  '-32021',
  '-32022',
  '-32042',
] as const;

const sets = new Map<readonly string[], ReadonlySet<string>>();

/** A word as a label: itself where it is among these. */
export function known(words: readonly string[], word: string): string {
  let set = sets.get(words);
  if (set === undefined) {
    set = new Set(words);
    sets.set(words, set);
  }
  return set.has(word) ? word : OTHER;
}
