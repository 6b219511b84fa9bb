/**
 * The package as it would be published, installed elsewhere, run by `npx` before a server that `npx` fetches: what README
 * tells people to do. Needs the registry.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, start } from '../cli/command.ts';
import { until } from '../support/until.ts';
import { SDK_CLIENTS } from './sdkClients.ts';
import { ended, Family, lives } from './served.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COMMAND = ['mcp-session-supervisor', '--port', '0', '--'];
const SERVER = ['npx', '-y', '@modelcontextprotocol/server-everything', 'stdio'];

/** Packages are fetched, in ms. */
const INSTALLS_WITHIN = 120_000;
const STARTS_WITHIN = 60_000;

const run = promisify(execFile);
let folder = '';

beforeAll(async () => {
  if (!existsSync(join(ROOT, 'dist/cli/main.js'))) throw new Error('Nothing is built: `npm run test:stdio` does that');
  folder = await mkdtemp(join(tmpdir(), 'packed-'));
  const npm = (...args: string[]) => run('npm', args, { cwd: folder, timeout: INSTALLS_WITHIN });
  // It was built a moment ago; `prepack` would do that again.
  await npm('pack', ROOT, '--ignore-scripts', '--silent');
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  await npm('install', `./${tarball}`, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');
}, 2 * INSTALLS_WITHIN);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs it by npx. It and npx get signals together, as from a terminal. */
async function serve(): Promise<{ running: Running; url: string }> {
  const running = start('npx', ['--no', '--', ...COMMAND, ...SERVER], { cwd: folder, group: true });
  return { running, url: await running.url(STARTS_WITHIN) };
}

/** The command and its processes, once there is one. npx stands between us and it: it is who has the guardian. */
function familyOf({ child }: Running): Family {
  return Family.below(child.pid ?? 0);
}

test.each(SDK_CLIENTS)(
  'serves the %s client, and ends with its processes',
  { timeout: 120_000 },
  async (_v, connect) => {
    const { running, url } = await serve();
    const client = await connect(url);
    const family = familyOf(running);
    expect(client.serverName).toBe('mcp-servers/everything');
    expect(await client.tools()).toContain('echo');
    expect(await client.call('echo', { message: 'packed' })).toBe('Echo: packed');
    expect((await family.members()).length).toBeGreaterThan(0);
    await client.terminate();
    expect(await family.gone()).toEqual([]);
    process.kill(family.parent, 'SIGTERM');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
  },
);

test('kill -9 of the whole thing leaves nothing', { timeout: 120_000 }, async () => {
  const { running, url } = await serve();
  const clients = await Promise.all(SDK_CLIENTS.map(([, connect]) => connect(url)));
  // Kept alive by an interval of their own.
  await Promise.all(clients.map((client) => client.call('toggle-simulated-logging')));
  const family = familyOf(running);
  const members = await family.members();
  const guardian = family.guardian() ?? 0;
  expect(members.length).toBeGreaterThanOrEqual(clients.length);
  process.kill(-(running.child.pid ?? 0), 'SIGKILL');
  await running.exited();
  await until(() => !lives(family.parent), { what: 'the end of the command' });
  expect(await family.gone()).toEqual([]);
  await ended(guardian);
});
