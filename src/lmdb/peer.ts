/**
 * The package `lmdb`, an optional peer. It is loaded when stores are opened, so that whoever imports them without it hears
 * what to do about that.
 */
import type { open } from 'lmdb';
import { SupervisorError } from '../errors.ts';

/** What is used of it. */
export interface Lmdb {
  readonly open: typeof open;
}

/** @throws {SupervisorError} `STORE_FAILED`, which says how it is installed where it is not. */
export async function loadLmdb(): Promise<Lmdb> {
  try {
    return await import('lmdb');
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const why = isMissing ? 'which is not installed (npm i lmdb)' : 'which could not be loaded';
    throw new SupervisorError('STORE_FAILED', `Stores in a folder need the package lmdb, ${why}`, { cause });
  }
}
