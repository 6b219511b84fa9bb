/**
 * Entry point `mcp-session-supervisor/lmdb`: stores in a folder of this machine, on the embedded database LMDB (the
 * optional peer `lmdb`). Sessions and events outlive the process.
 */
import type { ForgettingEventStore } from '../stores/eventLog.ts';
import type { SessionStore } from '../stores/sessionStore.ts';
import { EventStoreOnLmdb } from './lmdbEventStore.ts';
import { type LmdbStoresOptions, resolveLmdbOptions } from './lmdbOptions.ts';
import { LmdbSessionStore } from './lmdbSessionStore.ts';
import { LmdbStores as Stores } from './lmdbStores.ts';

/** An event store that outlives the process, and drops a session's events when it is told to. */
export type LmdbEventStore = Required<ForgettingEventStore>;

/** Both stores of a folder; each may be used without the other. */
export interface LmdbStores {
  readonly sessionStore: SessionStore;
  /** On the SDK's `EventStore` contract. A session's events go with its record. */
  readonly eventStore: LmdbEventStore;
  /** Closes both, when what they were given is done, and lets go of the folder. Nobody else does: a drain does not. */
  close(): Promise<void>;
}

/**
 * Makes the stores of a folder. They are opened on first use, and nothing is loaded then. One process at a time has a
 * folder: where another one does, what is asked waits for `shutdownTimeout` and rejects with `STORE_IN_USE`; a process that
 * died has let go of it.
 * @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION`
 * @example
 * ```ts
 * import { createSessionSupervisor } from 'mcp-session-supervisor';
 * import { createLmdbStores } from 'mcp-session-supervisor/lmdb';
 *
 * const { sessionStore, eventStore, close } = createLmdbStores({ path: '.sessions' });
 * const supervisor = createSessionSupervisor({ server, sessionStore, eventStore });
 * process.once('SIGTERM', () => supervisor.drain().then(close).then(() => process.exit()));
 * ```
 */
export function createLmdbStores(options: LmdbStoresOptions): LmdbStores {
  const stores = new Stores(resolveLmdbOptions(options));
  return {
    sessionStore: new LmdbSessionStore(stores),
    eventStore: new EventStoreOnLmdb(stores),
    close: () => stores.close(),
  };
}

export type { LmdbStoresOptions } from './lmdbOptions.ts';
