/** A start with 100 000 sessions: nothing is loaded, so the first answer comes as soon as from an empty folder. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { start, useCommand } from '../cli/command.ts';
import { freshPath } from '../lmdb/folders.ts';

const FIXTURE = fileURLToPath(new URL('./fixtures/manySessions.js', import.meta.url));
const WITHIN = 120_000;

const built = useCommand();

test('100 000 sessions cost a start a second at most, until all kinds of questions are answered', {
  timeout: WITHIN,
}, async () => {
  const path = await freshPath();
  const run = async (...args: readonly string[]) => {
    const running = start(process.execPath, [FIXTURE, built.importUrl('lmdb/index.js'), path, ...args]);
    expect(await running.exited(WITHIN), running.stderr.slice(-1_000)).toEqual({ code: 0, signal: null });
    return running.stdout;
  };
  await run('100000');
  const told = JSON.parse(await run());
  expect(told).toMatchObject({ verdict: 'found', sessions: 100_000, parked: 100_000, claimed: 'claimed', expired: 10 });
  // From the import of the module on, and on a machine that has other things to do.
  expect(told.all).toBeLessThan(1_000);
});
