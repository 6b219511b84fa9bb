/**
 * The files of an environment, looked at before LMDB opens them: where it can't, its binding ends the process by a
 * segmentation fault, instead of an error, for some reasons.
 */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where LMDB's first page says that it is one, and how (0xBEEFC0DE). */
const MAGIC_AT = 24;
const MAGIC = 0xbeefc0de;

/** @throws what is wrong with them. */
export function checkDatabaseFiles(folder: string): void {
  for (const name of ['data.mdb', 'lock.mdb']) {
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (!stats.isFile()) throw new Error(`${path} is no file`);
    // The lock is not opened: to close it again would give up what this process has locked by it.
    accessSync(path, constants.R_OK | constants.W_OK);
    if (name === 'data.mdb' && stats.size > 0 && !isDatabase(path)) throw new Error(`${path} is no database of LMDB`);
  }
}

function isDatabase(path: string): boolean {
  const head = Buffer.alloc(MAGIC_AT + 4);
  const file = openSync(path, 'r');
  try {
    return readSync(file, head, 0, head.length, 0) === head.length && head.readUInt32LE(MAGIC_AT) === MAGIC;
  } finally {
    closeSync(file);
  }
}
