/**
 * Entry point `mcp-session-supervisor/redis`: stores in Redis, or in a Redis Cluster (the optional peer `redis`). Sessions
 * and events outlive the machine, and several nodes share them.
 */
import type { Directory } from '../stores/directory.ts';
import type { ForgettingEventStore } from '../stores/eventLog.ts';
import type { SessionStore } from '../stores/sessionStore.ts';
import { HeldEpochs } from './heldEpochs.ts';
import { RedisDirectory } from './redisDirectory.ts';
import { RedisEventStore as EventStoreInRedis } from './redisEventStore.ts';
import { type RedisStoresOptions, resolveRedisOptions } from './redisOptions.ts';
import { RedisSessionStore } from './redisSessionStore.ts';
import { RedisStores as Stores } from './redisStores.ts';

/** An event store that outlives the machine, and drops a session's events when it is told to. */
export type RedisEventStore = Required<ForgettingEventStore>;

/** What is kept in Redis; each may be used without the others. */
export interface RedisStores {
  /** Does not count sessions (`counts`), and has them end by themselves at their deadlines (`expires`). */
  readonly sessionStore: SessionStore;
  /** On the SDK's `EventStore` contract. A session's events go with its record. */
  readonly eventStore: RedisEventStore;
  /** Which nodes of a cluster live (the option `cluster`). */
  readonly directory: Directory;
  /**
   * Closes all of them, and the connection: when what they were given is done, or after a second. Nobody else does: a
   * drain does not.
   */
  close(): Promise<void>;
}

/**
 * Makes stores in Redis. They connect on first use, and again whenever the connection is lost. A command that is not
 * answered within 2 s rejects with `STORE_FAILED`, and so does each one at once while Redis is away; the message says why,
 * and what to do about it.
 * @throws {SupervisorError} `INVALID_OPTION`, `UNKNOWN_OPTION` or `CONFLICTING_OPTIONS`
 * @example
 * ```ts
 * import { createSessionSupervisor } from 'mcp-session-supervisor';
 * import { createRedisStores } from 'mcp-session-supervisor/redis';
 *
 * const { sessionStore, eventStore, close } = createRedisStores({ url: 'redis://localhost:6379' });
 * const supervisor = createSessionSupervisor({ server, sessionStore, eventStore });
 * process.once('SIGTERM', () => supervisor.drain().then(close).then(() => process.exit()));
 * ```
 */
export function createRedisStores(options: RedisStoresOptions): RedisStores {
  const stores = new Stores(resolveRedisOptions(options));
  const held = new HeldEpochs();
  return {
    sessionStore: new RedisSessionStore(stores, held),
    eventStore: new EventStoreInRedis(stores, held),
    directory: new RedisDirectory(stores),
    close: () => stores.close(),
  };
}

export type { RedisClient, RedisStoresOptions } from './redisOptions.ts';
