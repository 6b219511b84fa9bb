/**
 * Brings sessions back for the requests that ask for them: one restore for all who ask for the same, a bounded number at
 * a time, those first that a POST waits for, and each principal in its turn. Requests are held meanwhile, for a bounded
 * time and in bounded number; the restore goes on without them.
 */
import { type Clock, MAX_DELAY } from '../clock.ts';
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import type { SessionRecord } from '../stores/sessionRecord.ts';
import type { ExchangeInfo } from '../transport/exchange.ts';
import { atMost } from './atMost.ts';
import { FairQueue } from './fairQueue.ts';
import type { RestoreOutcome } from './observer.ts';
import type { Records } from './records.ts';
import { restore } from './restoration.ts';
import type { Session } from './session.ts';

/** Sessions that are brought back at a time. */
const MAX_RESTORES = 16;

/** A restore that takes longer leaves its place to the next, in ms: how many servers may live bounds them as well. */
const QUICK = 1_000;

/**
 * Requests that are held at a time: in all, so many for each session that may live, since after a restart the clients of
 * all of them come at once, each with a GET and a POST; half of them for one principal; and for one session.
 */
const HELD_PER_SESSION = 4;
const FEWEST_HELD = 1_024;
const MOST_HELD = 65_536;
const MAX_HELD_IN_SESSION = 1_024;

/** A GET is held for so many times `restoreTimeout`: after a restart all clients open theirs at once, and POSTs go first. */
const GET_PATIENCE = 3;

/** How often a session is tried to be brought back, for those who wait. */
const MAX_ATTEMPTS = 2;

/** How often a record is read anew because somebody else claimed it meanwhile. */
const MAX_FENCED = 3;

/** What the restorer needs of the supervisor. */
export interface RestorerHost {
  readonly options: Pick<ResolvedOptions, 'clock' | 'maxSessions' | 'restoreTimeout'>;
  readonly accepting: boolean;
  log(entry: LogEntry): void;
  /** Why there is no room for the session, and none can be made. */
  lacksRoomFor(record: SessionRecord): RefusalName | undefined;
  /** A session was claimed; `before` is its record as somebody else left it. */
  claimed(before: SessionRecord, record: SessionRecord): void;
  /** Is told of restores that are over. */
  readonly load?: { restoreEnded(outcome: RestoreOutcome, duration: number): void } | undefined;
  /** Makes the session of a claimed record, whose server is yet to be started. */
  readmit(record: SessionRecord): Session | RefusalName;
}

/** A session that is to be brought back, or is being. */
interface Waking {
  readonly record: SessionRecord;
  /** Of the request that asked first. */
  readonly info: ExchangeInfo;
  /** When that was, in ms since the epoch. */
  readonly since: number;
  readonly done: Promise<Session | RefusalName>;
  readonly settle: (outcome: Session | RefusalName) => void;
  urgent: boolean;
  begun: boolean;
  /** Requests that are held for it. */
  held: number;
  session: Session | undefined;
  /** It is to end instead. */
  ending: EndReason | undefined;
}

export class Restorer {
  readonly #host: RestorerHost;
  readonly #records: Records;
  readonly #clock: Clock;
  readonly #maxHeld: number;
  readonly #wakings = new Map<string, Waking>();
  readonly #urgent = new FairQueue<Waking>();
  readonly #patient = new FairQueue<Waking>();
  #running = 0;
  readonly #held = new Map<string | null, number>();
  #heldInAll = 0;

  constructor(host: RestorerHost, records: Records) {
    this.#host = host;
    this.#records = records;
    this.#clock = host.options.clock;
    this.#maxHeld = Math.min(MOST_HELD, Math.max(FEWEST_HELD, HELD_PER_SESSION * host.options.maxSessions));
  }

  /** The record of a session that is being brought back. */
  recordOf(id: string): SessionRecord | undefined {
    return this.#wakings.get(id)?.record;
  }

