/**
 * The folder of the stores: nobody else may look into it, and what lies in it is trusted only where it can be. Without
 * `durability: 'power'` commits are not waited for to reach the disk, so after a crash of the machine a file may hold a
 * part of the last ones. Each start of the machine therefore has a folder of its own below, which the next one takes over
 * only where it was closed, or was written with `'power'`.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SupervisorError } from '../errors.ts';
import type { ResolvedLmdbOptions } from './lmdbOptions.ts';

/** A file that is there while the data may be ahead of the disk; it says with what durability they are written. */
const MARK = 'open';
const DATA = /^data-[0-9a-f-]{1,64}$/;

export class Folder {
  /** Where the data are. */
  readonly data: string;
  readonly #path: string;

  /** @throws {SupervisorError} `INVALID_OPTION` where the folder is none of ours to have. */
  constructor(path: string) {
    this.#path = resolve(path);
    makePrivate(this.#path);
    this.data = join(this.#path, `data-${bootId()}`);
    this.#takeOver();
    makePrivate(this.data);
  }

  /** From here on the data may be ahead of the disk, in so far as the durability lets them. */
  markOpen(durability: ResolvedLmdbOptions['durability']): void {
    const file = openSync(join(this.data, MARK), 'w', 0o600);
    try {
      writeSync(file, durability);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** All data have reached the disk. */
  markClosed(): void {
    rmSync(join(this.data, MARK), { force: true });
  }

  /** Removes what earlier starts of the machine left and nobody can trust. For who owns the data of this one. */
  removeUntrusted(): void {
    for (const path of this.#others()) rmSync(path, { recursive: true, force: true });
  }

  /** Two processes may be here at once: a folder is taken over by one of them, and both find it. */
  #takeOver(): void {
    for (const path of this.#others()) {
      if (!isTrusted(path)) continue;
      try {
        renameSync(path, this.data);
        return;
      } catch {
        // Another process took it, or there is one of this start, which is newer.
      }
    }
  }

  #others(): string[] {
    const names = readdirSync(this.#path).filter((name) => DATA.test(name));
    return names.map((name) => join(this.#path, name)).filter((path) => path !== this.data);
  }
}

function isTrusted(path: string): boolean {
  try {
    return readFileSync(join(path, MARK), 'utf8') === 'power';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Which start of the machine this is; the same for ever where that can't be told. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '0';
  }
}

/** Makes a folder, and those above it; `recursive` of Node never ends where one is there and can't have another, as in /proc. */
function makeFolder(path: string): void {
  const above = dirname(path);
  if (!existsSync(above)) makeFolder(above);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // It was there, or another process has made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}

/** Makes a folder that only its owner can look into. One that is there is made so, if that hurts nobody. */
function makePrivate(path: string): void {
  makeFolder(path);
  const { mode, uid } = lstatSync(path);
  if (process.platform === 'win32' || (mode & 0o777) === 0o700) return;
  const ours = uid === process.getuid?.() && (mode & 0o1000) === 0;
  if (!ours || readdirSync(path).some((name) => !DATA.test(name))) {
    throw new SupervisorError(
      'INVALID_OPTION',
      `path: ${path} can be read by others, and holds what is not the stores': give them a folder of their own`,
    );
  }
  chmodSync(path, 0o700);
}
