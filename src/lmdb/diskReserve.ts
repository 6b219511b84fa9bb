/**
 * Room on the disk, taken before it is needed. LMDB's own code goes astray where the disk is full while it commits: it
 * writes beyond the end of a buffer of 100 bytes as it words the error, and the process may end. So its file is made
 * longer here first, by writing zeros behind its end, where a lack of room is an error like others; and LMDB writes only
 * where there is room already. Where the file can't grow, it may still use again what it has freed.
 */
import { closeSync, constants, fstatSync, openSync, statfsSync, writeSync } from 'node:fs';
import { SupervisorError } from '../errors.ts';

/** What a transaction needs at most. */
export interface Room {
  /** In bytes, all in all. */
  readonly bytes: number;
  /** Of that, what has to be in one piece: freed pages are rarely neighbours. */
  readonly inOnePiece: number;
  /** It frees more than it needs, so it may take what is kept for that. */
  readonly onlyRemoves: boolean;
}

/** What LMDB knows of its file, in bytes. */
export interface FileUse {
  /** Where what is in use ends. */
  used(): number;
  /** What is free before that, about. */
  free(): number;
}

/** What is taken at once beyond what is needed, in bytes, and the part of the free disk that it may be. */
const CHUNK = 4 * 1024 * 1024;
const DISK_SHARE = 1 / 16;
const ZEROS = Buffer.alloc(64 * 1024);

/** What is left for removals on a disk that is full. */
const FOR_REMOVALS = 512 * 1024;

/** How many times more has to be free than is needed: LMDB can't use again at once what was freed last. */
const FREE_SHARE = 4;

export class DiskReserve {
  readonly #path: string;
  readonly #file: number;
  readonly #maxSize: number;
  readonly #use: FileUse;
  #end: number;
  /** Bytes that are in use at most: those at the last look, and what transactions may have taken since. */
  #used: number;

  constructor(path: string, maxSize: number, use: FileUse) {
    this.#path = path;
    this.#file = openSync(path, constants.O_RDWR);
    this.#maxSize = maxSize;
    this.#use = use;
    this.#end = fstatSync(this.#file).size;
    this.#used = use.used();
  }

  /**
   * Takes room for a transaction.
   * @throws {SupervisorError} `STORE_FAILED` where there is none.
   */
  take({ bytes, inOnePiece, onlyRemoves }: Room): void {
    const needed = onlyRemoves ? bytes : bytes + FOR_REMOVALS;
    if (this.#used + needed > this.#end) this.#used = this.#use.used();
    if (this.#used + needed > this.#end) {
      const cause = this.#grow(this.#used + needed);
      if (cause !== undefined && !this.#hasFreed(bytes, inOnePiece)) {
        throw new SupervisorError('STORE_FAILED', 'There is no room on the disk for the store', { cause });
      }
    }
    this.#used += bytes;
  }

  close(): void {
    closeSync(this.#file);
  }

  #hasFreed(bytes: number, inOnePiece: number): boolean {
    return this.#use.free() >= FREE_SHARE * bytes && this.#used + inOnePiece <= this.#end;
  }

  /** Makes the file so long at least; why that can't be, if so. */
  #grow(needed: number): unknown {
    let cause: unknown = new Error(`The file may have ${this.#maxSize} bytes (maxSize)`);
    try {
      const { bavail, bsize } = statfsSync(this.#path);
      const spare = Math.min(CHUNK, bavail * bsize * DISK_SHARE);
      const wanted = Math.ceil(Math.min(needed + spare, this.#maxSize));
      while (this.#end < wanted) {
        this.#end += writeSync(this.#file, ZEROS, 0, Math.min(ZEROS.length, wanted - this.#end), this.#end);
      }
    } catch (error) {
      cause = error; // there may have been less than was wanted, and enough
    }
    return this.#end < needed ? cause : undefined;
  }
}
