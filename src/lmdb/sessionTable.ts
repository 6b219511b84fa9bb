/**
 * Sessions in the environment: their records, and what is kept so that none has to be looked for. Its operations are
 * synchronous; those that change something belong into a transaction. A session is live in the run that created or
 * claimed it; one that was left live by an earlier run counts as parked since this one began.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { streamPrefix } from '../stores/eventLog.ts';
import {
  changedLines,
  linesOf,
  type RecordLines,
  readRecord,
  readStanding,
  type Standing,
  textOf,
} from '../stores/recordText.ts';
import { deadlineOf, type RecordChange } from '../stores/sessionRecord.ts';
import {
  type Claimed,
  type EvictedSession,
  type ExpiredSession,
  type Loaded,
  MAX_EVICTED,
  type Parked,
  type Parking,
  type SessionCount,
  type Unreadable,
} from '../stores/sessionStore.ts';
import type { Databases } from './environment.ts';
import type { Participant } from './writes.ts';

/** How a session stands here: also, in which run it was made live. Other stores do not look at that. */
type HeldStanding = Standing & { readonly run?: number };

interface Held {
  readonly text: string;
  readonly standing: HeldStanding;
}

/** Beyond all times: in the order of eviction sessions that were live stand behind, by their run. */
const LIVE = 9e15;

/** Where ids and times begin and end. */
const FIRST_ID = '';
const LAST_ID = '\x7f';

/** The events of sessions, which go with them. */
export interface SessionEvents {
  countOf(prefix: string): number;
  forget(prefix: string): void;
}

/** The run of the process that owns the environment. */
export interface Run {
  readonly number: number;
  /** When it began, in ms since the epoch. */
  readonly since: number;
}

export class SessionTable implements Participant {
  readonly #databases: Databases;
  readonly #run: Run;
  readonly #events: SessionEvents;
  /** How many sessions there are, and how many of them are live in this run. */
  #counts: { sessions: number; live: number };
  #countsBefore: { sessions: number; live: number };

  constructor(databases: Databases, run: Run, events: SessionEvents) {
    this.#databases = databases;
    this.#run = run;
    this.#events = events;
    const { entryCount } = databases.sessions.getStats() as { entryCount: number };
    this.#counts = { sessions: entryCount, live: 0 };
    this.#countsBefore = this.#counts;
  }

  begin(): void {
    this.#countsBefore = { ...this.#counts };
  }

  end(): void {}

  undo(): void {
    this.#counts = this.#countsBefore;
  }

  // --- what only reads

  load(id: string): Loaded {
    const text = this.#text(id);
    if (text === undefined) return { verdict: 'gone' };
    const record = readRecord(text);
    return 'verdict' in record ? record : { verdict: 'found', record };
  }

  expired(by: number, limit: number, after?: Pick<ExpiredSession, 'deadline' | 'id'>): ExpiredSession[] {
    const { deadlines } = this.#databases;
    const start: [number, string] = after === undefined ? [-LIVE, FIRST_ID] : [after.deadline, after.id];
    const expired: ExpiredSession[] = [];
    if (limit < 1) return expired;
    for (const [deadline, id] of deadlines.getKeys({ start, exclusiveStart: true, end: [by, LAST_ID] })) {
      const held = this.#held(id);
      if (held === undefined) continue; // what is no record can't be said to have expired
      expired.push({ id, epoch: held.standing.epoch, deadline });
      if (expired.length >= limit) break;
    }
    return expired;
  }

  count(): SessionCount {
    const { sessions, live } = this.#counts;
    return { sessions, parked: sessions - live };
  }

  countOf(principal: string | null): number {
    return this.#databases.principals.get(principalKey(principal)) ?? 0;
  }

  /** How many bytes a session's record has; 0 where there is none. */
  size(id: string): number {
    return Buffer.byteLength(this.#text(id) ?? '');
  }

  /** How many events there are of a session. */
  eventsOf(id: string): number {
    return this.#text(id) === undefined ? 0 : this.#events.countOf(streamPrefix(id));
  }

  /** How many pages change at most by what is removed where one more is parked. */
  pagesToEvict(maxParked = Number.POSITIVE_INFINITY, each: number): number {
    return each * Math.min(MAX_EVICTED, Math.max(0, this.count().parked + 1 - maxParked));
  }

  // --- what changes something

  create(lines: RecordLines, maxPerPrincipal: number): 'created' | 'exists' | 'principalFull' {
    const { sessions, principals } = this.#databases;
    const standing: HeldStanding = { ...JSON.parse(lines.standing), run: this.#run.number };
    const { id, principal } = standing;
    if (this.#text(id) !== undefined) return 'exists';
    const key = principalKey(principal);
    const count = principals.get(key) ?? 0;
    if (count >= maxPerPrincipal) return 'principalFull';
    const text = textOf({ ...lines, standing: JSON.stringify(standing) });
    principals.putSync(key, count + 1);
    sessions.putSync(id, text);
    this.#counts.sessions++;
    this.#enter(standing);
    return 'created';
  }

  claim(id: string, seen: number, owner: string | undefined): Claimed {
    const text = this.#text(id);
    if (text === undefined) return { verdict: 'gone' };
    const record = readRecord(text);
    if ('verdict' in record) return record;
    if (record.epoch !== seen) return { verdict: 'fenced' };
    const standing = readStanding(text) as HeldStanding;
    this.#write({ text, standing }, { epoch: seen + 1, parkedAt: null, owner });
    const { owner: _, ...rest } = record;
    const now = { epoch: seen + 1, parkedAt: null, ...(owner !== undefined && { owner }) };
    return { verdict: 'claimed', record: { ...rest, ...now } };
  }

  update(id: string, epoch: number, change: RecordChange): 'updated' | 'gone' | 'fenced' {
    const held = this.#owned(id, epoch);
    if (typeof held === 'string') return held;
    this.#write(held, change);
    return 'updated';
  }

  park(id: string, epoch: number, { at, change, maxParked = Number.POSITIVE_INFINITY }: Parking): Parked {
    const held = this.#owned(id, epoch);
    if (typeof held === 'string') return { verdict: held };
    const evicted: EvictedSession[] = [];
    this.#write(held, { ...change, parkedAt: at, owner: undefined }, () => {
      // It does not count itself while room is made for it.
      const wasParked = this.#isLive(held.standing) ? 0 : 1;
      while (this.count().parked - wasParked >= maxParked && evicted.length < MAX_EVICTED) {
        const longest = this.#longestParked(id);
        if (longest === undefined) break;
        const loaded = this.load(longest);
        evicted.push({ id: longest, record: loaded.verdict === 'found' ? loaded.record : null });
        this.#forget(longest);
      }
    });
    return { verdict: 'parked', evicted };
  }

  remove(id: string, epoch: number): 'removed' | 'gone' | 'fenced' {
    const text = this.#text(id);
    if (text === undefined) return 'gone';
    const standing = readStanding(text);
    const fenced = 'verdict' in standing ? standing.why === 'newerFormat' : standing.epoch !== epoch;
    if (fenced) return 'fenced';
    this.#forget(id);
    return 'removed';
  }

  // --- within

  #text(id: string): string | undefined {
    // Nothing else was ever created, and LMDB has its own thoughts about long keys.
    return /^[\x21-\x7E]{1,256}$/.test(id) ? this.#databases.sessions.get(id) : undefined;
  }

