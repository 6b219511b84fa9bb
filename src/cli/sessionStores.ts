/**
 * The stores that the flags ask for. They are opened before the command listens: it says then how many sessions it found,
 * and what is wrong with a directory or with Redis is told at once.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as passing } from 'node:timers/promises';
import { createMemoryEventStore, createMemorySessionStore } from '../index.ts';
import { DEFAULT_SHUTDOWN_TIMEOUT } from './defaults.ts';
import { CommandFailure, describeError, EXIT_USAGE, isSupervisorError } from './failure.ts';
import type { Flags } from './flags.ts';
import type { Journal } from './journal.ts';
import type { StoreOptions } from './supervisorOptions.ts';
import { formatDuration } from './wording.ts';

/** How long the command waits for another process to let go of the directory before it says so, in ms. */
const PATIENCE = 1_000;

/** How long Redis may say nothing at the start, and how soon it is asked again, in ms. */
const REDIS_PATIENCE = 10_000;
const PAUSE = 100;

export interface Stores extends StoreOptions {
  /** Where the sessions are kept, and how many there were; undefined without a session store. */
  readonly kept: KeptSessions | undefined;
  /** Closes them. To be called when the drain is over: it has parked the sessions. */
  close(): Promise<void>;
}

export type KeptSessions =
  /** The directory, as the command line names it; undefined: in memory. */
  | { readonly directory: string | undefined; readonly found: number }
  /** Host and port. How many there are, Redis does not know. */
  | { readonly redis: string };

/** @throws {CommandFailure} when the directory, or Redis, can't be had. */
export async function openStores(flags: Flags, journal: Journal): Promise<Stores> {
  const { sessionStore: location, resumable } = flags;
  if (location?.kind === 'directory') return openDirectory(location.path, flags, journal);
  if (location?.kind === 'redis') return openRedis(location.url, flags);
  const sessionStore = location === undefined ? undefined : createMemorySessionStore();
  return {
    ...(resumable && { eventStore: createMemoryEventStore() }),
    ...(sessionStore !== undefined && { sessionStore }),
    kept: sessionStore === undefined ? undefined : { directory: undefined, found: 0 },
    close: async () => sessionStore?.close(),
  };
}

async function openDirectory(
  path: string,
  { resumable, shutdownTimeout = DEFAULT_SHUTDOWN_TIMEOUT }: Flags,
  journal: Journal,
): Promise<Stores> {
  // Loaded only where it is wanted, and the package that it stands on with it.
  const { createLmdbStores } = await import('../lmdb/index.ts');
  const { sessionStore, eventStore, close } = createLmdbStores({ path, shutdownTimeout });
  const wait = setTimeout(() => {
    const message = `waiting up to ${formatDuration(shutdownTimeout)} for another process to let go of ${path}`;
    journal.write({ level: 'info', event: 'sessionStore.waiting', message });
  }, PATIENCE);
  try {
    const { sessions: found } = await sessionStore.count();
    return { sessionStore, ...(resumable && { eventStore }), kept: { directory: path, found }, close };
  } catch (error) {
    throw storeFailure(path, shutdownTimeout, error);
  } finally {
    clearTimeout(wait);
  }
}

async function openRedis(url: string, { resumable, maxParkedSessions, node }: Flags): Promise<Stores> {
  if (maxParkedSessions !== undefined) {
    const message = 'option --max-parked-sessions has no effect with sessions in Redis, which does not count them';
    throw new CommandFailure(message, EXIT_USAGE);
  }
  const { createRedisStores } = await import('../redis/index.ts');
  try {
    const { sessionStore, eventStore, directory, close } = createRedisStores({ url });
    try {
      await answered(() => eventStore.forget(`${randomUUID()}:`)); // a write that changes nothing
    } catch (error) {
      await close();
      throw error;
    }
    const { hostname, port } = new URL(url);
    return {
      sessionStore,
      ...(resumable && { eventStore }),
      ...(node !== undefined && { directory }),
      kept: { redis: `${hostname}:${port === '' ? 6379 : port}` },
      close,
    };
  } catch (error) {
    if (!isSupervisorError(error)) throw error;
    // Its message has said why; its cause is the client's own words.
    const exitCode = error.code === 'INVALID_OPTION' ? EXIT_USAGE : undefined;
    throw new CommandFailure(`cannot keep sessions in Redis: ${error.message}`, exitCode, { cause: error });
  }
}

/** Where others are busy, loading the client alone may take longer than a command may. What refuses is told at once. */
async function answered(write: () => Promise<void> | void): Promise<void> {
  const until = performance.now() + REDIS_PATIENCE;
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof Error && /did not answer/.test(error.message)) || performance.now() > until) throw error;
      await passing(PAUSE);
    }
  }
}

function storeFailure(path: string, shutdownTimeout: number, error: unknown): unknown {
  if (!isSupervisorError(error)) return error;
  const inUse =
    `another process has it, and did not let go of it within ${formatDuration(shutdownTimeout)}; ` +
    'a directory is for one process at a time';
  const why = error.code === 'STORE_IN_USE' ? inUse : describeError(error);
  return new CommandFailure(`cannot keep sessions in ${path}: ${why}`, undefined, { cause: error });
}
