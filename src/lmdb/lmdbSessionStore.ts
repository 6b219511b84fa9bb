/** The session store on LMDB: what is checked before, and whose turn it is; the table does the rest. */
import { Buffer } from 'node:buffer';
import { recordLines, textOf } from '../stores/recordText.ts';
import {
  checkChange,
  checkOwner,
  checkRecord,
  invalid,
  type RecordChange,
  type SessionRecord,
} from '../stores/sessionRecord.ts';
import {
  type Claimed,
  type ExpiredSession,
  type Loaded,
  MAX_EXPIRED,
  type Parked,
  type Parking,
  type SessionCount,
  type SessionStore,
} from '../stores/sessionStore.ts';
import type { LmdbStores } from './lmdbStores.ts';

/** Pages that a write changes at most: the ways to its entries in five databases. */
const PAGES = 20;
/** Pages that dropping an event changes. */
const PER_EVENT = 2;
/** What a record has here beside what others have of it, in bytes. */
const FOR_RUN = 32;
/** What an owner adds to a record, in bytes. */
const FOR_OWNER = 160;

export class LmdbSessionStore implements SessionStore {
  readonly durable = true;
  readonly exclusive = true;
  readonly counts = true;
  readonly #stores: LmdbStores;

  constructor(stores: LmdbStores) {
    this.#stores = stores;
  }

  async create(
    record: SessionRecord,
    { maxPerPrincipal = Number.POSITIVE_INFINITY }: { readonly maxPerPrincipal?: number | undefined } = {},
  ): Promise<'created' | 'exists' | 'principalFull'> {
    checkRecord(record);
    if (record.parkedAt !== null) throw invalid('it is parked before it was ever open');
    const lines = recordLines(record); // what is stored is what was given, whatever becomes of it until its turn
    const text = textOf(lines);
    const { sessions, writes } = await this.#stores.use();
    return writes.run({
      pages: () => PAGES,
      text: () => Buffer.byteLength(text) + FOR_RUN,
      apply: () => sessions.create(lines, maxPerPrincipal),
    });
  }

  async load(id: string): Promise<Loaded> {
    return (await this.#stores.use()).sessions.load(id);
  }

  async claim(id: string, seen: number, owner?: string): Promise<Claimed> {
    checkOwner(owner);
    const { sessions, writes } = await this.#stores.use();
    return writes.run({
      pages: () => PAGES,
      text: () => sessions.size(id) + FOR_OWNER,
      apply: () => sessions.claim(id, seen, owner),
    });
  }

  async update(id: string, epoch: number, change: RecordChange): Promise<'updated' | 'gone' | 'fenced'> {
    checkChange(change);
    const given = structuredClone(change);
    const { sessions, writes } = await this.#stores.use();
    const text = () => sessions.size(id) + sizeOf(given);
    return writes.run({ pages: () => PAGES, text, apply: () => sessions.update(id, epoch, given) });
  }

  async park(id: string, epoch: number, parking: Parking): Promise<Parked> {
    const { at, change = {}, maxParked } = parking;
    checkChange(change);
    if (!Number.isSafeInteger(at)) throw invalid('its parkedAt is not what it has to be');
    const given: Parking = { at, change: structuredClone(change), maxParked };
    const { sessions, writes } = await this.#stores.use();
    return writes.run({
      pages: () => PAGES + sessions.pagesToEvict(maxParked, PAGES),
      text: () => sessions.size(id) + sizeOf(change),
      apply: () => sessions.park(id, epoch, given),
    });
  }

  async remove(id: string, epoch: number): Promise<'removed' | 'gone' | 'fenced'> {
    const { sessions, writes } = await this.#stores.use();
    return writes.run({
      pages: () => PAGES + PER_EVENT * sessions.eventsOf(id),
      onlyRemoves: true,
      apply: () => sessions.remove(id, epoch),
    });
  }

  async expired(
    by: number,
    limit: number,
    after?: Pick<ExpiredSession, 'deadline' | 'id'>,
  ): Promise<readonly ExpiredSession[]> {
    return (await this.#stores.use()).sessions.expired(by, Math.min(limit, MAX_EXPIRED), after);
  }

  async count(): Promise<SessionCount> {
    return (await this.#stores.use()).sessions.count();
  }

  async countOf(principal: string | null): Promise<number> {
    return (await this.#stores.use()).sessions.countOf(principal);
  }

  /** Closes the event store as well: they are one. */
  close(): Promise<void> {
    return this.#stores.close();
  }
}

/** How many bytes a change has as text, at most. */
function sizeOf(change: RecordChange): number {
  return 3 * JSON.stringify(change).length;
}
