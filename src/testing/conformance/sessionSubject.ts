/** A session store under test, with sessions of its own: what else it may hold does not matter. */
import { deepStrictEqual, fail, strictEqual } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ExpiredSession, SessionRecord, SessionStore } from '../../index.ts';
import { comparable, plainRecord } from './storedRecords.ts';

/** A case of the contract. */
export type SessionCases = Readonly<Record<string, (subject: SessionSubject) => Promise<void>>>;

/** The time of a store, where it is simulated. */
export interface StoreTime {
  /** In ms since the epoch. */
  now(): number;
  /** Has so many ms pass. */
  pass(ms: number): unknown;
}

export class SessionSubject {
  readonly store: SessionStore;
  /** Opens the store again that was closed, as another process would; absent where it can't be. */
  readonly reopen: (() => SessionStore | Promise<SessionStore>) | undefined;
  readonly #time: StoreTime | undefined;
  readonly #run = randomUUID();
  readonly #ids = new Set<string>();

  constructor(store: SessionStore, reopen?: () => SessionStore | Promise<SessionStore>, time?: StoreTime) {
    this.store = store;
    this.reopen = reopen;
    this.#time = time;
  }

  /** The store's time, in ms since the epoch. */
  now(): number {
    return this.#time?.now() ?? Date.now();
  }

  /** Has time pass for the store, in ms, where that can be. Resolves to whether it did. */
  async pass(ms: number): Promise<boolean> {
    await this.#time?.pass(ms);
    return this.#time !== undefined;
  }

  /** A session id that nobody else has. */
  id(name: string | number): string {
    const id = `conformance-${this.#run}-${name}`;
    this.#ids.add(id);
    return id;
  }

  /** Removes what is left of its sessions, as far as the store does it. */
  async removeAll(): Promise<void> {
    const { store } = this;
    for (const id of this.#ids) {
      const loaded = await store.load(id).catch(() => undefined);
      if (loaded?.verdict === 'found') await store.remove(id, loaded.record.epoch).catch(() => {});
    }
  }

  /** A principal that nobody else is. */
  principal(name: string): string {
    return `${this.#run} ${name}`;
  }

  /** A session of this name, which is created. */
  async create(name: string | number, but: Partial<SessionRecord> = {}): Promise<SessionRecord> {
    const record = plainRecord(this.id(name), but);
    strictEqual(await this.store.create(record), 'created', `A new session was not created: ${label(record.id)}`);
    return record;
  }

  async record(id: string): Promise<SessionRecord> {
    const loaded = await this.store.load(id);
    if (loaded.verdict !== 'found') return fail(`There is a session ${label(id)}, and its record is ${loaded.verdict}`);
    return loaded.record;
  }

  /** The store has this record, in all its parts. */
  async expectRecord(record: SessionRecord): Promise<void> {
    deepStrictEqual(comparable(await this.record(record.id)), comparable(record));
  }

  async expectGone(id: string): Promise<void> {
    deepStrictEqual(await this.store.load(id), { verdict: 'gone' }, `${label(id)} is no session`);
    deepStrictEqual(await this.store.claim(id, 1), { verdict: 'gone' }, `${label(id)} is no session to claim`);
    strictEqual(await this.store.update(id, 1, { initialized: true }), 'gone', `${label(id)} is no session to change`);
    deepStrictEqual(await this.store.park(id, 1, { at: 1 }), { verdict: 'gone' }, `${label(id)} is no session to park`);
    strictEqual(await this.store.remove(id, 1), 'gone', `${label(id)} is no session to remove`);
    deepStrictEqual(await this.store.load(id), { verdict: 'gone' }, `${label(id)} came to be by what was not there`);
  }

  /** Nobody but who has another epoch may write. */
  async expectFenced(id: string, epoch: number): Promise<void> {
    const before = await this.record(id);
    strictEqual(await this.store.update(id, epoch, { initialized: !before.initialized }), 'fenced');
    deepStrictEqual(await this.store.park(id, epoch, { at: 1, change: { logLevel: 'error' } }), { verdict: 'fenced' });
    strictEqual(await this.store.remove(id, epoch), 'fenced');
    deepStrictEqual(await this.store.claim(id, epoch), { verdict: 'fenced' });
    await this.expectRecord(before);
  }

  async claim(id: string, seen: number): Promise<SessionRecord> {
    const claimed = await this.store.claim(id, seen);
    return claimed.verdict === 'claimed' ? claimed.record : fail(`A session could not be claimed: ${claimed.verdict}`);
  }

  async park(record: SessionRecord, at: number, maxParked?: number): Promise<string[]> {
    const parked = await this.store.park(record.id, record.epoch, { at, maxParked });
    return parked.verdict === 'parked'
      ? parked.evicted.map(({ id }) => id)
      : fail(`A session could not be parked: ${parked.verdict}`);
  }

  /** Those of the expired that are of this run, in the order in which the store has them. */
  async expired(by: number, pages = 1_000): Promise<ExpiredSession[]> {
    const all: ExpiredSession[] = [];
    for (let last: ExpiredSession | undefined; ; ) {
      const page = await this.store.expired(by, pages, last);
      if (page.length > pages) fail(`${pages} expired sessions were asked for, and there came ${page.length}`);
      all.push(...page);
      last = page.at(-1);
      if (last === undefined) return all.filter(({ id }) => id.startsWith(this.id('')));
    }
  }
}

export function label(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
