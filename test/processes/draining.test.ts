/** The command's end: what a signal lets finish, what it cuts off, and with which exit code. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Running, SERVER_MODULE, start, useCommand } from '../cli/command.ts';
import { rawSocket } from '../support/rawSocket.ts';
import { turns, until, withTimeout } from '../support/until.ts';
import {
  call,
  initialize,
  initializeBody,
  openStream,
  post,
  sessionHeaders,
  type WireResponse,
} from '../support/wire.ts';

const command = useCommand();

async function serve(...flags: string[]): Promise<{ running: Running; url: string }> {
  const running = command.run([SERVER_MODULE, '--port', '0', ...flags]);
  return { running, url: await running.url() };
}

/** Calls a tool that answers when the process gets SIGUSR2; resolves when its handler runs. */
async function hold(running: Running, url: string, sessionId: string): Promise<{ answer: Promise<WireResponse> }> {
  const answer = call(url, sessionId, 'hold');
  // Where the process dies first, the test has its own opinion of that.
  answer.catch(() => {});
  await running.line(/^holding$/);
  return { answer };
}

describe('a drain', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s with nothing open', async (signal) => {
    const { running } = await serve();
    running.kill(signal);
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    const said = `${signal}: draining 0 sessions, nothing in flight; a second signal exits at once, the same one after 0.5s$`;
    expect(running.lines(/draining/)).toEqual([expect.stringMatching(new RegExp(said))]);
    expect(running.stdout).toMatch(/stopped after \S+: 0 sessions ended, no call was cut off\n$/);
    expect(running.stderr).toBe('');
  });

  test('a call in flight gets its answer, while new sessions are refused', async () => {
    const { running, url } = await serve();
    const { sessionId } = await initialize(url);
    const { answer } = await hold(running, url, sessionId);
    running.kill('SIGTERM');
    await running.line(/SIGTERM: draining 1 session, waiting up to 10s for 1 call in flight/);
    const refused = await post(url, initializeBody());
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
    running.kill('SIGUSR2');
    expect((await answer).text).toContain('released');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    expect(running.lines(/terminated/)).toEqual([expect.stringMatching(/ {2}drained, after /)]);
    expect(running.stdout).toMatch(/stopped after \S+: 1 session ended, no call was cut off\n$/);
  });

  test('parked GET streams are closed at once', async () => {
    const { running, url } = await serve();
    const { sessionId } = await initialize(url);
    const stream = await openStream(url, { headers: sessionHeaders(sessionId) });
    running.kill('SIGTERM');
    expect(await withTimeout(stream.closed)).toBe(true);
    expect(await running.exited()).toEqual({ code: 0, signal: null });
  });

  test('a call that outlasts --shutdown-timeout is answered with an error, told, and shows in the exit code', async () => {
    const { running, url } = await serve('--shutdown-timeout', '200ms');
    const { sessionId } = await initialize(url);
    const { answer } = await hold(running, url, sessionId);
    running.kill('SIGTERM');
    expect((await answer).messages().at(-1)?.error).toBeDefined();
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    expect(running.stderr).toMatch(
      /warning: stopped after \S+: 1 session ended, 1 call cut off by --shutdown-timeout\n$/,
    );
  });

  test.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('a second %s exits at once', async (signal, code) => {
    const { running, url } = await serve('--shutdown-timeout', '1h');
    const { sessionId } = await initialize(url);
    await hold(running, url, sessionId);
    running.kill(signal);
    await running.line(/draining/);
    // Two within half a second are one wish, so the person keeps asking.
    await until(() => {
      running.kill(signal);
      return running.child.exitCode !== null;
    });
    expect(await running.exited()).toEqual({ code, signal: null });
  });

  test('the same signal within half a second is one wish', async () => {
    const { running, url } = await serve('--shutdown-timeout', '1h');
    const { sessionId } = await initialize(url);
    const { answer } = await hold(running, url, sessionId);
    const begun = performance.now();
    running.kill('SIGTERM');
    running.kill('SIGTERM');
    await running.line(/draining/);
    // Far less than half a second, which a busy machine may take to hand them over.
    while (performance.now() - begun < 100) {
      running.kill('SIGTERM');
      await turns(1);
    }
    running.kill('SIGUSR2');
    expect((await answer).text).toContain('released');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
  });

  test('another signal exits at once, however soon', async () => {
    const { running, url } = await serve('--shutdown-timeout', '1h');
    const { sessionId } = await initialize(url);
    await hold(running, url, sessionId);
    running.kill('SIGINT');
    await running.line(/draining/);
    running.kill('SIGTERM');
    expect(await running.exited()).toEqual({ code: 143, signal: null });
  });

  test('idle connections, which are kept for long, are closed at once', async () => {
    const { running, url } = await serve();
    const socket = await rawSocket(Number(new URL(url).port));
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect((await socket.readHead()).headers['keep-alive']).toBe('timeout=65');
    running.kill('SIGTERM');
    await withTimeout(socket.closed, { what: 'the idle connection to be closed' });
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    const [, took = ''] = /stopped after (\d+)ms/.exec(running.stdout) ?? [];
    // By force it would have been a second.
    expect(Number(took || Number.NaN)).toBeLessThan(900);
  });

  test('a connection that lingers in the middle of a request is closed', async () => {
    const { running, url } = await serve();
    const socket = await rawSocket(Number(new URL(url).port));
    socket.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\n');
    // Its bytes are there when a later request has been answered.
    await initialize(url);
    running.kill('SIGTERM');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
  });

  test('what the module left running does not keep the process alive', async () => {
    const source = `
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
      setInterval(() => {}, 1_000);
      export default () => new McpServer({ name: 'restless', version: '1.0.0' });`;
    await command.module('restless.mjs', source);
    const running = command.run(['./restless.mjs', '--port', '0'], { cwd: command.directory });
    await running.url();
    running.kill('SIGTERM');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
  });
});

