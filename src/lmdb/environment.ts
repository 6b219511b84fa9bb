/**
 * The LMDB environment of the stores: its databases, and transactions over them. Only the synchronous calls of `lmdb` are
 * used: on a full disk its asynchronous ones reject where nobody can catch it, which ends the process.
 */
import { join } from 'node:path';
import type { Database, RootDatabase } from 'lmdb';
import { checkDatabaseFiles } from './databaseFiles.ts';
import { DiskReserve, type Room } from './diskReserve.ts';
import type { ResolvedLmdbOptions } from './lmdbOptions.ts';
import type { Lmdb } from './peer.ts';

/** What is in the environment. Every change of it belongs into a transaction. */
export interface Databases {
  /** Records as text, by id. */
  readonly sessions: Database<string, string>;
  /** Sessions that have a deadline: `[deadline, id]`. */
  readonly deadlines: Database<null, [number, string]>;
  /** Sessions in the order in which they are to be evicted: `[since, id]`. */
  readonly resting: Database<null, [number, string]>;
  /** How many sessions a principal has, by a hash of it. */
  readonly principals: Database<number, string>;
  /** Events as text, by number. */
  readonly events: Database<string, number>;
  /** The numbers of a stream's events, by its id as bytes. */
  readonly streams: Database<number, Buffer>;
  /** The owner, the number of the run, and how many events there are. */
  readonly facts: Database<string, string>;
}

/** Flags of a transaction (`TransactionFlags`, an enum that erasable syntax can't import). */
const ABORTABLE = 1;
const SYNCHRONOUS_COMMIT = 2;
const NO_SYNC_FLUSH = 0x10000;

/** What the databases themselves need where they are new, in bytes. */
const FOR_DATABASES = 256 * 1024;
const META_PAGES = 2;
/** What a number of an event takes at most among others of its stream, in bytes. */
const PER_VALUE = 64;

export class Environment {
  readonly databases: Databases;
  readonly #root: RootDatabase;
  readonly #reserve: DiskReserve;
  readonly #flags: number;

  constructor(
    lmdb: Lmdb,
    folder: string,
    { durability, maxSize }: Pick<ResolvedLmdbOptions, 'durability' | 'maxSize'>,
  ) {
    checkDatabaseFiles(folder);
    // Overlapping sync would have each synchronous commit wait for the disk.
    this.#root = lmdb.open({ path: folder, maxDbs: 16, mapSize: maxSize, overlappingSync: false, noMemInit: false });
    const root = this.#root;
    this.#reserve = new DiskReserve(join(folder, 'data.mdb'), maxSize, {
      used: () => {
        const { lastPageNumber, pageSize } = statsOf(root);
        return (lastPageNumber + 1) * pageSize;
      },
      free: () => this.#free(),
    });
    this.#flags = ABORTABLE | SYNCHRONOUS_COMMIT | (durability === 'power' ? 0 : NO_SYNC_FLUSH);
    this.#reserve.take({ bytes: FOR_DATABASES, inOnePiece: 0, onlyRemoves: false });
    this.databases = {
      sessions: root.openDB({ name: 'sessions', encoding: 'string' }),
      deadlines: root.openDB({ name: 'deadlines', encoding: 'ordered-binary' }),
      resting: root.openDB({ name: 'resting', encoding: 'ordered-binary' }),
      principals: root.openDB({ name: 'principals', encoding: 'ordered-binary' }),
      events: root.openDB({ name: 'events', encoding: 'string' }),
      // Within a transaction the binding reads a key where there is none, from whatever memory holds, when it is asked for
      // the values of one: of keys of another encoding it may not be able to make sense then, and throws.
      streams: root.openDB({ name: 'streams', keyEncoding: 'binary', encoding: 'ordered-binary', dupSort: true }),
      facts: root.openDB({ name: 'facts', encoding: 'string' }),
    };
  }

  /**
   * Runs a transaction that needs so much room at most. When it throws, nothing of it is left.
   * @param sync Waits for the disk, whatever the durability: for all that was written before as well.
   * @throws {SupervisorError} `STORE_FAILED` where there is no room; or what LMDB throws.
   */
  transact<T>(room: Room, action: () => T, sync = false): T {
    this.#reserve.take(room);
    return this.#root.transactionSync(action, sync ? ABORTABLE | SYNCHRONOUS_COMMIT : this.#flags);
  }

  async close(): Promise<void> {
    this.#reserve.close();
    await this.#root.close();
  }

  /** Bytes before the end of what is in use that nothing is in. */
  #free(): number {
    const all = Object.values(this.databases).map((database: Database) => statsOf(database));
    const [{ lastPageNumber, pageSize, root, free }] = all as [Stats];
    const pages = [...all, root, free].reduce((sum, tree) => sum + pagesOf(tree), 0);
    // Values under one key may have pages of their own, which are not among those.
    const values = this.databases.streams.getStats() as Stats;
    return (lastPageNumber + 1 - META_PAGES - pages) * pageSize - values.entryCount * PER_VALUE;
  }
}

interface TreeStats {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

interface Stats extends TreeStats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly entryCount: number;
  /** The trees of the databases' names, and of the pages that are free. */
  readonly root: TreeStats;
  readonly free: TreeStats;
}

/** What LMDB tells of a database; its types say nothing of that. */
function statsOf(database: Database): Stats {
  return database.getStats() as Stats;
}

function pagesOf({ treeBranchPageCount, treeLeafPageCount, overflowPages }: TreeStats): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages;
}
