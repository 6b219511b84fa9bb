/**
 * Brings sessions back for the requests that ask for them: one restore for all who ask for the same, a bounded number at
 * a time, those first that a POST waits for, and each principal in its turn. Requests are held meanwhile, for a bounded
 * time and in bounded number; the restore goes on without them.
 */
import type { Clock } from '../clock.ts';
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import type { SessionRecord } from '../stores/sessionRecord.ts';
import type { ExchangeInfo } from '../transport/exchange.ts';
import { FairQueue } from './fairQueue.ts';
import type { Records } from './records.ts';
import { restore } from './restoration.ts';
import type { Session } from './session.ts';

/** Sessions that are brought back at a time. */
const MAX_RESTORES = 16;

/** Requests that are held at a time. */
const MAX_HELD = 16_384;

/** A GET is held for so many times `restoreTimeout`: after a restart all clients open theirs at once, and POSTs go first. */
const GET_PATIENCE = 3;

/** How often a session is tried to be brought back, for those who wait. */
const MAX_ATTEMPTS = 2;

/** How often a record is read anew because somebody else claimed it meanwhile. */
const MAX_FENCED = 3;

/** What the restorer needs of the supervisor. */
export interface RestorerHost {
  readonly options: Pick<ResolvedOptions, 'clock' | 'restoreTimeout'>;
  readonly accepting: boolean;
  log(entry: LogEntry): void;
  /** Whether there is room for one more session; makes some where it may. */
  roomFor(): RefusalName | undefined;
  /** Makes the session of a claimed record, whose server is yet to be started. */
  readmit(record: SessionRecord): Session | RefusalName;
}

/** A session that is to be brought back, or is being. */
interface Waking {
  readonly record: SessionRecord;
  /** Of the request that asked first. */
  readonly info: ExchangeInfo;
  readonly done: Promise<Session | RefusalName>;
  readonly settle: (outcome: Session | RefusalName) => void;
  urgent: boolean;
  begun: boolean;
  session: Session | undefined;
  /** It is to end instead. */
  ending: EndReason | undefined;
}

export class Restorer {
  readonly #host: RestorerHost;
  readonly #records: Records;
  readonly #clock: Clock;
  readonly #wakings = new Map<string, Waking>();
  readonly #urgent = new FairQueue<Waking>();
  readonly #patient = new FairQueue<Waking>();
  #running = 0;
  #held = 0;

  constructor(host: RestorerHost, records: Records) {
    this.#host = host;
    this.#records = records;
    this.#clock = host.options.clock;
  }

  /** The record of a session that is being brought back. */
  recordOf(id: string): SessionRecord | undefined {
    return this.#wakings.get(id)?.record;
  }

  /** Brings a session back, or waits for whoever does. `patient` is a request that lets others go first. */
  async restore(record: SessionRecord, info: ExchangeInfo, patient: boolean): Promise<Session | RefusalName> {
    if (this.#held >= MAX_HELD) return 'tooManyRestores';
    const waking = this.#wakings.get(record.id) ?? this.#begin(record, info);
    if (!patient && !waking.urgent) {
      waking.urgent = true;
      if (!waking.begun) this.#urgent.push(waking.record.principal, waking);
    }
    this.#pump();
    this.#held++;
    try {
      return await this.#within((patient ? GET_PATIENCE : 1) * this.#host.options.restoreTimeout, waking.done);
    } finally {
      this.#held--;
    }
  }

  /**
   * Ends a session that is being brought back. Resolves to what became of it; undefined where it is not being brought back,
   * or was not any more before it could be ended.
   */
  async end(id: string, reason: EndReason): Promise<'removed' | 'fenced' | 'storeUnavailable' | undefined> {
    const waking = this.#wakings.get(id);
    if (waking === undefined) return undefined;
    const ended = await waking.session?.endStored(reason);
    if (ended !== undefined) return ended;
    if (this.#wakings.get(id) !== waking) return undefined;
    waking.ending ??= reason;
    return (await waking.done) === 'sessionNotFound' ? 'removed' : undefined;
  }

  /** Nobody is brought back any more. */
  stop(): void {
    for (const waking of this.#wakings.values()) if (!waking.begun) this.#finish(waking, 'draining');
  }

  #begin(record: SessionRecord, info: ExchangeInfo): Waking {
    let settle = (_: Session | RefusalName) => {};
    const done = new Promise<Session | RefusalName>((resolve) => {
      settle = resolve;
    });
    const waking: Waking = {
      record,
      info,
      done,
      settle,
      urgent: false,
      begun: false,
      session: undefined,
      ending: undefined,
    };
    this.#wakings.set(record.id, waking);
    this.#patient.push(record.principal, waking);
    return waking;
  }

  #pump(): void {
    while (this.#running < MAX_RESTORES) {
      const waking = this.#urgent.shift() ?? this.#patient.shift();
      if (waking === undefined) return;
      if (waking.begun) continue; // it stood in both queues, or was finished before its turn
      waking.begun = true;
      this.#running++;
      void this.#run(waking).then(() => {
        this.#running--;
        this.#pump();
      });
    }
  }

  async #run(waking: Waking): Promise<void> {
    let outcome: Session | RefusalName = 'restoreFailed';
    for (let attempt = 0; attempt < MAX_ATTEMPTS && outcome === 'restoreFailed'; attempt++) {
      outcome = this.#host.accepting ? await this.#attempt(waking) : 'draining';
    }
    this.#finish(waking, outcome);
  }

  #finish(waking: Waking, outcome: Session | RefusalName): void {
    waking.begun = true;
    this.#wakings.delete(waking.record.id);
    waking.settle(outcome);
    // Those who were held claim it before it is let go of.
    if (typeof outcome !== 'string') outcome.letGo();
  }

  async #attempt(waking: Waking): Promise<Session | RefusalName> {
    let { record } = waking;
    for (let fenced = 0; fenced < MAX_FENCED; fenced++) {
      // It may have been in other hands since it was read: an attempt before, or the last write of another incarnation.
      if (fenced > 0 || waking.session !== undefined) {
        const read = await this.#records.read(record.id);
        if (typeof read === 'string') return read;
        record = read;
      }
      waking.session = undefined;
      if (waking.ending !== undefined) return this.#endAside(record, waking.ending);
      const full = this.#host.roomFor();
      if (full !== undefined) return full;
      const claimed = await this.#records.claim(record);
      if (claimed === 'fenced') continue;
      if (typeof claimed === 'string') return claimed;
      if (waking.ending !== undefined) return this.#endAside(claimed, waking.ending);
      return this.#bringBack(waking, claimed);
    }
    return 'restoreFailed';
  }

  async #bringBack(waking: Waking, claimed: SessionRecord): Promise<Session | RefusalName> {
    const session = this.#host.readmit(claimed);
    if (typeof session === 'string') {
      this.#records.giveBack(claimed);
      return session;
    }
    waking.session = session;
    return restore(session, claimed, waking.info, (entry) => this.#host.log(entry));
  }

  async #endAside(record: SessionRecord, reason: EndReason): Promise<RefusalName> {
    const outcome = await this.#records.end(record, reason);
    return outcome === 'removed' || outcome === 'gone' ? 'sessionNotFound' : 'storeUnavailable';
  }

  #within(ms: number, done: Promise<Session | RefusalName>): Promise<Session | RefusalName> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimeout(() => resolve('restoring'), ms);
      void done.then((outcome) => {
        this.#clock.clearTimeout(timer);
        resolve(outcome);
      });
    });
  }
}
