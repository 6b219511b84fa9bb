/**
 * What a session keeps of itself beyond its process: its record, which is made when it is opened, kept up to date by what
 * its client says and its server sets, and left behind when the incarnation parks, or removed when the session ends.
 */
import { Buffer } from 'node:buffer';
import type { Result } from '@modelcontextprotocol/sdk/types.js';
import { codeOf, isCoded, type RefusalName, SupervisorError } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import { isObject } from '../protocol/messages.ts';
import {
  type JsonObject,
  RECORD_FORMAT,
  RECORD_LIMITS,
  type RecordChange,
  type RecordedEvent,
  type SessionRecord,
} from '../stores/sessionRecord.ts';
import type { Note } from '../transport/notes.ts';
import type { SessionMemory } from '../transport/transportOptions.ts';
import { ACTIVITY_INTERVAL, type ActiveSession, type Activity } from './activity.ts';
import { Journal, type JournalHost } from './journal.ts';
import { once } from './persistence.ts';
import type { Records } from './records.ts';
import type { SessionState } from './sessionInfo.ts';

/** Bytes that the URIs of a session's subscriptions may have together: its record is bounded. */
const MAX_SUBSCRIPTION_BYTES = 256 * 1024;

/** What became of the last write of an incarnation. `fenced`: the record is another's by now, and was not touched. */
type LastWrite = 'done' | 'fenced' | 'storeUnavailable';

/** What is remembered of a session. */
export interface Remembered {
  readonly id: string;
  readonly principal: string | undefined;
  readonly createdAt: number;
  readonly lastActiveAt: number;
  readonly state: SessionState;
  /** `session.state` as JSON. */
  readonly stateText: string;
  readonly recordedHistory: readonly RecordedEvent[];
  /** Its record can't be written any more: it has to leave, and the record stays. */
  drop(error: unknown): void;
  terminate(reason: EndReason, error?: unknown): Promise<boolean>;
  /** No handler runs any more, and no question is open. */
  settled(): void;
}

/** What the memory of a session needs of the supervisor. */
export interface MemoryHost {
  readonly options: ResolvedOptions;
  readonly records: Records;
  readonly activity: Activity;
  /** The life of a cluster that new records belong to; `null` while there is none, undefined outside of a cluster. */
  owner(): string | null | undefined;
  log(entry: LogEntry): void;
}

export class Memory implements SessionMemory, ActiveSession, JournalHost {
  writtenAt = 0;
  readonly #session: Remembered;
  readonly #host: MemoryHost;
  #journal: Journal | undefined;
  /** The life of a cluster that the record belongs to, as long as this incarnation does. */
  #owner: string | undefined;
  #left = false;
  #initialized = false;
  readonly #subscriptions: Set<string>;
  #subscriptionBytes = 0;
  #isFull = false;
  #changed = { subscriptions: false, state: false };
  /** Resolves when the last write is done, or has failed: to what became of it. */
  readonly written: Promise<LastWrite>;
  #isWritten = (_: LastWrite) => {};
  #isOver = () => {};

