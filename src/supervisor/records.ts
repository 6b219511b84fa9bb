/**
 * The records of sessions, as the supervisor sees them: read within bounds, written once at a time for each session, and
 * what ends there is told like any other ending. Three verdicts are kept apart: a session that is there, one that is
 * not (404), and a store that does not say (503).
 */
import type { Clock } from '../clock.ts';
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import { initializeParams } from '../protocol/initialize.ts';
import { isObject } from '../protocol/messages.ts';
import { type ForgettingEventStore, streamPrefix } from '../stores/eventLog.ts';
import { deadlineOf, isSessionId, type SessionRecord } from '../stores/sessionRecord.ts';
import type { EvictedSession, Loaded, SessionStore } from '../stores/sessionStore.ts';
import { atMost } from './atMost.ts';
import { checkedStore } from './checkedStore.ts';
import { Loads } from './loads.ts';
import { Misses } from './misses.ts';
import type { Observers } from './observers.ts';
import { Patience } from './patience.ts';
import { Pending } from './pending.ts';
import { once, removal } from './persistence.ts';
import { infoOf } from './recordInfo.ts';
import type { SessionInfo } from './sessionInfo.ts';

/** Removals that failed and are tried again; while they are remembered, their ids are answered 404. */
const MAX_FAILED_REMOVALS = 10_000;

/** Ends that are remembered. An id never comes again, so more would only be of use to a store that is slow for long. */
const MAX_TOLD = 1_000;

/** What the records need of the supervisor. */
export interface RecordsHost {
  readonly options: ResolvedOptions;
  /** Who observes; undefined where nobody can. */
  readonly observers?: Observers | undefined;
  log(entry: LogEntry): void;
  /** The session has an incarnation here, or is being brought back: its actor decides when it ends. */
  livesHere(id: string): boolean;
  /** The life of a cluster that claims are made for; `null` while there is none, undefined outside of a cluster. */
  owner(): string | null | undefined;
  /** Whether the life goes on, or may, that has a session: then it decides when that ends. */
  mayLive(owner: string): Promise<boolean>;
  /** A session has ended that had no incarnation. */
  endedAside(info: SessionInfo, reason: EndReason): void;
}

/** A session, as far as it matters whose it is. */
interface Owned {
  readonly id: string;
  readonly principal: string | null;
}

interface FailedRemoval extends Owned {
  readonly epoch: number;
  readonly removed: () => void;
}

/** The last write of a session. */
interface Closing extends Owned {
  /** Never rejects. */
  readonly done: Promise<void>;
}

/** What the store may have to do, at which a drain asks it for more. */
const MANY_PENDING = 256;

export class Records {
  readonly store: SessionStore;
  /** How many sessions are parked, by what the store said last and what happened since. */
  parked = 0;
  /** How long a drain waits for the store. */
  readonly patience: Patience;
  readonly #host: RecordsHost;
  readonly #clock: Clock;
  readonly #misses: Misses;
  readonly #loads: Loads;
  /** What the store has been asked, and what is written for the last time. */
  readonly #pending = new Pending();
  /** The last writes of incarnations, and removals, that are going on, by id. */
  readonly #closing = new Map<string, Closing>();
  /** Ids whose end was told, the oldest first. */
  readonly #told = new Set<string>();
  /** Records that are to be removed, and could not be yet, by id. */
  readonly #failedRemovals = new Map<string, FailedRemoval>();