describe('other endings', () => {
  test.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s before anything is served exits at once', async (signal, code) => {
    const source = `console.log('loading');\nsetInterval(() => {}, 1_000);\nawait new Promise(() => {});`;
    await command.module('loading.mjs', source);
    const running = command.run(['./loading.mjs', '--port', '0'], { cwd: command.directory });
    await running.line(/^loading$/);
    running.kill(signal);
    expect(await running.exited()).toEqual({ code, signal: null });
  });

  test('that nobody reads the log any more ends no session', async () => {
    const { running, url } = await serve();
    const { sessionId } = await initialize(url);
    running.child.stdout?.destroy();
    running.child.stderr?.destroy();
    for (let calls = 0; calls < 5; calls++) {
      expect((await call(url, sessionId, 'late', { how: 'throw' })).text).toContain('answered');
    }
    running.kill('SIGTERM');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
  });
});

describe('npm start', () => {
  test.each([
    ['SIGTERM to npm', false, 'SIGTERM'],
    ['Ctrl-C, which every process of the terminal gets, and npm forwards once more', true, 'SIGINT'],
  ] as const)('serves the reference server and drains on %s', { timeout: 90_000 }, async (_, group, signal) => {
    // Not where somebody's own are kept who runs it beside.
    const directory = await mkdtemp(join(tmpdir(), 'sessions-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const running = start('npm', ['start', '--', '--port', '0', '--session-store', directory], { group: true });
    // It builds everything before.
    const url = await running.url(60_000);
    expect(running.lines(/ server /)).toEqual([expect.stringContaining('mcp-servers/everything')]);
    const { sessionId } = await initialize(url);
    const answer = call(url, sessionId, 'trigger-long-running-operation', { duration: 0.5, steps: 1 });
    await until(() => running.lines(/ active /).length >= 3);
    const pid = running.child.pid ?? 0;
    process.kill(group ? -pid : pid, signal);
    expect((await answer).text).toContain('Long running operation completed');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    expect(running.stdout).toMatch(/stopped after \S+: 1 session kept for the next start, /);
  });

  test('keeps its sessions in a directory that git ignores', async () => {
    const read = (name: string) => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: { start: string } };
    expect(scripts.start).toMatch(/ --session-store \.sessions$/);
    expect((await read('.gitignore')).split('\n')).toContain('.sessions/');
  });
});
