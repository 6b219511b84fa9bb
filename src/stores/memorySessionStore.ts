/**
 * A session store in memory: sessions can be parked, and are gone with the process. Built to hold a million of them, so
 * what clients say alike in their initialize is kept once, and the rest as tightly as plain objects allow.
 */
import { SupervisorError } from '../errors.ts';
import { changedLines, type RecordLines, readRecord, recordLines, type Standing, textOf } from './recordText.ts';
import {
  checkChange,
  checkOwner,
  checkRecord,
  deadlineOf,
  invalid,
  RECORD_FORMAT,
  type RecordChange,
  type SessionRecord,
} from './sessionRecord.ts';
import {
  type Claimed,
  type EvictedSession,
  type ExpiredSession,
  type Loaded,
  MAX_EVICTED,
  MAX_EXPIRED,
  type Parked,
  type Parking,
  type SessionCount,
  type SessionStore,
} from './sessionStore.ts';
import { type SharedText, SharedTexts } from './sharedTexts.ts';
import { TimeHeap } from './timeHeap.ts';

/**
 * A session as it is kept. Times are since the store was made: a number below 2^31 takes no memory of its own in V8, so
 * those of the first weeks do not.
 */
interface Kept {
  readonly id: string;
  readonly principal: string | null;
  readonly handshake: SharedText;
  readonly createdAt: number;
  readonly lifetimeDeadline: number | null;
  epoch: number;
  initialized: boolean;
  logLevel: string | null;
  lastActiveAt: number;
  idleDeadline: number | null;
  parkedAt: number | null;
  owner: string | undefined;
  notes: string;
  state: string;
  /** Its places among those that have a deadline, and among those that are parked; -1 for none. */
  byDeadline: number;
  byParking: number;
}

/**
 * Makes a session store in memory: parking without durability, so a drain ends its sessions as one without a store does.
 * @example
 * ```ts
 * import { createMemorySessionStore, createSessionSupervisor } from 'mcp-session-supervisor';
 *
 * // Idle sessions give up their servers after five minutes, and have them again when they are asked for.
 * const supervisor = createSessionSupervisor({
 *   server,
 *   sessionStore: createMemorySessionStore(),
 *   parkAfter: 5 * 60_000,
 * });
 * ```
 */
export function createMemorySessionStore(): SessionStore {
  return new MemorySessionStore();
}