  /** `record` is that of a session which is brought back. */
  constructor(session: Remembered, host: MemoryHost, record?: SessionRecord) {
    this.#session = session;
    this.#host = host;
    this.#subscriptions = new Set(record?.subscriptions);
    for (const uri of this.#subscriptions) this.#subscriptionBytes += sizeOf(uri);
    this.written = new Promise((resolve) => {
      this.#isWritten = resolve;
    });
    if (record === undefined) return;
    this.#initialized = record.initialized;
    this.#own(record.epoch, record.owner);
    this.writtenAt = Number.NEGATIVE_INFINITY; // its record says when it was active before
    this.touch();
  }

  /** Writes nothing any more: somebody else may have the record by now. */
  abandon(): void {
    this.#host.activity.forget(this);
    this.#journal?.abandon();
  }

  /** There is a record. */
  get exists(): boolean {
    return this.#journal !== undefined;
  }

  get isIdle(): boolean {
    return this.#session.state === 'idle';
  }

  /** Stores the record of a session whose initialize was answered; returns why that can't be, if so. */
  async create(initialize: JsonObject, result: Result): Promise<RefusalName | undefined> {
    const { records, options } = this.#host;
    const { store } = records;
    const owner = this.#host.owner();
    if (owner === null) return 'notJoined';
    const record = this.#record(initialize, result, owner);
    const { maxSessionsPerPrincipal: most } = options;
    const limits = store.counts && most !== Number.POSITIVE_INFINITY ? { maxPerPrincipal: most } : {};
    const remove = () => records.erase(record, 1, () => once(options.clock, () => store.remove(record.id, 1)));
    const created = store.create(record, limits);
    try {
      const verdict = await once(options.clock, () => created);
      if (verdict === 'principalFull') return 'principalFull';
      if (verdict === 'exists') throw new SupervisorError('INVALID_SESSION_ID', ID_EXISTS);
    } catch (error) {
      this.#log('error', 'sessionStore.failed', 'A session could not be stored, and was not opened', error);
      const isInvalid = isCoded(error, 'STORE_FAILED') && codeOf(error.cause) === 'INVALID_RECORD';
      if (isInvalid || isCoded(error, 'INVALID_SESSION_ID')) return 'serverFailed';
      records.removeLater(record, 1); // nobody knows whether it is there
      const late = async () => ((await created) === 'created' ? remove() : undefined); // or it will be, later
      late().catch(() => {});
      return 'storeUnavailable';
    }
    if (this.#left || this.#host.owner() !== owner) {
      // It has ended meanwhile, and nobody was told its id.
      void remove();
      return 'endedEarly';
    }
    records.created(record.id);
    this.#own(1, owner);
    if (this.#session.stateText !== record.state) this.stateChanged();
    this.touch();
    return undefined;
  }

  /** The session is active. */
  touch(): void {
    if (this.#journal !== undefined) this.#host.activity.note(this);
  }

  writeActivity(): void {
    this.writtenAt = this.#host.options.clock.now();
    this.#journal?.touch(this.#activity());
  }

  stateChanged(): void {
    this.#changed.state = true;
    this.#write({});
  }

  // --- what the transport tells

  note(note: Note): void {
    if (note.what === 'initialized') {
      if (this.#initialized) return;
      this.#initialized = true;
      this.#write({ initialized: true });
    } else if (note.what === 'logLevel') {
      this.#write({ logLevel: note.level });
    } else if (note.what === 'subscribed' ? this.#subscribe(note.uri) : this.#unsubscribe(note.uri)) {
      this.#changed.subscriptions = true;
      this.#write({});
    }
  }

  stored(): Promise<boolean> | undefined {
    return this.#journal?.stored();
  }

  settled(): void {
    this.#session.settled();
  }

  // --- what the journal tells

  awaited<T>(writing: Promise<T>): Promise<T> {
    return this.#host.records.patience.written(writing);
  }

  get mayWrite(): boolean {
    return this.#host.owner() === this.#owner;
  }

  lost(error: unknown): void {
    this.#session.drop(error);
  }

  gone(): void {
    void this.#session.terminate('terminated', new Error('Its record was removed by somebody else'));
  }

  // --- the end

  /** The incarnation leaves: whoever asks for the session has to wait from now on. */
  leaving(): void {
    this.#host.activity.forget(this);
    this.#left = true;
    if (!this.exists) return this.#isWritten('done');
    const over = new Promise<void>((resolve) => {
      this.#isOver = resolve;
    });
    void this.#host.records.close(this.#owned, () => over);
  }

  /**
   * Writes for the last time while the incarnation ends: parks the session, or removes its record. Resolves when both are
   * done; a store that hangs is not waited for longer than `shutdownTimeout`, nor than a drain has patience with it, but by
   * the next incarnation. Never rejects.
   */
  async leave(parks: boolean, end: () => Promise<void>): Promise<void> {
    const { options, records } = this.#host;
    const written = this.#finish(parks);
    const ended = end();
    void Promise.all([written, parks && ended]).then(() => this.#isOver());
    await Promise.all([records.patience.wait(options.shutdownTimeout, written), ended]);
  }

  // --- within

  async #finish(parks: boolean): Promise<void> {
    if (this.exists) this.#isWritten(parks ? await this.#park() : await this.#erase());
  }

  get #owned() {
    const { id, principal } = this.#session;
    return { id, principal: principal ?? null };
  }

  #own(epoch: number, owner: string | undefined): void {
    const { records, options } = this.#host;
    this.#owner = owner;
    this.writtenAt = options.clock.now();
    this.#journal = new Journal(records.store, options.clock, this.#session.id, epoch, this);
  }

  async #park(): Promise<LastWrite> {
    const { records, options } = this.#host;
    const { maxParkedSessions } = options;
    const at = Math.round(options.clock.now());
    try {
      const change = { ...this.#activity(), ...this.#rest() };
      const parked = await this.#journal?.park({ at, change, maxParked: maxParkedSessions });
      if (parked?.verdict !== 'parked') return parked?.verdict === 'gone' ? 'done' : 'fenced';
      records.parked++;
      records.evicted(parked.evicted);
      return 'done';
    } catch (error) {
      this.#log('warn', 'sessionStore.failed', 'What a parked session did last could not be stored', error);
      return 'storeUnavailable';
    }
  }

  async #erase(): Promise<LastWrite> {
    const journal = this.#journal as Journal;
    const { records } = this.#host;
    const outcome = await records.erase(this.#owned, journal.epoch, () => journal.remove());
    if (outcome === 'fenced') records.told(this.#session.id); // it has gone on elsewhere, and may yet be ended there
    return outcome === 'removed' || outcome === 'gone' ? 'done' : outcome;
  }

  #write(change: RecordChange): void {
    this.#journal?.change(change, () => this.#rest());
  }

  /** What was changed and is made into text only when it is written. */
  #rest(): RecordChange {
    const { subscriptions, state } = this.#changed;
    this.#changed = { subscriptions: false, state: false };
    return {
      ...(subscriptions && { subscriptions: [...this.#subscriptions] }),
      ...(state && { state: this.#session.stateText }),
    };
  }

  /**
   * When it was active last, and until when that lets it live. While it has an incarnation it may have been active since:
   * until `ACTIVITY_INTERVAL` after this nobody writes that down.
   */
  #activity(): RecordChange {
    const { lastActiveAt, recordedHistory, state } = this.#session;
    const { clock, sessionIdleTimeout } = this.#host.options;
    const now = clock.now();
    const last = state === 'idle' || state === 'parked' ? lastActiveAt : now;
    const deadline = sessionIdleTimeout + (state === 'parked' ? last : now + ACTIVITY_INTERVAL);
    return { lastActiveAt: Math.round(last), idleDeadline: timeOf(deadline), history: recordedHistory };
  }

  #record(initialize: JsonObject, result: Result, owner: string | undefined): SessionRecord {
    const { id, principal, createdAt, stateText } = this.#session;
    const { capabilities, protocolVersion } = result;
    return {
      format: RECORD_FORMAT,
      id,
      epoch: 1,
      principal: principal ?? null,
      createdAt: Math.round(createdAt),
      initialize,
      protocolVersion: String(protocolVersion),
      capabilities: isObject(capabilities) ? capabilities : {},
      initialized: false,
      logLevel: null,
      subscriptions: [],
      state: stateText,
      lifetimeDeadline: timeOf(createdAt + this.#host.options.maxSessionLifetime),
      parkedAt: null,
      ...(owner !== undefined && { owner }),
      ...(this.#activity() as Required<Pick<RecordChange, 'lastActiveAt' | 'idleDeadline' | 'history'>>),
    };
  }

  #subscribe(uri: string): boolean {
    if (this.#subscriptions.has(uri)) return false;
    const bytes = this.#subscriptionBytes + sizeOf(uri);
    if (this.#subscriptions.size >= RECORD_LIMITS.subscriptions || bytes > MAX_SUBSCRIPTION_BYTES) {
      if (this.#isFull) return false;
      this.#isFull = true; // told of once
      this.#log('warn', 'session.subscriptionsFull', 'A session has more subscriptions than outlive its process');
      return false;
    }
    this.#subscriptionBytes = bytes;
    this.#subscriptions.add(uri);
    return true;
  }

  #unsubscribe(uri: string): boolean {
    if (!this.#subscriptions.delete(uri)) return false;
    this.#subscriptionBytes -= sizeOf(uri);
    return true;
  }

  #log(level: LogEntry['level'], event: LogEntry['event'], message: string, error?: unknown): void {
    const cause = error === undefined ? {} : { error };
    this.#host.log({ level, event, message, sessionId: this.#session.id, ...cause });
  }
}

const ID_EXISTS = 'sessionIdGenerator returned an id that the session store has a session by';

/** Bytes of a URI among others, as JSON. */
function sizeOf(uri: string): number {
  return Buffer.byteLength(JSON.stringify(uri)) + 1;
}

/** In whole ms; `null` for never. */
function timeOf(time: number): number | null {
  return time === Number.POSITIVE_INFINITY ? null : Math.round(time);
}
