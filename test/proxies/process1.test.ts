/** The command as process 1 of a PID namespace, as it is in a container: alone, and behind an init. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Running, start, useCommand } from '../cli/command.ts';
import { until } from '../support/until.ts';
import { call, del, initialize, sessionHeaders } from '../support/wire.ts';

const command = useCommand();

/** A server that leaves a child of its own behind when it ends. */
const LITTERING = `
import { spawn } from 'node:child_process';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
const server = new McpServer({ name: 'littering', version: '1.0.0' });
server.registerTool('ping', {}, () => ({ content: [{ type: 'text', text: 'pong' }] }));
// It ends by itself, after its parent.
spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
await server.connect(new StdioServerTransport());
`;

/** Runs the command in a namespace of its own, behind `init`. */
async function run(init: readonly string[], served: readonly string[]): Promise<{ running: Running; url: string }> {
  const words = [process.execPath, fileURLToPath(command.importUrl('cli/main.js')), '--port', '0', ...served];
  const namespace = ['--pid', '--fork', '--mount-proc', '--mount', '--map-root-user', '--kill-child'];
  const running = start('unshare', [...namespace, ...init, ...words]);
  return { running, url: await running.url() };
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** A letter; Z is a zombie. */
  readonly state: string;
  readonly name: string;
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, comm = '', state = '', parent = ''] =
          /\((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
        return [{ pid: Number(name), parent: Number(parent), state, name: comm }];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

/** All below a process, as they are seen from outside of their namespace. */
function below(pid: number): Process[] {
  const all = processes();
  const found: Process[] = [];
  const parents = new Set([pid]);
  for (let before = -1; before !== found.length; ) {
    before = found.length;
    for (const process of all) {
      if (!parents.has(process.parent) || parents.has(process.pid)) continue;
      parents.add(process.pid);
      found.push(process);
    }
  }
  return found;
}

/** Process 1 of its namespace. */
function first({ child: { pid = 0 } }: Running): number {
  const [one] = below(pid);
  if (one === undefined) throw new Error('Nothing runs in the namespace');
  return one.pid;
}

describe.each([
  ['alone', []],
  ['behind an init', ['tini', '--']],
])('process 1, %s', (_, init) => {
  test('drains on SIGTERM: a call in flight is answered, and it exits with 0', async () => {
    const server = fileURLToPath(new URL('../cli/fixtures/server.js', import.meta.url));
    const { running, url } = await run(init, [server]);
    const { sessionId } = await initialize(url);
    const answer = call(url, sessionId, 'hold');
    await running.line(/^holding$/);
    process.kill(first(running), 'SIGTERM');
    await running.line(/draining 1 session, waiting up to 10s for 1 call/);
    const node = below(running.child.pid ?? 0).filter(({ name }) => name.includes('node') || name === 'MainThread');
    process.kill(node.at(-1)?.pid ?? 0, 'SIGUSR2');
    expect((await answer).text).toContain('released');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
  });

  test('what its servers leave behind is reaped by an init, and by nobody without one', async () => {
    const server = await command.module('littering.mjs', LITTERING);
    const { running, url } = await run(init, ['--', process.execPath, server]);
    const { sessionId } = await initialize(url);
    expect((await call(url, sessionId, 'ping')).text).toContain('pong');
    expect((await del(url, sessionHeaders(sessionId))).status).toBe(200);
    await until(() => zombies(running).every(({ name }) => name === 'cat') && servers(running) === 0, {
      within: 15_000,
      what: 'the server of the session to be gone',
    });
    const left = init.length > 0 ? 0 : 1;
    await until(() => zombies(running).length === left, { within: 5_000, what: `${left} zombies` });
    process.kill(first(running), 'SIGTERM');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
  });
});

const zombies = ({ child }: Running): Process[] => below(child.pid ?? 0).filter(({ state }) => state === 'Z');

/** How many processes of servers there are, ended ones that nobody has reaped included. */
function servers(running: Running): number {
  const [one, ...more] = below(running.child.pid ?? 0);
  return one === undefined ? 0 : more.filter(({ name }) => name === 'node' || name === 'MainThread').length - 1;
}