  #held(id: string): Held | undefined {
    const text = this.#text(id);
    if (text === undefined) return undefined;
    const standing: HeldStanding | Unreadable = readStanding(text);
    return 'verdict' in standing ? undefined : { text, standing };
  }

  /** The session, if this is its epoch. One that can't be read is nobody's. */
  #owned(id: string, epoch: number): Held | 'gone' | 'fenced' {
    const held = this.#held(id);
    if (held !== undefined) return held.standing.epoch === epoch ? held : 'fenced';
    return this.#text(id) === undefined ? 'gone' : 'fenced';
  }

  /** Writes a change; `before` is done when it is sure that it can be written. */
  #write({ text, standing }: Held, change: Parameters<typeof changedLines>[2], before?: () => void): void {
    const rests = change.parkedAt !== undefined;
    const held: HeldStanding = rests ? { ...standing, run: this.#run.number } : standing;
    const lines = changedLines(linesOf(text), held, change);
    const written = textOf(lines);
    before?.();
    const after: HeldStanding = { ...held, ...change };
    if (rests || deadlineOf(after) !== deadlineOf(standing)) {
      this.#leave(standing);
      this.#enter(after);
    }
    this.#databases.sessions.putSync(standing.id, written);
  }

  #forget(id: string): void {
    const { sessions, principals } = this.#databases;
    const held = this.#held(id);
    sessions.removeSync(id);
    this.#counts.sessions--;
    this.#events.forget(streamPrefix(id));
    if (held === undefined) return this.#forgetUnreadable(id);
    this.#leave(held.standing);
    const key = principalKey(held.standing.principal);
    const count = (principals.get(key) ?? 1) - 1;
    if (count > 0) principals.putSync(key, count);
    else principals.removeSync(key);
  }

  /** Nobody knows where it stands, so it is looked for everywhere. */
  #forgetUnreadable(id: string): void {
    for (const database of [this.#databases.deadlines, this.#databases.resting]) {
      const keys = [...database.getKeys().filter(([, of]) => of === id)];
      for (const key of keys) database.removeSync(key);
    }
  }

  #enter(standing: HeldStanding): void {
    const deadline = deadlineOf(standing);
    if (deadline !== Number.POSITIVE_INFINITY) this.#databases.deadlines.putSync([deadline, standing.id], null);
    this.#databases.resting.putSync(restingKey(standing), null);
    if (this.#isLive(standing)) this.#counts.live++;
  }

  #leave(standing: HeldStanding): void {
    const deadline = deadlineOf(standing);
    if (deadline !== Number.POSITIVE_INFINITY) this.#databases.deadlines.removeSync([deadline, standing.id]);
    this.#databases.resting.removeSync(restingKey(standing));
    if (this.#isLive(standing)) this.#counts.live--;
  }

  #isLive({ parkedAt, run }: HeldStanding): boolean {
    return parkedAt === null && run === this.#run.number;
  }

  /** The session that is parked longest, but for one. Those that an earlier run left live are parked since this one. */
  #longestParked(but: string): string | undefined {
    const first = (start: number, end: number) => {
      for (const [since, id] of this.#databases.resting.getKeys({ start: [start, FIRST_ID], end: [end, FIRST_ID] })) {
        if (id !== but) return { since, id };
      }
      return undefined;
    };
    const parked = first(-LIVE, LIVE);
    if (parked !== undefined && parked.since < this.#run.since) return parked.id;
    return (first(LIVE, LIVE + this.#run.number) ?? parked)?.id;
  }
}

function restingKey({ parkedAt, run = 0, id }: HeldStanding): [number, string] {
  return [parkedAt ?? LIVE + run, id];
}

/** Principals may be of any length, and are nobody's business who looks into the folder. */
function principalKey(principal: string | null): string {
  return createHash('sha256').update(JSON.stringify(principal)).digest('base64url');
}
