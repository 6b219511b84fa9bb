/**
 * The stores' life: opened on first use, once at a time, and closed. What is asked of them waits until they are open; so
 * nothing is read at the start but what is asked for.
 */
import { nextTurn } from '../clock.ts';
import { SupervisorError } from '../errors.ts';
import { Environment } from './environment.ts';
import { EventTable } from './eventTable.ts';
import { Folder } from './folder.ts';
import type { ResolvedLmdbOptions } from './lmdbOptions.ts';
import { Owner } from './owner.ts';
import { loadLmdb } from './peer.ts';
import { type Run, SessionTable } from './sessionTable.ts';
import { Writes } from './writes.ts';

/** The stores while they are open. */
export interface OpenStores {
  readonly sessions: SessionTable;
  readonly events: EventTable;
  readonly writes: Writes;
}

interface Everything extends OpenStores {
  readonly folder: Folder;
  readonly environment: Environment;
  readonly owner: Owner;
}

export class LmdbStores {
  readonly #options: ResolvedLmdbOptions;
  readonly #stop = new AbortController();
  #opening: Promise<Everything> | undefined;
  #open: Everything | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedLmdbOptions) {
    this.#options = options;
  }

  /** The stores, when they are open. Where that fails, the next call tries it again. */
  use(): OpenStores | Promise<OpenStores> {
    if (this.#closing !== undefined) throw closed();
    if (this.#open !== undefined) return this.#open;
    this.#opening ??= this.#begin().then(
      (everything) => {
        this.#open = everything;
        return everything;
      },
      (error: unknown) => {
        this.#opening = undefined;
        if (this.#closing !== undefined) throw closed();
        if (error instanceof SupervisorError) throw error;
        throw new SupervisorError('STORE_FAILED', `The stores in ${this.#options.path} could not be opened`, {
          cause: error,
        });
      },
    );
    return this.#opening;
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #begin(): Promise<Everything> {
    const { path, durability, shutdownTimeout, bounds, now } = this.#options;
    const lmdb = await loadLmdb();
    const folder = new Folder(path);
    const environment = new Environment(lmdb, folder.data, this.#options);
    const owner = new Owner(folder.data, environment);
    try {
      let run: Run = { number: 0, since: 0 };
      await owner.acquire(shutdownTimeout, () => (run = nextRun(environment)), this.#stop.signal);
      folder.markOpen(durability);
      folder.removeUntrusted();
      const events = new EventTable(environment.databases, bounds, now);
      const sessions = new SessionTable(environment.databases, run, events);
      const writes = new Writes(environment, [sessions, events]);
      return { folder, environment, owner, sessions, events, writes };
    } catch (error) {
      await owner.close();
      await environment.close();
      throw error;
    }
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    const everything = this.#open ?? (await this.#opening?.catch(() => undefined));
    if (everything === undefined) return;
    const { folder, environment, owner, writes } = everything;
    await new Promise<void>((resolve) => nextTurn(resolve)); // what was asked before has come to be a write then
    await writes.settled();
    try {
      owner.release();
      folder.markClosed();
    } finally {
      await owner.close();
      await environment.close();
    }
  }
}

/** The number of this run, one more than that of the last. */
function nextRun({ databases: { facts } }: Environment): Run {
  const number = Number(facts.get('run') ?? 0) + 1;
  facts.putSync('run', String(number));
  return { number, since: Date.now() };
}

function closed(): SupervisorError {
  return new SupervisorError('STORE_CLOSED', 'The stores were closed');
}