class MemorySessionStore implements SessionStore {
  readonly durable = false;
  readonly counts = true;
  readonly #since = Date.now();
  readonly #sessions = new Map<string, Kept>();
  readonly #perPrincipal = new Map<string | null, number>();
  /** What clients of one kind say and are told is the same. */
  readonly #handshakes = new SharedTexts();
  readonly #deadlines = new TimeHeap<Kept>({
    get: ({ byDeadline }) => byDeadline,
    set: (kept, at) => {
      kept.byDeadline = at;
    },
  });
  readonly #parked = new TimeHeap<Kept>({
    get: ({ byParking }) => byParking,
    set: (kept, at) => {
      kept.byParking = at;
    },
  });
  #closed = false;

  async create(
    record: SessionRecord,
    { maxPerPrincipal = Number.POSITIVE_INFINITY }: { readonly maxPerPrincipal?: number | undefined } = {},
  ): Promise<'created' | 'exists' | 'principalFull'> {
    this.#checkOpen();
    checkRecord(record);
    if (record.parkedAt !== null) throw invalid('it is parked before it was ever open');
    const lines = recordLines(record);
    textOf(lines); // refuses what is too large
    if (this.#sessions.has(record.id)) return 'exists';
    const [id, principal] = [inOnePiece(record.id), inOnePiece(record.principal)];
    const count = this.#perPrincipal.get(principal) ?? 0;
    if (count >= maxPerPrincipal) return 'principalFull';
    this.#perPrincipal.set(principal, count + 1);
    const kept: Kept = {
      id,
      principal,
      handshake: this.#handshakes.take(lines.handshake),
      createdAt: moved(record.createdAt, -this.#since),
      lifetimeDeadline: moved(record.lifetimeDeadline, -this.#since),
      epoch: record.epoch,
      initialized: record.initialized,
      logLevel: record.logLevel,
      lastActiveAt: moved(record.lastActiveAt, -this.#since),
      idleDeadline: moved(record.idleDeadline, -this.#since),
      parkedAt: null,
      owner: record.owner,
      notes: common(lines.notes),
      state: common(lines.state),
      byDeadline: -1,
      byParking: -1,
    };
    this.#sessions.set(id, kept);
    this.#deadlines.set(kept, deadlineOf(kept));
    return 'created';
  }

  async load(id: string): Promise<Loaded> {
    this.#checkOpen();
    const kept = this.#sessions.get(id);
    return kept === undefined ? { verdict: 'gone' } : { verdict: 'found', record: this.#record(kept) };
  }

  async claim(id: string, seen: number, owner?: string): Promise<Claimed> {
    checkOwner(owner);
    const kept = this.#owned(id, seen);
    if (typeof kept === 'string') return { verdict: kept };
    kept.epoch++;
    kept.owner = owner;
    kept.parkedAt = null;
    this.#parked.delete(kept);
    return { verdict: 'claimed', record: this.#record(kept) };
  }

  async update(id: string, epoch: number, change: RecordChange): Promise<'updated' | 'gone' | 'fenced'> {
    checkChange(change);
    const kept = this.#owned(id, epoch);
    if (typeof kept === 'string') return kept;
    this.#change(kept, change);
    return 'updated';
  }

  async park(id: string, epoch: number, { at, change = {}, maxParked = Infinity }: Parking): Promise<Parked> {
    checkChange(change);
    if (!Number.isSafeInteger(at)) throw invalid('its parkedAt is not what it has to be');
    const kept = this.#owned(id, epoch);
    if (typeof kept === 'string') return { verdict: kept };
    this.#change(kept, change);
    this.#parked.delete(kept);
    const evicted: EvictedSession[] = [];
    while (this.#parked.size >= maxParked && evicted.length < MAX_EVICTED) {
      const longest = this.#parked.first;
      if (longest === undefined) break;
      evicted.push({ id: longest.id, record: this.#record(longest) });
      this.#forget(longest);
    }
    kept.owner = undefined;
    kept.parkedAt = moved(at, -this.#since);
    this.#parked.set(kept, kept.parkedAt);
    return { verdict: 'parked', evicted };
  }

  async remove(id: string, epoch: number): Promise<'removed' | 'gone' | 'fenced'> {
    const kept = this.#owned(id, epoch);
    if (typeof kept === 'string') return kept;
    this.#forget(kept);
    return 'removed';
  }

  async expired(
    by: number,
    limit: number,
    after?: Pick<ExpiredSession, 'deadline' | 'id'>,
  ): Promise<readonly ExpiredSession[]> {
    this.#checkOpen();
    const most = Math.min(limit, MAX_EXPIRED);
    const expired: ExpiredSession[] = [];
    if (most < 1) return expired;
    const behind = after && { time: after.deadline - this.#since, id: after.id };
    for (const { item, time } of this.#deadlines.upTo(by - this.#since, behind)) {
      expired.push({ id: item.id, epoch: item.epoch, deadline: time + this.#since });
      if (expired.length >= most) break;
    }
    return expired;
  }

  async count(): Promise<SessionCount> {
    this.#checkOpen();
    return { sessions: this.#sessions.size, parked: this.#parked.size };
  }

  async countOf(principal: string | null): Promise<number> {
    this.#checkOpen();
    return this.#perPrincipal.get(principal) ?? 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sessions.clear();
    this.#perPrincipal.clear();
    this.#deadlines.clear();
    this.#parked.clear();
  }

  #checkOpen(): void {
    if (this.#closed) throw new SupervisorError('STORE_CLOSED', 'The session store was closed');
  }

  /** The session, if this is its epoch. */
  #owned(id: string, epoch: number): Kept | 'gone' | 'fenced' {
    this.#checkOpen();
    const kept = this.#sessions.get(id);
    if (kept === undefined) return 'gone';
    return kept.epoch === epoch ? kept : 'fenced';
  }

  /** Throws before anything is changed. */
  #change(kept: Kept, change: RecordChange): void {
    const lines = changedLines(this.#lines(kept), this.#standing(kept), change);
    textOf(lines); // refuses what is too large
    if (change.initialized !== undefined) kept.initialized = change.initialized;
    if (change.logLevel !== undefined) kept.logLevel = change.logLevel;
    if (change.lastActiveAt !== undefined) kept.lastActiveAt = moved(change.lastActiveAt, -this.#since);
    if (change.idleDeadline !== undefined) {
      kept.idleDeadline = moved(change.idleDeadline, -this.#since);
      this.#deadlines.set(kept, deadlineOf(kept));
    }
    if (lines.notes !== kept.notes) kept.notes = common(lines.notes);
    if (lines.state !== kept.state) kept.state = common(lines.state);
  }

  #standing(kept: Kept): Standing {
    return {
      format: RECORD_FORMAT,
      id: kept.id,
      epoch: kept.epoch,
      principal: kept.principal,
      createdAt: kept.createdAt + this.#since,
      initialized: kept.initialized,
      logLevel: kept.logLevel,
      lastActiveAt: kept.lastActiveAt + this.#since,
      idleDeadline: moved(kept.idleDeadline, this.#since),
      lifetimeDeadline: moved(kept.lifetimeDeadline, this.#since),
      parkedAt: moved(kept.parkedAt, this.#since),
      ...(kept.owner !== undefined && { owner: kept.owner }),
    };
  }

  #lines(kept: Kept): RecordLines {
    const { handshake, notes, state } = kept;
    return { standing: JSON.stringify(this.#standing(kept)), handshake: handshake.text, notes, state };
  }

  /** Made of text each time, so that it is the caller's. */
  #record(kept: Kept): SessionRecord {
    const record = readRecord(textOf(this.#lines(kept)));
    if ('verdict' in record) throw new SupervisorError('STORE_FAILED', `A session can't be read: ${record.why}`);
    return record;
  }

  #forget(kept: Kept): void {
    this.#sessions.delete(kept.id);
    this.#deadlines.delete(kept);
    this.#parked.delete(kept);
    this.#handshakes.giveBack(kept.handshake);
    const count = (this.#perPrincipal.get(kept.principal) ?? 1) - 1;
    if (count === 0) this.#perPrincipal.delete(kept.principal);
    else this.#perPrincipal.set(kept.principal, count);
  }
}

/** A time by another beginning. */
function moved<T extends number | null>(time: T, by: number): T {
  if (time === null) return time;
  const sum = time + by;
  // V8 gives what was computed a box, also where it would need none.
  return ((sum | 0) === sum ? sum | 0 : sum) as T;
}

/** The same text in one piece: V8 remembers of which pieces a text was made, for as long as it lives. */
function inOnePiece<T extends string | null>(text: T): T {
  return JSON.parse(JSON.stringify(text));
}

/** What most sessions have, which then takes no memory of each. */
const COMMON = new Map(['{}', '{"subscriptions":[],"history":[]}'].map((text) => [text, text]));

function common(text: string): string {
  return COMMON.get(text) ?? inOnePiece(text);
}