  /** Brings a session back, or waits for whoever does. `patient` is a request that lets others go first. */
  async restore(record: SessionRecord, info: ExchangeInfo, patient: boolean): Promise<Session | RefusalName> {
    const { principal } = record;
    const heldByOne = this.#held.get(principal) ?? 0;
    const heldInSession = this.#wakings.get(record.id)?.held ?? 0;
    const most = this.#maxHeld;
    if (this.#heldInAll >= most || heldByOne >= most / 2 || heldInSession >= MAX_HELD_IN_SESSION) {
      return 'tooManyRestores';
    }
    const waking = this.#wakings.get(record.id) ?? this.#begin(record, info);
    if (!patient && !waking.urgent) {
      waking.urgent = true;
      if (!waking.begun) this.#urgent.push(waking.record.principal, waking);
    }
    this.#pump();
    this.#hold(waking, 1);
    try {
      const { restoreTimeout } = this.#host.options;
      return await this.#within(Math.min(MAX_DELAY, (patient ? GET_PATIENCE : 1) * restoreTimeout), waking.done);
    } finally {
      this.#hold(waking, -1);
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
    if (!waking.begun) {
      waking.begun = true; // nothing is to be waited for
      this.#finish(waking, await this.#endAside(waking.record, reason));
    }
    waking.ending ??= reason;
    return (await waking.done) === 'sessionNotFound' ? 'removed' : undefined;
  }

  /** Nobody is brought back any more. */
  stop(): void {
    for (const waking of this.#wakings.values()) if (!waking.begun) this.#finish(waking, 'draining');
  }

  #hold(waking: Waking, by: 1 | -1): void {
    const { principal } = waking.record;
    const held = (this.#held.get(principal) ?? 0) + by;
    if (held > 0) this.#held.set(principal, held);
    else this.#held.delete(principal);
    waking.held += by;
    this.#heldInAll += by;
  }

  #begin(record: SessionRecord, info: ExchangeInfo): Waking {
    let settle = (_: Session | RefusalName) => {};
    const done = new Promise<Session | RefusalName>((resolve) => {
      settle = resolve;
    });
    const waking: Waking = {
      record,
      info,
      since: this.#clock.now(),
      done,
      settle,
      urgent: false,
      begun: false,
      held: 0,
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
      void atMost(this.#clock, QUICK, this.#run(waking)).then(() => {
        this.#running--;
        this.#pump();
      });
    }
  }

  async #run(waking: Waking): Promise<void> {
    let outcome: Session | RefusalName = 'restoreFailed';
    try {
      for (let attempt = 0; attempt < MAX_ATTEMPTS && outcome === 'restoreFailed'; attempt++) {
        outcome = this.#host.accepting ? await this.#attempt(waking) : 'draining';
      }
    } catch (error) {
      // Nothing is known to come here; should it, those who wait get an answer and the operator the error.
      const message = 'A session could not be brought back, unexpectedly';
      this.#host.log({ level: 'error', event: 'session.dropped', message, sessionId: waking.record.id, error });
    }
    this.#finish(waking, outcome);
    this.#host.load?.restoreEnded(outcomeOf(outcome), Math.max(0, this.#clock.now() - waking.since));
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
        if (await this.#records.isElsewhere(read)) return 'sessionElsewhere';
        record = read;
      }
      waking.session = undefined;
      if (waking.ending !== undefined) return this.#endAside(record, waking.ending);
      // Room is made when it is claimed: who has to give way is parked, and what is parked longest may have to end for that.
      const full = this.#host.lacksRoomFor(record);
      if (full !== undefined) return full;
      const claimed = await this.#records.claim(record);
      if (claimed === 'fenced') continue;
      if (typeof claimed === 'string') return claimed;
      this.#host.claimed(record, claimed);
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

/** What an operator has to know of why a session was not brought back, by what those who waited were refused with. */
const FAILURES: Partial<Record<RefusalName, RestoreOutcome>> = {
  sessionNotFound: 'gone',
  sessionElsewhere: 'elsewhere',
  notJoined: 'elsewhere',
  draining: 'draining',
  full: 'noRoom',
  principalFull: 'noRoom',
  tooManyServers: 'noRoom',
  storeUnavailable: 'storeUnavailable',
};

function outcomeOf(outcome: Session | RefusalName): RestoreOutcome {
  return typeof outcome === 'string' ? (FAILURES[outcome] ?? 'failed') : 'restored';
}
