/**
 * The sessions that have a record and no incarnation here: parked ones, and those that another process left behind. Finds
 * them, brings them back, ends them.
 */
import type { Clock } from '../clock.ts';
import { type RefusalName, SupervisorError } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import type { SessionRecord } from '../stores/sessionRecord.ts';
import type { SessionStore } from '../stores/sessionStore.ts';
import type { ExchangeInfo } from '../transport/exchange.ts';
import { Activity } from './activity.ts';
import type { ClusterNode } from './clusterNode.ts';
import { Expiry } from './expiry.ts';
import type { MemoryHost } from './memory.ts';
import { infoOf } from './recordInfo.ts';
import { Records, type RecordsHost } from './records.ts';
import { Restorer, type RestorerHost } from './restorer.ts';
import type { Session } from './session.ts';
import type { SessionInfo } from './sessionInfo.ts';

/** How often an ending is tried anew because somebody else has brought the session back meanwhile. */
const MAX_FENCED = 3;

/** The record of a session on the shelf. */
export type ShelvedRecord = SessionRecord;

const NOBODY_KNOWS =
  'The session store does not say whether there is such a session, so nothing was ended: try again when it works';

/** What whoever ends a session is told when its record could not be removed. */
export function notRemoved(): SupervisorError {
  const message =
    'The session store could not remove the record of the session: it is tried again while this process lives, ' +
    'and until it succeeds another process may bring the session back';
  return new SupervisorError('STORE_FAILED', message);
}

export interface ShelfHost extends Omit<RecordsHost, 'livesHere' | 'owner' | 'mayLive'>, RestorerHost {
  /** The life of a cluster that sessions belong to; `null` while there is none, undefined outside of a cluster. */
  readonly owner: string | null | undefined;
  readonly cluster: Pick<ClusterNode, 'mayLive' | 'look'> | undefined;
  readonly options: ResolvedOptions;
  readonly registry: { get(id: string): Session | undefined };
}

export class Shelf implements MemoryHost {
  readonly records: Records;
  readonly activity: Activity;
  readonly options: ResolvedOptions;
  readonly isDurable: boolean;
  readonly #host: ShelfHost;
  readonly #clock: Clock;
  readonly #restorer: Restorer;
  readonly #expiry: Expiry;

  constructor(store: SessionStore, host: ShelfHost) {
    this.#host = host;
    this.options = host.options;
    this.#clock = host.options.clock;
    const livesHere = (id: string) => this.#livesHere(id);
    this.records = new Records(store, {
      livesHere,
      options: host.options,
      observers: host.observers,
      log: (entry) => host.log(entry),
      owner: () => host.owner,
      mayLive: async (owner) => (await host.cluster?.mayLive(owner)) ?? false,
      endedAside: (info, reason) => host.endedAside(info, reason),
    });
    this.isDurable = this.records.store.durable;
    this.activity = new Activity(this.#clock);
    this.#restorer = new Restorer(host, this.records);
    this.#expiry = new Expiry(this.records, this.#clock, { livesHere, log: (entry) => host.log(entry) });
    this.#expiry.start();
  }

  log(entry: LogEntry): void {
    this.#host.log(entry);
  }

  owner(): string | null | undefined {
    return this.#host.owner;
  }

  /** The session is being brought back. */
  isWaking(id: string): boolean {
    return this.#restorer.recordOf(id) !== undefined;
  }

  /** The record of a session that is this principal's; or why there is none to be had. */
  async find(id: string, principal: string | undefined): Promise<SessionRecord | RefusalName> {
    const waking = this.#restorer.recordOf(id);
    // To anybody else it is as if it were not there, in time as well.
    return waking?.principal === (principal ?? null) ? waking : this.records.find(id, principal);
  }

  /** Brings a session back; `patient` is a request that lets others go first. */
  restore(record: SessionRecord, info: ExchangeInfo, patient: boolean): Promise<Session | RefusalName> {
    return this.#restorer.restore(record, info, patient);
  }

  /** Ends the session of a record, as long as that is as it was read; else it is `fenced`, and somebody may have it. */
  async endSeen(record: SessionRecord, reason: EndReason): Promise<'removed' | 'gone' | 'fenced' | 'storeUnavailable'> {
    const { id } = record;
    return (
      (await this.#restorer.end(id, reason)) ??
      (await this.#host.registry.get(id)?.endStored(reason)) ??
      (await this.records.end(record, reason))
    );
  }

  /** Ends the session of a record, wherever it has come to since that was read. Resolves to whether that is stored. */
  async end(record: SessionRecord, reason: EndReason): Promise<'removed' | 'gone' | 'storeUnavailable'> {
    const { id } = record;
    let seen = record;
    for (let n = 0; n < MAX_FENCED; n++) {
      const outcome = await this.endSeen(seen, reason);
      if (outcome !== 'fenced') return outcome;
      const read = await this.records.read(id);
      if (typeof read === 'string') return read === 'sessionNotFound' ? 'gone' : 'storeUnavailable';
      seen = read;
    }
    return 'storeUnavailable';
  }

  /**
   * Ends the session with this id, whosever it is. Resolves to whether there was one.
   * @throws {SupervisorError} `STORE_FAILED` where nobody knows, or its record may come back.
   */
  async terminate(id: string, reason: EndReason): Promise<boolean> {
    const record = this.#restorer.recordOf(id) ?? (await this.records.read(id));
    if (record === 'storeUnavailable') throw new SupervisorError('STORE_FAILED', NOBODY_KNOWS);
    if (record === 'sessionNotFound') return false;
    const outcome = await this.end(record, reason);
    if (outcome === 'storeUnavailable') throw notRemoved();
    return outcome === 'removed';
  }

  /** What is known of a session that does not live here: by its record, or by the node of a cluster that has it. */
  async info(id: string): Promise<SessionInfo | undefined> {
    const { cluster } = this.#host;
    const seen = await (cluster === undefined || this.isWaking(id) ? this.records.read(id) : cluster.look(id));
    if (seen === undefined || typeof seen === 'string') return undefined;
    return 'format' in seen ? infoOf(seen, 'parked', this.#clock.now()) : seen;
  }

  /** Nothing is brought back any more, and nothing ends by itself: that is the next process's. */
  stop(): void {
    this.#restorer.stop();
    this.#expiry.stop();
    this.activity.stop();
  }

  #livesHere(id: string): boolean {
    return this.#host.registry.get(id) !== undefined || this.#restorer.recordOf(id) !== undefined;
  }
}
