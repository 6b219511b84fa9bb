/** Options of the stores on LMDB: documentation, default, refusal. */
import { checkOptions, invalid, SupervisorError } from '../errors.ts';
import type { MemoryEventStoreOptions } from '../stores/memoryEventStore.ts';
import { checkBounds, type StoreBounds } from '../stores/storeBounds.ts';

/** Options of `createLmdbStores`. Durations are in ms, sizes in bytes. */
export interface LmdbStoresOptions {
  /**
   * The folder that the stores have for themselves; it is made where there is none, and only its owner can read it
   * (0700). On a local disk, never on a network's.
   */
  path: string;
  /**
   * What an acknowledged write survives. `'process'` (default): the end of the process, however it ends; after a crash of
   * the machine the folder is begun anew. `'power'`: that too, and each turn of the event loop that writes waits for the
   * disk.
   */
  durability?: 'process' | 'power' | undefined;
  /** How long to wait, in ms, for another process to let go of the folder; then `STORE_IN_USE`. Default 10 000. */
  shutdownTimeout?: number | undefined;
  /** How large its file may grow, in bytes. Beyond it writes are refused as on a full disk. Default 16 GiB. */
  maxSize?: number | undefined;
  /** Bounds of the event store, which has those of `createMemoryEventStore`, and the same defaults. */
  events?: MemoryEventStoreOptions | undefined;
}

export interface ResolvedLmdbOptions {
  readonly path: string;
  readonly durability: 'process' | 'power';
  readonly shutdownTimeout: number;
  readonly maxSize: number;
  readonly bounds: StoreBounds;
  readonly now: () => number;
}

const NAMES = ['path', 'durability', 'shutdownTimeout', 'maxSize', 'events'];
const MIN_SIZE = 1024 ** 2;
/** LMDB's binding does not survive to be given more than a process has of addresses. */
const MAX_SIZE = 16 * 1024 ** 4;

/** @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION` */
export function resolveLmdbOptions(given: LmdbStoresOptions): ResolvedLmdbOptions {
  checkOptions('The options of createLmdbStores', given);
  const stranger = Object.keys(given).find((name) => !NAMES.includes(name));
  if (stranger !== undefined) {
    throw new SupervisorError('UNKNOWN_OPTION', `There is no option ${stranger}; there are ${NAMES.join(', ')}`);
  }
  const { path, durability = 'process', shutdownTimeout = 10_000, maxSize = 16 * 1024 ** 3, events = {} } = given;
  if (typeof path !== 'string' || path === '') invalid('path', path, 'the path of a folder');
  if (durability !== 'process' && durability !== 'power') invalid('durability', durability, "'process' or 'power'");
  if (!(shutdownTimeout > 0 && shutdownTimeout < 2 ** 31)) {
    invalid('shutdownTimeout', shutdownTimeout, 'a positive number of ms, below 2^31');
  }
  if (!(maxSize >= MIN_SIZE && maxSize <= MAX_SIZE)) {
    invalid('maxSize', maxSize, 'a number of bytes, from 1 MiB to 16 TiB');
  }
  const bounds = checkBounds(events);
  return { path, durability, shutdownTimeout, maxSize, bounds, now: () => (events.clock ?? Date).now() };
}
