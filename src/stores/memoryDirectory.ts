/** A directory in memory: several supervisors of one process are its nodes, in tests and in the simulation. */
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';
import { checkOptions, invalid, SupervisorError } from '../errors.ts';
import { type Directory, MAX_LIVES, type NodeLife } from './directory.ts';

/** Options of `createMemoryDirectory`. */
export interface MemoryDirectoryOptions {
  /** What leases are counted by. Default: the system's clock. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
}

interface Lease {
  readonly life: NodeLife;
  /** When it runs out, in ms since the epoch. */
  until: number;
}

/**
 * Makes a directory in memory.
 * @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION`
 * @example
 * ```ts
 * import { createMemoryDirectory, createMemorySessionStore, createSessionSupervisor } from 'mcp-session-supervisor';
 *
 * // Two nodes in one process, as in a test.
 * const [directory, sessionStore] = [createMemoryDirectory(), createMemorySessionStore()];
 * const [a, b] = ['a', 'b'].map((node) =>
 *   createSessionSupervisor({
 *     server,
 *     sessionStore,
 *     cluster: { directory, node, listen: { host: '127.0.0.1', port: 0 }, secrets: ['a secret of 16 bytes or more'] },
 *   }),
 * );
 * ```
 */
export function createMemoryDirectory(options: MemoryDirectoryOptions = {}): Directory {
  checkOptions('The options of the directory', options);
  const stranger = Object.keys(options).find((name) => name !== 'clock');
  if (stranger !== undefined) {
    throw new SupervisorError('UNKNOWN_OPTION', `There is no option ${stranger}; there is clock`);
  }
  const { clock = SYSTEM_CLOCK } = options;
  if (typeof clock?.now !== 'function') invalid('clock', clock, 'an object with now()');
  return new MemoryDirectory(clock);
}

class MemoryDirectory implements Directory {
  readonly #clock: Pick<Clock, 'now'>;
  /** The last life of each node, by its name. */
  readonly #leases = new Map<string, Lease>();
  #closed = false;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  async join(life: NodeLife, leaseTime: number): Promise<'joined' | 'taken'> {
    this.#checkOpen();
    if (this.#living(life.node) !== undefined) return 'taken';
    for (const node of this.#leases.keys()) if (this.#living(node) === undefined) this.#leases.delete(node);
    this.#leases.set(life.node, { life: { ...life }, until: this.#clock.now() + leaseTime });
    return 'joined';
  }

  async renew(id: string, leaseTime: number): Promise<'renewed' | 'gone'> {
    this.#checkOpen();
    const lease = this.#lease(id);
    if (lease === undefined) return 'gone';
    lease.until = this.#clock.now() + leaseTime;
    return 'renewed';
  }

  async leave(id: string): Promise<void> {
    this.#checkOpen();
    const lease = this.#lease(id);
    if (lease !== undefined) this.#leases.delete(lease.life.node);
  }

  async find(id: string): Promise<NodeLife | undefined> {
    this.#checkOpen();
    return copy(this.#lease(id));
  }

  async named(node: string): Promise<NodeLife | undefined> {
    this.#checkOpen();
    return copy(this.#living(node));
  }

  async lives(): Promise<readonly NodeLife[]> {
    this.#checkOpen();
    const living = [...this.#leases.keys()].flatMap((node) => copy(this.#living(node)) ?? []);
    return living.slice(0, MAX_LIVES);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#leases.clear();
  }

  #living(node: string): Lease | undefined {
    const lease = this.#leases.get(node);
    return lease !== undefined && lease.until > this.#clock.now() ? lease : undefined;
  }

  #lease(id: string): Lease | undefined {
    const lease = this.#living(id.slice(0, id.lastIndexOf('#')));
    return lease?.life.id === id ? lease : undefined;
  }

  #checkOpen(): void {
    if (this.#closed) throw new SupervisorError('STORE_CLOSED', 'The directory was closed');
  }
}

function copy(lease: Lease | undefined): NodeLife | undefined {
  return lease && { ...lease.life };
}
