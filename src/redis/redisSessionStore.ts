/** The session store in Redis: what is checked before, and what the scripts' answers mean. */
import { randomBytes } from 'node:crypto';
import {
  checkChange,
  checkOwner,
  checkRecord,
  invalid,
  isSessionId,
  RECORD_LIMITS,
  type RecordChange,
  type SessionRecord,
} from '../stores/sessionRecord.ts';
import type {
  Claimed,
  ExpiredSession,
  Loaded,
  Parked,
  Parking,
  SessionCount,
  SessionStore,
} from '../stores/sessionStore.ts';
import type { HeldEpochs } from './heldEpochs.ts';
import { keysOf, sessionTag } from './keys.ts';
import { changeOf, fieldsOf, recordOf } from './recordFields.ts';
import type { RedisStores, Script } from './redisStores.ts';
import { CLAIM, CREATE, LOAD, REMOVE, WRITE } from './sessionScripts.ts';

type Keys = readonly [string, ...string[]];

/** What a script says first, and what comes with that. */
type Answer = readonly [verdict: string, detail?: unknown];

export class RedisSessionStore implements SessionStore {
  readonly durable = true;
  readonly counts = false;
  readonly expires = true;
  readonly #stores: RedisStores;
  readonly #held: HeldEpochs;
  /** The number of the last write. One row for all sessions will do. */
  #writes = 0;

  constructor(stores: RedisStores, held: HeldEpochs) {
    this.#stores = stores;
    this.#held = held;
  }

  async create(record: SessionRecord): Promise<'created' | 'exists' | 'principalFull'> {
    checkRecord(record);
    if (record.parkedAt !== null) throw invalid('it is parked before it was ever open');
    const { id, epoch } = record;
    const [verdict] = await this.#run(CREATE, this.#record(id), fieldsOf(record, nonce()));
    if (verdict === 'created') this.#held.hold(sessionTag(id), epoch);
    return verdict as 'created' | 'exists';
  }

  async load(id: string): Promise<Loaded> {
    if (!isSessionId(id)) return this.#never();
    const [verdict, hash] = await this.#run(LOAD, this.#record(id), []);
    if (verdict === 'gone') return { verdict };
    const record = recordOf(hash as string[]);
    return 'verdict' in record ? record : { verdict: 'found', record };
  }

  async claim(id: string, seen: number, owner?: string): Promise<Claimed> {
    checkOwner(owner);
    if (!isSessionId(id)) return this.#never();
    const [verdict, hash] = await this.#run(CLAIM, this.#record(id), [nonce(), String(seen), owner ?? '']);
    if (verdict === 'gone' || verdict === 'fenced') return { verdict };
    const record = recordOf(hash as string[]);
    if ('verdict' in record) return record;
    this.#held.hold(sessionTag(id), record.epoch);
    return { verdict: 'claimed', record };
  }

  async update(id: string, epoch: number, change: RecordChange): Promise<'updated' | 'gone' | 'fenced'> {
    checkChange(change);
    const verdict = await this.#write(id, epoch, '', changeOf(change));
    return verdict === 'written' ? 'updated' : verdict;
  }

  async park(id: string, epoch: number, { at, change = {} }: Parking): Promise<Parked> {
    checkChange(change);
    if (!Number.isSafeInteger(at)) throw invalid('its parkedAt is not what it has to be');
    const verdict = await this.#write(id, epoch, String(at), changeOf(change));
    if (verdict !== 'written') return { verdict };
    this.#held.release(sessionTag(id), epoch);
    return { verdict: 'parked', evicted: [] };
  }

  async remove(id: string, epoch: number): Promise<'removed' | 'gone' | 'fenced'> {
    if (!isSessionId(id)) return (await this.#never()).verdict;
    const [verdict] = await this.#run(REMOVE, this.#recordAndEvents(id), [nonce(), String(epoch)]);
    if (verdict !== 'fenced') this.#held.release(sessionTag(id), epoch);
    return verdict as 'removed' | 'gone' | 'fenced';
  }

  /** None: they expire by themselves. */
  async expired(): Promise<readonly ExpiredSession[]> {
    this.#stores.checkOpen();
    return [];
  }

  /** Nobody counts them. */
  async count(): Promise<SessionCount> {
    this.#stores.checkOpen();
    return { sessions: 0, parked: 0 };
  }

  async countOf(): Promise<number> {
    this.#stores.checkOpen();
    return 0;
  }

  /** Closes all stores of the connection: they are one. */
  close(): Promise<void> {
    return this.#stores.close();
  }

  async #write(
    id: string,
    epoch: number,
    parkedAt: string,
    change: readonly string[],
  ): Promise<'written' | 'gone' | 'fenced'> {
    if (!isSessionId(id)) return (await this.#never()).verdict;
    for (;;) {
      const number = String(++this.#writes);
      const [verdict, detail] = await this.#run(WRITE, this.#recordAndEvents(id), [
        String(epoch),
        number,
        parkedAt,
        ...change,
      ]);
      if (verdict === 'tooLarge') throw invalid(`its record has ${detail} bytes, and may have ${RECORD_LIMITS.bytes}`);
      if (verdict !== 'late') return verdict as 'written' | 'gone' | 'fenced';
      // This write was done and not heard of, or one with a higher number came first, by another way or of another process.
      this.#writes = Math.max(this.#writes, Number(detail));
    }
  }

  /** All of it may be done twice, and comes to the same. */
  async #run(script: Script, keys: Keys, args: readonly string[]): Promise<Answer> {
    const flag = this.#stores.restarts.matters ? '1' : '';
    const answer = (await this.#stores.runTwice(script, keys, [flag, ...args])) as Answer;
    if (answer[0] !== 'absent') return answer;
    this.#stores.restarts.checkAbsent(String(answer[1]));
    return ['gone'];
  }

  #record(id: string): Keys {
    return [this.#recordAndEvents(id)[0]];
  }

  #recordAndEvents(id: string): Keys {
    return keysOf(this.#stores.prefix, sessionTag(id));
  }

  /** What can't be an id was never created. */
  async #never(): Promise<{ readonly verdict: 'gone' }> {
    this.#stores.checkOpen();
    return { verdict: 'gone' };
  }
}

/** Tells one try of an operation from another's. */
function nonce(): string {
  return randomBytes(6).toString('base64url');
}
