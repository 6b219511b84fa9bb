/** The command with --session-store: what outlives the process, what is said of it, and what keeps a directory from use. */
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openStores } from '../../src/cli/sessionStores.ts';
import { type Running, SERVER_MODULE, start, useCommand } from '../cli/command.ts';
import { flagsOf } from '../cli/flags.ts';
import { call, callBody, del, initialize, openStream, post, sessionHeaders } from '../support/wire.ts';

const command = useCommand();
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const journal = { writes: () => false, write: () => {}, aside: () => {}, greet: () => {} };

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sessions-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function serve(...flags: string[]): Promise<{ running: Running; url: string }> {
  const running = command.run([SERVER_MODULE, '--port', '0', ...flags]);
  return { running, url: await running.url() };
}

const found = (running: Running) => running.lines(/^ {2}sessions /).map((line) => line.replace(/^.*; /, ''));

async function count(url: string, sessionId: string): Promise<unknown> {
  const answer = (await call(url, sessionId, 'count')).messages().at(-1);
  return (answer?.result as { content: [{ text: string }] } | undefined)?.content[0].text;
}

describe('a directory', () => {
  test('kill −9: sessions and their state go on in the next process, and those that were ended stay so', async () => {
    const directory = await folder();
    const first = await serve('--session-store', directory);
    expect(found(first.running)).toEqual(['found none']);
    const kept = await initialize(first.url);
    const ended = await initialize(first.url);
    expect(await count(first.url, kept.sessionId)).toBe('1');
    expect((await del(first.url, ended.headers)).status).toBe(200);
    first.running.kill('SIGKILL');
    await first.running.exited();

    const second = await serve('--session-store', directory);
    expect(found(second.running)).toEqual(['found 1']);
    expect(await count(second.url, kept.sessionId)).toBe('2');
    expect((await call(second.url, ended.sessionId, 'count')).status).toBe(404);
    const said = await second.running.line(/^[\d:.]+ {2}restored /);
    expect(said).toContain(
      `restored    ${kept.sessionId.slice(0, 8)}  wire 1.0.0, protocol 2025-11-25, epoch 2; 1 open`,
    );
  });

  test('a drain leaves them there, lets go of the directory, and says so', async () => {
    const directory = await folder();
    const first = await serve('--session-store', directory);
    const { sessionId } = await initialize(first.url);
    first.running.kill('SIGTERM');
    expect(await first.running.exited()).toEqual({ code: 0, signal: null });
    expect(first.running.lines(/^[\d:.]+ {2}parked /)).toEqual([
      expect.stringMatching(/until it is asked for; 0 open$/),
    ]);
    expect(first.running.lines(/^[\d:.]+ {2}terminated /)).toEqual([]);
    expect(first.running.stdout).toMatch(
      /stopped after \S+: 1 session kept for the next start, 0 sessions ended, no call was cut off\n$/,
    );
    const second = command.run([SERVER_MODULE, '--port', '0', '--session-store', directory, '--log-format', 'json']);
    const { sessions, url } = JSON.parse(await second.line(/server\.listening/));
    expect(sessions).toEqual({ directory, found: 1 });
    expect(await count(url, sessionId)).toBe('1');
  });

  test('with --resumable its events outlive the process too: a call that was cut off is answered with an error', async () => {
    const directory = await folder();
    const flags = ['--session-store', directory, '--resumable'];
    const first = await serve(...flags);
    const { headers } = await initialize(first.url);
    const stream = await openStream(first.url, { headers, body: callBody('hold') });
    const primed = await stream.next();
    await first.running.line(/holding/);
    first.running.kill('SIGKILL');
    await first.running.exited();
    const second = await serve(...flags);
    const resumed = await openStream(second.url, { headers: { ...headers, 'last-event-id': primed.id } });
    expect(await resumed.message()).toMatchObject({ id: 1, error: { code: -32000 } });
  });

  test('a process that waits for another one takes over its sessions, and its port', async () => {
    const directory = await folder();
    const first = await serve('--session-store', directory);
    const { port } = new URL(first.url);
    const { sessionId } = await initialize(first.url);
    const second = command.run([SERVER_MODULE, '--port', port, '--session-store', directory]);
    await second.line(/waiting up to 10s for another process to let go of /);
    first.running.kill('SIGTERM');
    expect(await second.url()).toBe(first.url);
    expect(await count(first.url, sessionId)).toBe('1');
  });
});

