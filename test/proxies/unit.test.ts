/** The unit of docs/operations.md, as systemd reads it, and its times. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseArguments } from '../../src/cli/program.ts';
import { block, commandOf } from './documented.ts';

const unit = block('operations', 'ini', 'mcp@');
const alone = block('operations', 'ini', 'in place of');

/** The unit of one process: the lines that the page has for it, in place of those of the same name. */
function aloneUnit(): string {
  const [, start = '', rest = ''] = /^(ExecStart=(?:.*\\\n)*.*\n)((?:.*\n)*)/m.exec(alone) ?? [];
  return unit
    .replace(/^LoadCredential=cluster.*\n/m, '')
    .replace(/^TimeoutStopSec=.*\n/m, rest)
    .replace(/^ExecStart=(?:.*\\\n)*.*\n/m, () => start);
}

/** What `systemd-analyze verify` says of it, on a machine that has been set up: the programs are there. */
async function verify(text: string): Promise<{ readonly code: number; readonly said: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'unit-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'mcp@1.service'), text);
  const [, program = ''] = /^ExecStart=(\S+)/m.exec(text) ?? [];
  const script = `mount -t tmpfs none /opt
    mkdir -p ${dirname(program)}
    cp /bin/true ${program}
    exec systemd-analyze verify --man=no ${join(folder, 'mcp@1.service')}`;
  return new Promise((resolve) => {
    execFile('unshare', ['--mount', '--map-root-user', 'sh', '-ec', script], { timeout: 20_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), said: `${out}${err}` });
    });
  });
}

test.each([
  ['the two nodes', unit],
  ['one process alone', aloneUnit()],
])('systemd has nothing to say against the unit of %s', async (_, text) => {
  expect(await verify(text)).toEqual({ code: 0, said: '' });
});

test('it would, against a mistake in it', async () => {
  const { said } = await verify(unit.replace('LimitNOFILE=', 'LimitNOFILES='));
  expect(said).toMatch(/LimitNOFILES/);
});

const SECONDS = 1_000;

test.each([
  ['the two nodes', unit, 5],
  ['one process alone', aloneUnit(), 0],
])('of %s: each flag is one, and the process gets the time that it may need', (_, text, delay) => {
  const [, ...args] = commandOf(text, '1', '/run/credentials/mcp@1.service');
  const invocation = parseArguments(args, '0.0.0');
  if (invocation.kind !== 'serve') throw new Error(`It is ${invocation.kind}`);
  const { drainDelay = 0, shutdownTimeout = 0 } = invocation.flags;
  expect(drainDelay).toBe(delay * SECONDS);
  const [, seconds] = /^TimeoutStopSec=(\d+)$/m.exec(text) ?? [];
  expect(Number(seconds) * SECONDS).toBe(drainDelay + 3 * shutdownTimeout + 5 * SECONDS);
});
