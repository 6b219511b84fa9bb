/** No room for one more open file: nobody can be started, and nobody else is touched by that. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { start, useCommand } from '../cli/command.ts';
import { freshMarker } from '../stdio/launched.ts';

const built = useCommand();
const FIXTURE = fileURLToPath(new URL('./fixtures/fullOfFiles.js', import.meta.url));

test('without room for files a start is SPAWN_UNAVAILABLE, others live, and no group is taken for empty', async () => {
  const args = [FIXTURE, built.importUrl('stdio/launcher.js'), freshMarker()];
  const running = start('sh', ['-c', 'ulimit -n 100; exec "$@"', 'sh', process.execPath, ...args]);
  expect(JSON.parse(await running.line(/^\[/))).toEqual([
    'EMFILE',
    ['SPAWN_UNAVAILABLE', expect.stringContaining('"sh" can\'t be started: this process has too many files open')],
    ['ready', 'exited'],
    ['ready', 'alive'],
    ['ready', 'exited', 'emptied'],
    ['ready'],
  ]);
  expect(await running.exited()).toEqual({ code: 0, signal: null });
});