describe('parking', () => {
  test('--park-after: the server is closed, and there again when it is asked for', async () => {
    const { running, url } = await serve('--session-store', 'memory', '--park-after', '100ms');
    expect(found(running)).toEqual([
      expect.stringMatching(/parked ones are kept in memory, and end with this process$/),
    ]);
    const { sessionId } = await initialize(url);
    expect(await count(url, sessionId)).toBe('1');
    expect((await running.line(/^[\d:.]+ {2}idle /)).replace(/^.* {2}/, '')).toBe(
      'parked in 100ms (once no handler runs), ends in 30m unless used',
    );
    await running.line(/^[\d:.]+ {2}parked /);
    expect(await count(url, sessionId)).toBe('2');
    await running.line(/^[\d:.]+ {2}restored /);
  });

  test('a drain ends what is kept in memory', async () => {
    const { running, url } = await serve('--session-store', 'memory');
    await initialize(url);
    running.kill('SIGTERM');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    expect(running.lines(/^[\d:.]+ {2}terminated /)).toEqual([expect.stringMatching(/drained, after \S+; 0 open$/)]);
    expect(running.stdout).toMatch(/: 1 session ended, no call was cut off\n$/);
  });

  test('--max-state-size: what state may have, for the first server too', async () => {
    const path = await command.module(
      'stateful.mjs',
      `import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
       export default (session) => {
         session.state.set('much', 'x'.repeat(100_000));
         return new McpServer({ name: 'stateful', version: '1' });
       };`,
    );
    const running = command.run([path, '--port', '0', '--max-state-size', '128kb']);
    expect((await post(await running.url(), {}, sessionHeaders('none'))).status).toBe(404);
    const refused = command.run([path, '--port', '0']);
    await refused.errorLine(/factory of .* failed: The state of a session can't be set: it would have 100011 bytes/);
  });
});

describe('without a directory', () => {
  test('--resumable keeps events in memory, one store for each start', async () => {
    const flags = flagsOf('--resumable');
    const [first, second] = [await openStores(flags, journal), await openStores(flags, journal)];
    expect(first).toMatchObject({ eventStore: { events: 0, bytes: 0 }, kept: undefined });
    expect(first).not.toHaveProperty('sessionStore');
    expect(first.eventStore).not.toBe(second.eventStore);
  });

  test('no flag, no store', async () => {
    const stores = await openStores(flagsOf(), journal);
    expect(stores).toEqual({ kept: undefined, close: expect.any(Function) });
    await stores.close();
  });
});

describe('a directory that can’t be had: exit code 1, one line', () => {
  async function failure(running: Running): Promise<string> {
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    expect(running.stderr).toMatch(/^mcp-session-supervisor: [^\n]+\n$/);
    return running.stderr.trimEnd().replace('mcp-session-supervisor: ', '');
  }

  const run = (directory: string, ...flags: string[]) =>
    command.run([SERVER_MODULE, '--port', '0', '--session-store', directory, ...flags]);

  test('because another process has it', async () => {
    const directory = await folder();
    await serve('--session-store', directory);
    expect(await failure(run(directory, '--shutdown-timeout', '300ms'))).toBe(
      `cannot keep sessions in ${directory}: another process has it, and did not let go of it within 300ms; ` +
        'a directory is for one process at a time',
    );
  });

  test('because it holds something else', async () => {
    const directory = await folder();
    await mkdir(join(directory, 'open'), { mode: 0o755 });
    await writeFile(join(directory, 'open', 'letter.txt'), 'hello');
    expect(await failure(run(join(directory, 'open')))).toMatch(/^cannot keep sessions in .*: path: .* of their own$/);
  });

  test('because it is a file', async () => {
    const directory = await folder();
    await writeFile(join(directory, 'file'), '');
    expect(await failure(run(join(directory, 'file')))).toMatch(/could not be opened; cause: .*EEXIST/);
  });

  test('because lmdb, or redis, is not installed: how it is', async () => {
    const project = await folder();
    const build = fileURLToPath(command.importUrl('.'));
    await cp(build, join(project, 'dist'), { recursive: true });
    await cp(join(ROOT, 'package.json'), join(project, 'package.json'));
    for (const name of ['@modelcontextprotocol', 'commander', 'fastest-levenshtein', 'ws', 'xstate', 'zod']) {
      await mkdir(join(project, 'node_modules'), { recursive: true });
      await symlink(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
    }
    await cp(SERVER_MODULE, join(project, 'server.js'));
    const args = [join(project, 'dist/cli/main.js'), './server.js', '--port', '0'];
    const sessions = ['--session-store', '.sessions'];
    expect(await failure(start(process.execPath, [...args, ...sessions], { cwd: project }))).toBe(
      'cannot keep sessions in .sessions: Stores in a folder need the package lmdb, which is not installed (npm i lmdb)',
    );
    const inRedis = ['--session-store', 'redis://127.0.0.1:1'];
    expect(await failure(start(process.execPath, [...args, ...inRedis], { cwd: project }))).toBe(
      'cannot keep sessions in Redis: Stores in Redis need the package redis: npm i redis',
    );
    // Nobody else needs them.
    await start(process.execPath, [...args, '--session-store', 'memory'], { cwd: project }).url();
  });
});
