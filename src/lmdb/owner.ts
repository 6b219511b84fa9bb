/**
 * Who owns the folder: one process at a time, and nobody once it has died. The owner listens on a socket in the folder
 * whose name no other ever had, and its name stands in the environment. A socket that refuses connections is that of a
 * dead process, for good, since the kernel closes it with the process and its name is not used again; so who finds one
 * may put itself in its place, and LMDB's lock on writing decides between two who do.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { SupervisorError } from '../errors.ts';
import type { Environment } from './environment.ts';

/** The longest path that a socket may have, in bytes, everywhere. */
const MAX_PATH = 100;
const SOCKET = /^[0-9a-f]{16}\.sock$/;
/** How long to wait before an owner is tried again that can't be reached, in ms. */
const BUSY_PAUSE = 100;
/** What a transaction of one fact needs. It may take what is kept: who can't open the store can't remove either. */
const ONE_FACT = { bytes: 64 * 1024, inOnePiece: 0, onlyRemoves: true };

export class Owner {
  readonly #folder: string;
  readonly #environment: Environment;
  readonly #name = `${randomBytes(8).toString('hex')}.sock`;
  readonly #server: Server = createServer();
  readonly #connections = new Set<Socket>();
  /** Keeps the folder open where its path is too long for a socket's. */
  #folderFile: number | undefined;

  constructor(folder: string, environment: Environment) {
    this.#folder = folder;
    this.#environment = environment;
    this.#server.on('connection', (socket) => {
      this.#connections.add(socket.unref());
      socket.on('error', () => {}).on('close', () => this.#connections.delete(socket));
    });
  }

  /**
   * Becomes the owner, when the one before has let go. `given` is called within the transaction that makes it so.
   * @throws {SupervisorError} `STORE_IN_USE` when that takes longer than `timeout` ms.
   */
  async acquire(timeout: number, given: () => void, stop: AbortSignal): Promise<void> {
    await this.#listen();
    const late = AbortSignal.any([AbortSignal.timeout(timeout), stop]);
    let dead: string | undefined;
    for (;;) {
      const holder = this.#take(dead, given);
      if (holder === undefined) break;
      if (late.aborted) {
        throw new SupervisorError(
          'STORE_IN_USE',
          `${this.#folder} belongs to another process, which did not let go of it within ${timeout} ms`,
        );
      }
      dead = (await this.#outlive(holder, late)) ? holder : undefined;
    }
    for (const name of readdirSync(this.#folder)) {
      if (SOCKET.test(name) && name !== this.#name) rmSync(join(this.#folder, name), { force: true });
    }
  }

  /** Lets go. All that was written has reached the disk then. */
  release(): void {
    const { facts } = this.#environment.databases;
    this.#environment.transact(
      ONE_FACT,
      () => {
        if (facts.get('owner') === this.#name) facts.removeSync('owner');
      },
      true,
    );
  }

  /** Is no more to be found; who waits learns of it. */
  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if (this.#folderFile !== undefined) closeSync(this.#folderFile);
    this.#folderFile = undefined;
  }

  /** Takes the place of nobody, or of one that is dead. Returns who else has it. */
  #take(dead: string | undefined, given: () => void): string | undefined {
    const { facts } = this.#environment.databases;
    return this.#environment.transact(
      ONE_FACT,
      () => {
        const holder = facts.get('owner');
        if (holder !== undefined && holder !== dead) return holder;
        facts.putSync('owner', this.#name);
        given();
        return undefined;
      },
      true,
    );
  }

  /** Waits until another owner is gone, if it is there. Returns whether it is dead. */
  #outlive(holder: string, late: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.#pathOf(holder));
      const stop = () => socket.destroy();
      late.addEventListener('abort', stop, { once: true });
      let code: string | undefined;
      socket.on('error', (error: NodeJS.ErrnoException) => {
        code = error.code;
      });
      // A connection that ends may be that of an owner who lets go, or dies: it is looked at again.
      socket.on('close', () => {
        late.removeEventListener('abort', stop);
        const dead = code === 'ECONNREFUSED' || code === 'ENOENT';
        if (code === undefined || dead) resolve(dead);
        else setTimeout(() => resolve(false), BUSY_PAUSE); // it is there, and has too much to do to be reached
      });
    });
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(new SupervisorError('STORE_FAILED', `There can be no socket in ${this.#folder}`, { cause })),
      );
      this.#server.listen(this.#pathOf(this.#name), () => {
        this.#server.unref();
        resolve();
      });
    });
  }

  #pathOf(name: string): string {
    const path = join(this.#folder, name);
    if (process.platform === 'win32') return `\\\\.\\pipe\\mcp-session-supervisor-${name}`;
    if (Buffer.byteLength(path) <= MAX_PATH) return path;
    if (process.platform !== 'linux') {
      throw new SupervisorError('INVALID_OPTION', `path: ${this.#folder} is too long for a socket in it`);
    }
    this.#folderFile ??= openSync(this.#folder, 'r');
    return `/proc/self/fd/${this.#folderFile}/${name}`;
  }
}