  constructor(store: SessionStore, host: RecordsHost) {
    this.#host = host;
    this.#clock = host.options.clock;
    this.patience = new Patience(this.#clock);
    this.store = checkedStore(store, this.#pending, this.patience, host.observers);
    this.#loads = new Loads(this.store, this.#clock);
    this.#misses = new Misses(this.#clock);
  }

  /** The record of a session that is this principal's and has not ended; or why there is none to be had. */
  async find(id: string, principal: string | undefined): Promise<SessionRecord | RefusalName> {
    // What can't be an id costs no read, and no memory of its having been asked for.
    if (!isSessionId(id) || this.#misses.has(id, principal)) return 'sessionNotFound';
    const ending = this.#closing.get(id) ?? this.#failedRemovals.get(id);
    const isForeign = ending !== undefined && ending.principal !== (principal ?? null);
    const record = await (isForeign ? this.#load(id) : this.read(id));
    if (typeof record !== 'string' && record.principal === (principal ?? null)) return record;
    // Whose it is makes no difference to what is said, nor to how long that takes.
    if (record !== 'storeUnavailable') this.#misses.add(id, principal);
    return record === 'storeUnavailable' ? record : 'sessionNotFound';
  }

  /** The record of a session that has not ended, whosever it is. */
  async read(id: string): Promise<SessionRecord | 'sessionNotFound' | 'storeUnavailable'> {
    if (!(await this.#quiet(id))) return 'storeUnavailable';
    if (this.#failedRemovals.has(id)) return 'sessionNotFound';
    const record = await this.#load(id);
    if (typeof record === 'string') return record;
    if (this.#closing.has(id)) return this.read(id); // something has begun to end it meanwhile
    const reason = overdue(record, this.#clock.now());
    if (reason === undefined || this.#host.livesHere(id) || (await this.isElsewhere(record))) return record;
    await this.end(record, reason);
    return 'sessionNotFound';
  }

  /** Waits for the last write of a session, for as long as a request is held. Resolves to whether it is through. */
  async #quiet(id: string): Promise<boolean> {
    const closing = this.#closing.get(id);
    return closing === undefined || atMost(this.#clock, this.#host.options.restoreTimeout, closing.done);
  }

  /** What the store has by this id. */
  async #load(id: string): Promise<SessionRecord | 'sessionNotFound' | 'storeUnavailable'> {
    let loaded: Loaded;
    try {
      loaded = await this.#loads.load(id);
    } catch (error) {
      this.#warn('sessionStore.failed', 'The session store could not be read; a request was answered 503', id, error);
      return 'storeUnavailable';
    }
    if (loaded.verdict === 'gone') return 'sessionNotFound';
    const why = loaded.verdict === 'found' ? unusable(loaded.record) : loaded.why;
    if (loaded.verdict === 'found' && why === undefined) return loaded.record;
    this.#warn('record.unreadable', `The record of a session can't be used (${why}); its client is answered 404`, id);
    return 'sessionNotFound';
  }

  /** Whether somebody else has the session of a record, who decides what becomes of it; also where nobody knows. */
  async isElsewhere({ owner }: SessionRecord): Promise<boolean> {
    return owner !== undefined && (await this.#host.mayLive(owner));
  }

  /** Makes the next epoch of a session, for the incarnation that is to begin. */
  async claim(
    record: SessionRecord,
  ): Promise<SessionRecord | 'fenced' | 'sessionNotFound' | 'storeUnavailable' | 'notJoined'> {
    const { id, epoch } = record;
    await this.#closing.get(id)?.done;
    const owner = this.#host.owner();
    if (owner === null) return 'notJoined';
    try {
      const claimed = await once(this.#clock, () => this.store.claim(id, epoch, owner));
      if (claimed.verdict === 'fenced') return 'fenced';
      if (claimed.verdict !== 'claimed') return 'sessionNotFound';
      if (record.parkedAt !== null) this.#unparked();
      // Where the life is over by now, the next one has to claim it.
      return this.#host.owner() === owner ? claimed.record : 'fenced';
    } catch (error) {
      this.#warn('sessionStore.failed', 'A session could not be claimed; its requests were answered 503', id, error);
      return 'storeUnavailable';
    }
  }

  /** A session that was claimed, and for which there turned out to be no room, is parked again. */
  giveBack(record: SessionRecord): void {
    const { id, epoch } = record;
    const at = Math.round(this.#clock.now());
    void this.close(record, async () => {
      try {
        const parked = await once(this.#clock, () => this.store.park(id, epoch, { at }));
        if (parked.verdict === 'parked') this.parked++;
      } catch {
        // It can be claimed all the same.
      }
    });
  }

  /** The id is used for a new session. */
  created(id: string): void {
    this.#misses.forget(id);
  }

  /**
   * The last write of an incarnation, with all that has to be over before the next one may begin: until then, whoever asks
   * for the session waits. `finish` must not reject, and is called at once.
   */
  close({ id, principal }: Owned, finish: () => Promise<void>): Promise<void> {
    // What is being read may be of before: whoever asks from now on has to read it anew, and once more when it is over.
    this.#loads.outdate(id);
    const before = this.#closing.get(id)?.done;
    const done = this.#pending.watch(async () => {
      await Promise.all([before, finish()]);
      this.#loads.outdate(id);
      if (this.#closing.get(id)?.done === done) this.#closing.delete(id);
    });
    this.#closing.set(id, { id, principal, done });
    return done;
  }

  /** The end of a session was told here, whatever is still to be done about it elsewhere. */
  told(id: string): void {
    this.#told.add(id);
    const [oldest] = this.#told;
    if (this.#told.size > MAX_TOLD && oldest !== undefined) this.#told.delete(oldest);
  }

  /** Resolves when the store can be asked for more without having too much to do; undefined where it can be now. */
  whenFew(): Promise<void> | undefined {
    return this.#pending.whenFew(MANY_PENDING);
  }

  /** Resolves when the store is through with all that it was asked, what comes of that included; a store may hang. */
  whenQuiet(): Promise<void> {
    return this.#pending.whenNone();
  }

  /**
   * Ends a session that has no incarnation, as long as its record is at the epoch that was seen. Resolves to what became
   * of it; to `storeUnavailable` when nobody knows, and then it is tried again later.
   */
  async end(record: SessionRecord, reason: EndReason): Promise<'removed' | 'gone' | 'fenced' | 'storeUnavailable'> {
    const { id, epoch } = record;
    const going = this.#closing.get(id);
    if (going !== undefined) {
      await going.done; // of two who end it at the same time one does
      return this.end(record, reason);
    }
    const failed = this.#failedRemovals.get(id);
    this.#failedRemovals.delete(id);
    const tell = () => {
      if (record.parkedAt !== null) this.#unparked();
      this.#tell(record, reason);
    };
    const remove = async () => {
      const outcome = await removal(this.#clock, () => this.store.remove(id, epoch));
      return outcome === 'gone' && failed !== undefined ? 'removed' : outcome; // by what seemed to fail
    };
    const erased = this.erase(record, epoch, remove, failed?.removed ?? tell);
    void this.close(record, async () => void (await erased));
    return erased;
  }

  /** Removes a record that can't be read, and so has no more to tell. */
  async discard(id: string, epoch: number): Promise<void> {
    const remove = () => once(this.#clock, () => this.store.remove(id, epoch));
    await this.erase({ id, principal: null }, epoch, remove, () => this.#forgetEvents(id));
  }

  /** Its end is being written, or could not be written yet. */
  isEnding(id: string): boolean {
    return this.#closing.has(id) || this.#failedRemovals.has(id);
  }

  /** Has a record removed; where that fails for good, again later. `removed` is called when it is. */
  async erase(
    session: Owned,
    epoch: number,
    remove: () => Promise<'removed' | 'gone' | 'fenced'>,
    removed: () => void = () => {},
  ): Promise<'removed' | 'gone' | 'fenced' | 'storeUnavailable'> {
    try {
      const outcome = await remove();
      if (outcome === 'removed') removed();
      return outcome;
    } catch (error) {
      this.#warn(
        'sessionStore.failed',
        'The record of a session that has ended could not be removed',
        session.id,
        error,
      );
      this.removeLater(session, epoch, removed);
      return 'storeUnavailable';
    }
  }

  /** A record that is not to be there, and may be, is removed when the store works again. */
  removeLater({ id, principal }: Owned, epoch: number, removed: () => void = () => {}): void {
    if (this.#failedRemovals.size >= MAX_FAILED_REMOVALS) return;
    this.#failedRemovals.set(id, { id, principal, epoch, removed });
  }

  /** Tells of sessions that had to end because too many were parked. */
  evicted(sessions: readonly EvictedSession[]): void {
    for (const { id, record } of sessions) {
      this.#unparked();
      if (record !== null) this.#tell(record, 'evicted');
      else this.#forgetEvents(id);
    }
  }

  /** Tries again what could not be removed, and asks how many sessions are parked. */
  async refresh(): Promise<void> {
    for (const [id, failed] of [...this.#failedRemovals]) {
      if (!this.#failedRemovals.delete(id)) continue; // somebody else ends it by now
      let works = true;
      await this.close(failed, async () => {
        try {
          const outcome = await once(this.#clock, () => this.store.remove(id, failed.epoch));
          if (outcome !== 'fenced') failed.removed(); // if not by this try, by the one that seemed to fail
        } catch {
          works = false; // of which somebody was told
          this.#failedRemovals.set(id, failed);
        }
      });
      if (!works) break;
    }
    this.parked = (await once(this.#clock, () => this.store.count())).parked;
  }

  // --- within

  /** One is parked no more; what the store has not been asked for yet is not known. */
  #unparked(): void {
    this.parked = Math.max(0, this.parked - 1);
  }

  /** Tells of an end, once: a removal that seemed to fail may turn out to have been done by somebody else. */
  #tell(record: SessionRecord, reason: EndReason): void {
    if (!this.#told.has(record.id)) {
      this.told(record.id);
      this.#host.endedAside(infoOf(record, 'terminated', this.#clock.now(), reason), reason);
    }
    this.#forgetEvents(record.id);
  }

  /** The session's events are of no use to anybody any more. */
  #forgetEvents(id: string): void {
    const store = this.#host.options.eventStore as ForgettingEventStore | undefined;
    if (typeof store?.forget !== 'function') return;
    const forget = store.forget.bind(store);
    once(this.#clock, async () => forget(streamPrefix(id))).catch((error: unknown) =>
      this.#warn('store.failed', 'The event store could not forget a session', id, error),
    );
  }

  #warn(event: LogEntry['event'], message: string, sessionId: string, error?: unknown): void {
    this.#host.log({ level: 'warn', event, message, sessionId, ...(error !== undefined && { error }) });
  }
}

/** Why nobody can be brought back by this record, if so: stores look at less of it than a server will. */
function unusable({ initialize, state }: SessionRecord): string | undefined {
  if (initializeParams(initialize) === undefined) return 'its initialize is none';
  try {
    return isObject(JSON.parse(state)) ? undefined : 'its state is no object';
  } catch {
    return 'its state is no JSON';
  }
}

/** Why a session has ended by now whose record this is, if it has. */
export function overdue(record: SessionRecord, now: number): 'idle' | 'lifetime' | undefined {
  const deadline = deadlineOf(record);
  if (deadline > now) return undefined;
  return deadline === record.lifetimeDeadline ? 'lifetime' : 'idle';
}
