/**
 * What one incarnation writes into the record of its session, at the epoch that it owns. Changes of one turn of the event
 * loop are one write, and one write follows the other. The first one that fails for good, or is fenced, is the last: the
 * record is the truth, so the incarnation has to go.
 */
import type { TimerClock } from '../clock.ts';
import { SupervisorError } from '../errors.ts';
import type { RecordChange } from '../stores/sessionRecord.ts';
import type { Parked, Parking, SessionStore } from '../stores/sessionStore.ts';
import { once, persistently, removal } from './persistence.ts';

export interface JournalHost {
  /** The record may still be this incarnation's: the life of its node that it belongs to is not over, as far as is known here. */
  readonly mayWrite: boolean;
  /** The same, for as long as the store is waited for; then it rejects. */
  awaited<T>(writing: Promise<T>): Promise<T>;
  /** The record is no longer this incarnation's, or can't be written. */
  lost(error: unknown): void;
  /** The record is not there any more: somebody else has ended the session. */
  gone(): void;
}

interface Batch {
  /** Somebody waits for it, and nothing is right without it. */
  essential: boolean;
  readonly change: { -readonly [K in keyof RecordChange]: RecordChange[K] };
  /** Makes what is made late: as text, once for all changes of a turn. */
  complete: (() => RecordChange) | undefined;
  readonly stored: Promise<boolean>;
  readonly settle: (isStored: boolean) => void;
}

export class Journal {
  readonly #store: SessionStore;
  readonly #timers: TimerClock;
  readonly #id: string;
  readonly #host: JournalHost;
  readonly epoch: number;
  #next: Batch | undefined;
  #current: Batch | undefined;
  #closed = false;
  #lost = false;
  #abandoned = false;

  constructor(store: SessionStore, timers: TimerClock, id: string, epoch: number, host: JournalHost) {
    this.#store = store;
    this.#timers = timers;
    this.#id = id;
    this.epoch = epoch;
    this.#host = host;
  }

  /** Writes a change; `complete` says what else there is to it when its turn has come. */
  change(change: RecordChange, complete?: () => RecordChange): void {
    if (this.#closed) return;
    const next = this.#add(change);
    next.essential = true;
    if (complete !== undefined) next.complete = complete;
  }

  /** Writes what is good to know; nobody waits for it, and it may fail. */
  touch(change: RecordChange): void {
    if (!this.#closed) this.#add(change);
  }

  /** Writes nothing any more, not even what was begun and failed. What was not stored yet is lost. */
  abandon(): void {
    this.#abandoned = true;
    this.#closed = true;
    this.#lost = true;
    this.#next?.settle(false);
    this.#current?.settle(false);
  }

  /** Resolves when everything is stored that there was to change until now: to false where that failed. */
  stored(): Promise<boolean> | undefined {
    for (const some of [this.#next, this.#current]) if (some?.essential) return some.stored;
    return this.#lost ? Promise.resolve(false) : undefined;
  }

  /**
   * Parks the session; the last thing that this incarnation writes, with whatever was still to be written. Undefined where the
   * record is not ours any more, or lacks something that could not be written.
   */
  async park(parking: Parking): Promise<Parked | undefined> {
    this.#closed = true;
    if (this.#current !== undefined) await this.#current.stored;
    if (this.#lost) return undefined;
    const last = this.#next;
    this.#next = undefined;
    const change = { ...(last && whole(last)), ...parking.change };
    try {
      const parked = await persistently(this.#timers, () =>
        this.#attempt(() => this.#store.park(this.#id, this.epoch, { ...parking, change })),
      );
      last?.settle(parked.verdict === 'parked');
      return parked;
    } catch (error) {
      last?.settle(false);
      throw error;
    }
  }

  /** Removes the record, which waits for nothing: what is written later finds it gone. */
  async remove(): Promise<'removed' | 'gone' | 'fenced'> {
    if (this.#abandoned || !this.#host.mayWrite) return 'fenced';
    this.#closed = true;
    if (this.#next !== this.#current) this.#next?.settle(false); // it is not written any more
    return removal(this.#timers, () => this.#store.remove(this.#id, this.epoch));
  }

  #attempt<T>(write: () => Promise<T>): Promise<T> {
    return this.#abandoned || !this.#host.mayWrite ? Promise.reject(ABANDONED) : write();
  }

  #add(change: RecordChange): Batch {
    this.#next ??= batch();
    Object.assign(this.#next.change, change);
    const next = this.#next;
    if (this.#current === undefined) this.#write();
    return next;
  }

  #write(): void {
    const current = this.#next;
    if (current === undefined) return;
    this.#current = current;
    // What is changed in the same turn belongs to it.
    queueMicrotask(() => {
      this.#next = undefined;
      const change = whole(current);
      const insist = current.essential ? persistently : once;
      const update = () => this.#attempt(() => this.#store.update(this.#id, this.epoch, change));
      this.#host.awaited(insist(this.#timers, update)).then(
        (verdict) => this.#written(current, verdict),
        (error: unknown) => this.#written(current, error),
      );
    });
  }

  #written(current: Batch, outcome: unknown): void {
    if (this.#abandoned) return;
    this.#current = undefined;
    const isVerdict = outcome === 'gone' || outcome === 'fenced';
    if (outcome === 'updated' || (!current.essential && !isVerdict)) {
      current.settle(true);
      if (!this.#closed) this.#write();
      return;
    }
    this.#lost = true;
    this.#closed = true;
    current.settle(false);
    this.#next?.settle(false);
    this.#next = undefined;
    if (outcome === 'gone') this.#host.gone();
    else this.#host.lost(outcome === 'fenced' ? new Error('Another process has brought the session back') : outcome);
  }
}

/** Final, so that it is not tried again. */
const ABANDONED = new SupervisorError('STORE_CLOSED', 'The record is not written by this incarnation any more');

function batch(): Batch {
  let settle = (_: boolean) => {};
  const stored = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  return { essential: false, change: {}, complete: undefined, stored, settle };
}

function whole({ change, complete }: Batch): RecordChange {
  return complete === undefined ? change : { ...change, ...complete() };
}
