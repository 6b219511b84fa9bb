/**
 * A session store whose answers are looked at: one that says what it can't say has failed. Nothing that a store makes up
 * becomes a session, least of all the record of another one.
 */
import { isObject } from '../protocol/messages.ts';
import { type JsonObject, wrongMember } from '../stores/sessionRecord.ts';
import type { SessionStore } from '../stores/sessionStore.ts';
import type { Observers } from './observers.ts';
import type { Patience } from './patience.ts';
import type { Pending } from './pending.ts';

/**
 * What the store is asked counts as `pending` until it is through with it, and is told to those who observe; each answer is
 * news of it for `patience`.
 */
export function checkedStore(
  store: SessionStore,
  pending: Pending,
  patience: Patience,
  observers?: Observers,
): SessionStore {
  const checked = observing(checking(store), observers);
  return {
    ...checked,
    load: (...given) => patience.note(checked.load(...given)),
    create: (...given) => patience.note(pending.watch(() => checked.create(...given))),
    claim: (...given) => patience.note(pending.watch(() => checked.claim(...given))),
    update: (...given) => patience.note(pending.watch(() => checked.update(...given))),
    park: (...given) => patience.note(pending.watch(() => checked.park(...given))),
    remove: (...given) => patience.note(pending.watch(() => checked.remove(...given))),
    expired: (...given) => patience.note(pending.watch(() => checked.expired(...given))),
  };
}

function observing(store: SessionStore, observers: Observers | undefined): SessionStore {
  if (observers === undefined) return store;
  const tell = <T>(operation: string, operate: () => Promise<T>): Promise<T> =>
    observers.any ? observers.timed('session', operation, operate) : operate();
  return {
    ...store,
    create: (...given) => tell('create', () => store.create(...given)),
    load: (...given) => tell('load', () => store.load(...given)),
    claim: (...given) => tell('claim', () => store.claim(...given)),
    update: (...given) => tell('update', () => store.update(...given)),
    park: (...given) => tell('park', () => store.park(...given)),
    remove: (...given) => tell('remove', () => store.remove(...given)),
    expired: (...given) => tell('expired', () => store.expired(...given)),
    count: () => tell('count', () => store.count()),
  };
}

function checking(store: SessionStore): SessionStore {
  return {
    durable: store.durable === true,
    counts: store.counts === true,
    expires: store.expires === true,
    create: async (record, limits) =>
      oneOf('create', await store.create(record, limits), ['created', 'exists', 'principalFull']),
    load: async (id) => verdictOf('load', await store.load(id), ['found', 'gone', 'unreadable'], id),
    claim: async (id, seen, owner) => {
      const claimed = await store.claim(id, seen, owner);
      const verdict = verdictOf('claim', claimed, ['claimed', 'gone', 'fenced', 'unreadable'], id);
      if (verdict.verdict === 'claimed' && verdict.record.owner !== owner) refuse('claim');
      return verdict;
    },
    update: async (id, epoch, change) =>
      oneOf('update', await store.update(id, epoch, change), ['updated', 'gone', 'fenced']),
    park: async (id, epoch, parking) => {
      const parked = verdictOf('park', await store.park(id, epoch, parking), ['parked', 'gone', 'fenced']);
      if (parked.verdict === 'parked' && !Array.isArray(parked.evicted)) refuse('park');
      return parked;
    },
    remove: async (id, epoch) => oneOf('remove', await store.remove(id, epoch), ['removed', 'gone', 'fenced']),
    expired: async (by, limit, after) => {
      const expired: unknown = await store.expired(by, limit, after);
      return Array.isArray(expired) ? expired : refuse('expired');
    },
    count: async () => {
      const count = await store.count();
      return typeof count?.parked === 'number' ? count : refuse('count');
    },
    countOf: (principal) => store.countOf(principal),
    close: () => store.close(),
  };
}

function oneOf<T>(operation: string, outcome: T, possible: readonly T[]): T {
  return possible.includes(outcome) ? outcome : refuse(operation);
}

/** `id` is that of the record which comes along, if one does. */
function verdictOf<T extends { readonly verdict: string }>(
  operation: string,
  outcome: T,
  possible: readonly T['verdict'][],
  id?: string,
): T {
  if (!isObject(outcome) || !possible.includes(outcome.verdict)) return refuse(operation);
  if (outcome.verdict !== 'found' && outcome.verdict !== 'claimed') return outcome;
  const { record } = outcome as { readonly record?: unknown };
  if (!isObject(record) || record['id'] !== id || wrongMember(record as JsonObject) !== undefined) refuse(operation);
  return outcome;
}

function refuse(operation: string): never {
  throw new Error(`What the session store answered is no answer to ${operation}`);
}
