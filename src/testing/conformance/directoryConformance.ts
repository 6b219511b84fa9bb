/** The contract of a directory as cases that any test runner can run. */
import type { Directory } from '../../index.ts';
import { DIRECTORY_CASES } from './directoryCases.ts';
import { DirectorySubject } from './directorySubject.ts';
import type { StoreTime } from './sessionSubject.ts';
import type { StoreCase } from './storeConformance.ts';

/** A directory, and what has to be done when its case is over. */
export interface OpenedDirectory {
  readonly directory: Directory;
  /** The same directory, as another process has it. Without it that is not tried. */
  readonly other?: Directory;
  /** What leases are counted by, where that is simulated. Otherwise some cases wait for leases of less than a second. */
  readonly time?: StoreTime;
  dispose?(): unknown;
}

/**
 * The contract of a directory (`Directory`) as a list of cases, for any test runner. Each case opens a directory of its own,
 * or one that already has lives of others. A directory that says of nothing that it is gone for some time, because it was
 * restarted, has to be past that.
 * @param createDirectory Opens a directory; may be async, and may return `{ directory, other, time, dispose }`.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { createMemoryDirectory } from 'mcp-session-supervisor';
 * import { directoryConformance } from 'mcp-session-supervisor/testing';
 *
 * for (const { name, run } of directoryConformance(() => createMemoryDirectory())) test(name, run);
 * ```
 */
export function directoryConformance(
  createDirectory: () => Directory | OpenedDirectory | Promise<Directory | OpenedDirectory>,
): StoreCase[] {
  return Object.entries(DIRECTORY_CASES).map(([name, run]) => ({
    name,
    run: async () => {
      const created = await createDirectory();
      const opened: OpenedDirectory = 'directory' in created ? created : { directory: created };
      const subject = new DirectorySubject(opened.directory, opened.other, opened.time);
      try {
        await run(subject);
      } finally {
        await subject.leaveAll();
        await opened.dispose?.();
      }
    },
  }));
}
