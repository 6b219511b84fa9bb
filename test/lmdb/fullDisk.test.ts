/** A disk that is full costs writes, each with an error, and nothing else. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { start, useCommand } from '../cli/command.ts';
import { freshPath } from './folders.ts';

const FIXTURE = fileURLToPath(new URL('./fixtures/fullDisk.js', import.meta.url));
const WITHIN = 60_000;

const built = useCommand();

/** A disk of 2 MiB; undefined where nobody may mount one. */
function smallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'small-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'tmpfs', folder], { stdio: 'pipe' });
  } catch {
    rmdirSync(folder);
    return undefined;
  }
  onTestFinished(() => {
    execFileSync('umount', [folder]);
    rmdirSync(folder);
  });
  return folder;
}

async function expectUnharmed(...args: readonly string[]): Promise<void> {
  const running = start(process.execPath, [FIXTURE, built.importUrl('lmdb/index.js'), ...args]);
  expect(await running.exited(WITHIN), running.stderr.slice(-1_000)).toEqual({ code: 0, signal: null });
  const told = JSON.parse(running.stdout);
  // LMDB itself never saw it: it would have printed a line.
  expect(running.stderr).toBe('');
  expect(told.created).toBeGreaterThan(200);
  expect(Object.keys(told.codes)).toEqual(['STORE_FAILED']);
  expect(told).toMatchObject({ lost: 0, removed: told.created, again: 40, sessions: 40 });
}

test('a full disk: errors, nothing that was acknowledged is lost, and there is room again after removals', {
  timeout: WITHIN,
}, async (context) => {
  const disk = smallDisk();
  if (disk === undefined) {
    console.warn('NOT TRIED: a full disk. Mounting a tmpfs is not permitted here; run this test as root.');
    return context.skip('mounting a tmpfs is not permitted');
  }
  await expectUnharmed(join(disk, 'stores'));
});

test('a file that is as large as it may be: the same', { timeout: WITHIN }, async () => {
  await expectUnharmed(await freshPath(), String(1_500_000));
});
