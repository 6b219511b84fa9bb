/** No room for one more open file: nobody can be started, and nobody else is touched by that. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { start, useCommand } from '../cli/command.ts';
import { freshMarker } from '../stdio/launched.ts';
import { initializeBody, post } from '../support/wire.ts';

const built = useCommand();
const SERVER = fileURLToPath(new URL('../cli/fixtures/stdioServer.js', import.meta.url));
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

test('the command tells of it a few times, however many clients come, and by what it may be changed', async () => {
  const running = built.run(['--port', '0', '--', process.execPath, SERVER]);
  const url = await running.url();
  const { pid } = running.child;
  // Loading its modules takes more files than serving does.
  const limit = readdirSync(`/proc/${pid}/fd`).length + 12;
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:${limit}`]);
  let refused = 0;
  for (let n = 0; n < 60; n++) {
    const answer = await post(url, initializeBody()).catch(() => undefined);
    if (answer?.status !== 200) refused++;
  }
  expect(refused).toBeGreaterThan(10);
  await running.errorLine(/too many files open, `ulimit -n` says how many it may have/);
  expect(running.stderr.split('\n').filter((line) => line.includes('too many files')).length).toBeLessThan(10);
});
