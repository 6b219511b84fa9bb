/** Folders for stores on LMDB, which are closed and removed when their test is over. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLmdbStores, type LmdbStores, type LmdbStoresOptions } from 'mcp-session-supervisor/lmdb';
import { onTestFinished } from 'vitest';

/** A path where there is nothing yet. */
export async function freshPath(onEnd: (end: () => Promise<void>) => void = onTestFinished): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lmdb-'));
  onEnd(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'stores');
}

/** Stores that are closed when the test is over. */
export function stores(path: string, options: Partial<LmdbStoresOptions> = {}): LmdbStores {
  const made = createLmdbStores({ path, ...options });
  onTestFinished(() => made.close());
  return made;
}
