/** The command serving for real: what it serves, what it prints, who may ask, and what it outlives. */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { connectClient } from '../support/client.ts';
import { listen } from '../support/listen.ts';
import { until } from '../support/until.ts';
import {
  call,
  del,
  exchange,
  get,
  initialize,
  initializeBody,
  post,
  rawSocket,
  sessionHeaders,
} from '../support/wire.ts';
import { type Running, SERVER_MODULE, useCommand } from './command.ts';

const command = useCommand();

/** Serves the fixture module; resolves when it listens. */
async function serve(...flags: string[]): Promise<{ running: Running; url: string }> {
  const running = command.run([SERVER_MODULE, '--port', '0', ...flags]);
  return { running, url: await running.url() };
}

const NAMED = (name: string) => `
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
  const build = () => new McpServer({ name: '${name}', version: '1.0.0' });`;

describe('the module', () => {
  /** The server's name in the greeting of a command that serves this. */
  async function served(specifier: string, cwd = command.directory): Promise<string> {
    const running = command.run([specifier, '--port', '0'], { cwd });
    return (await running.line(/ server /)).replace(/^ +server +/, '');
  }

  test.each([
    ['a default export', (build: string) => `${build} export default build;`],
    ['createServer', (build: string) => `${build} export const createServer = async () => build();`],
    ['{ server, cleanup }', (build: string) => `${build} export default () => ({ server: build(), cleanup() {} });`],
  ])('%s', async (name, source) => {
    await command.module('plain.mjs', source(NAMED(name)));
    expect(await served('./plain.mjs')).toBe(`${name} 1.0.0 (./plain.mjs)`);
  });

  test.each([
    ['exports.createServer', 'exports.createServer = build;'],
    ['module.exports', 'module.exports = build;'],
    ['an object that no lexer reads', 'module.exports = Object.fromEntries([["createServer", build]]);'],
    ['a compiled default export', 'exports.__esModule = true; exports.default = build;'],
  ])('CommonJS: %s', async (_, exported) => {
    const source = `const { McpServer } = require('@modelcontextprotocol/sdk/server/mcp.js');
      const build = () => new McpServer({ name: 'common', version: '1.0.0' });\n${exported}`;
    await command.module('common.cjs', source);
    expect(await served('./common.cjs')).toBe('common 1.0.0 (./common.cjs)');
  });

  test('is named by a relative path without ./, an absolute path or a file URL', async () => {
    const path = await command.module('nested/named.mjs', `${NAMED('named')} export default build;`);
    const href = pathToFileURL(path).href;
    for (const specifier of ['nested/named.mjs', '../nested/named.mjs', path, href]) {
      const cwd = specifier.startsWith('..') ? join(command.directory, 'dist') : command.directory;
      expect(await served(specifier, cwd)).toBe(`named 1.0.0 (${specifier})`);
    }
  });

  test('a package is looked up from the current directory first, its import condition too', async () => {
    const cwd = join(command.directory, 'project');
    const manifest = { name: 'xstate', type: 'module', exports: { './server': { import: './server.js' } } };
    await command.module('project/node_modules/xstate/package.json', JSON.stringify(manifest));
    await command.module('project/node_modules/xstate/server.js', `${NAMED('shadow')} export default build;`);
    expect(await served('xstate/server', cwd)).toBe('shadow 1.0.0 (xstate/server)');
  });

  test('a package that is not installed there is looked up from ours', async () => {
    // Far from the project, where nothing is installed.
    const specifier = '@modelcontextprotocol/server-everything/dist/server/index.js';
    expect(await served(specifier, '/')).toBe(`mcp-servers/everything 2.0.0 (${specifier})`);
  });

  test('builds one server before the command listens, and cleans it up', async () => {
    const source = `${NAMED('told')}
      export default ({ id, clientInfo, signal }) => {
        console.log('built for', clientInfo.name);
        signal.addEventListener('abort', () => console.log('aborted'));
        return { server: build(), cleanup: (sessionId) => console.log('cleaned up', sessionId === id) };
      };`;
    await command.module('told.mjs', source);
    const running = command.run(['./told.mjs', '--port', '0'], { cwd: command.directory });
    await running.url();
    const [first, ...more] = running.stdout.split('\nmcp-session-supervisor ')[0]?.split('\n') ?? [];
    expect(first).toBe('built for mcp-session-supervisor');
    expect(more.sort()).toEqual(['aborted', 'cleaned up true']);
  });
});

describe('the output', () => {
  test('says where it listens, what, the idle timeout and how to stop', async () => {
    const { running, url } = await serve('--session-idle-timeout', '90s', '--shutdown-timeout', '3s');
    await running.line(/to stop/);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*\/mcp$/);
    expect(running.stdout).toMatch(/^mcp-session-supervisor \d+\.\d+\.\d+\n/);
    expect(running.lines(/idle timeout/)).toEqual(['  idle timeout  1m 30s with nothing in flight']);
    expect(running.lines(/to stop/)).toEqual([
      '  to stop       Ctrl-C or SIGTERM: calls in flight get up to 3s to finish',
    ]);
    expect(running.stderr).toBe('');
  });

  test('one readable line for each lifecycle event', async () => {
    const { running, url } = await serve('--session-idle-timeout', '200ms');
    const { sessionId } = await initialize(url, { clientInfo: { name: 'evil\nclient', version: '2.0' } });
    await running.line(/terminated/);
    const time = String.raw`^\d\d:\d\d:\d\d\.\d{3}  `;
    const id = sessionId.slice(0, 8);
    const events = running.lines(new RegExp(time));
    expect(events[0]).toMatch(new RegExp(`${time}opened      ${id}  evil client 2\\.0, protocol 2025-11-25; 1 open$`));
    expect(events.at(-1)).toMatch(new RegExp(`${time}terminated  ${id}  idle, after \\d+ms; 0 open$`));
    expect(events).toContainEqual(expect.stringMatching(new RegExp(`${time}active      ${id}  1 in flight$`)));
    expect(events).toContainEqual(
      expect.stringMatching(new RegExp(`${time}idle        ${id}  ends in 200ms unless used$`)),
    );
    expect(running.stdout).not.toContain(sessionId);
    expect((await get(url, sessionHeaders(sessionId))).status).toBe(404);
  });

  test('as JSON: one object a line, with the whole id', async () => {
    const running = command.run([SERVER_MODULE, '--port', '0', '--log-format', 'json']);
    const greeting = JSON.parse(await running.line(/server\.listening/)) as { url: string };
    expect(greeting).toMatchObject({ level: 'info', server: { name: 'fixture', version: '1.0.0' } });
    const { sessionId, headers } = await initialize(greeting.url);
    await del(greeting.url, headers);
    const ended = JSON.parse(await running.line(/session\.terminated/));
    expect(ended).toMatchObject({ event: 'session.terminated', sessionId, reason: 'deleted', open: 0 });
    const entries = running.lines(/./).map((line) => JSON.parse(line) as { time: string });
    for (const { time } of entries) expect(new Date(time).toISOString()).toBe(time);
  });

  test('--quiet prints nothing as long as nothing is wrong', async () => {
    const free = await listen(createServer());
    await free.close();
    const running = command.run([SERVER_MODULE, '--port', String(free.port), '--quiet']);
    await until(() => initialize(free.url).catch(() => false), { within: 15_000, what: 'a session' });
    running.kill('SIGTERM');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    expect(running.stdout + running.stderr).toBe('');
  });

  test('--verbose tells of refused requests', async () => {
    const { running, url } = await serve('--verbose');
    const { host } = new URL(url);
    expect((await post(url, initializeBody(), { origin: 'https://evil.example' })).status).toBe(403);
    const line = await running.line(/refused/);
    expect(line).toContain(`refused with 403 Forbidden: POST /mcp of ${host}, origin https://evil.example`);
  });
});

describe('who may ask, and where', () => {
  test('on loopback only by a loopback name, and from a loopback origin of its own port', async () => {
    const { url } = await serve();
    const { port } = new URL(url);
    const status = async (headers: Record<string, string>) => (await post(url, initializeBody(), headers)).status;
    expect(await status({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(200);
    expect(await status({ host: `evil.example:${port}` })).toBe(403);
    expect(await status({ origin: 'https://evil.example' })).toBe(403);
    expect(await status({ origin: `http://localhost:${Number(port) + 1}` })).toBe(403);
  });

  test('at its path only; elsewhere it says where', async () => {
    const { url } = await serve('--path', '/deep/mcp');
    const { origin } = new URL(url);
    const elsewhere = await post(`${origin}/mcp`, initializeBody());
    expect([elsewhere.status, elsewhere.json()]).toEqual([404, { error: 'Not found', endpoint: '/deep/mcp' }]);
    const front = await exchange('GET', `${origin}/`);
    expect([front.status, front.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(front.text).toContain('/deep/mcp');
    expect((await exchange('POST', `${origin}/`, {}, {})).status).toBe(404);
    expect((await post(`${url}?from=here`, initializeBody())).status).toBe(200);
  });

  test('a proxy may name it by its whole URL', async () => {
    const { url } = await serve();
    const { port, host } = new URL(url);
    const socket = await rawSocket(Number(port));
    const body = JSON.stringify(initializeBody());
    socket.write(
      `POST ${url}?x=y HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
        `Accept: application/json, text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect((await socket.readHead()).status).toBe(200);
  });
});

describe('the flags reach the supervisor', () => {
  test('--stateless: no ids, no events', async () => {
    const { running, url } = await serve('--stateless');
    await running.line(/idle timeout {2}none: stateless/);
    const { sessionId, call: callTool } = await connectClient(url);
    expect(await callTool('echo', { text: 'hello' })).toBe('hello');
    expect(sessionId).toBe('');
    expect(running.stdout).not.toMatch(/opened/);
  });

  test('--json-response, --max-request-body-size and --max-sessions', async () => {
    const flags = '--json-response --max-request-body-size 1kb --max-sessions 1 --when-full reject'.split(' ');
    const { url } = await serve(...flags);
    const { sessionId, response } = await initialize(url);
    expect(response.headers['content-type']).toMatch(/^application\/json/);
    expect((await post(url, initializeBody())).status).toBe(503);
    expect((await call(url, sessionId, 'echo', { text: 'x'.repeat(2_000) })).status).toBe(413);
  });
});

describe('what one session breaks', () => {
  test('a factory that throws at run time is logged, and the server goes on', async () => {
    const { running, url } = await serve();
    const refused = await post(url, initializeBody({ clientInfo: { name: 'unlucky', version: '1' } }));
    expect(refused.status).toBe(500);
    expect(refused.text).not.toContain('no luck');
    await running.errorLine(/error: Session ended: crashed: no luck today \(test\/cli\/fixtures\/server\.js:\d+\)/);
    await initialize(url);
    expect(running.stderr).toMatch(/^[^\n]+\n$/);
  });

  test.each([
    ['throw', 'late throw'],
    ['reject', 'late rejection'],
  ])('an error that nobody caught (%s) is logged, and every session goes on', async (how, message) => {
    const { running, url } = await serve();
    const other = await initialize(url);
    const { sessionId } = await initialize(url);
    expect((await call(url, sessionId, 'late', { how })).messages().at(-1)?.result).toBeDefined();
    await running.errorLine(
      new RegExp(`error: nobody caught an error; serving goes on: TypeError: ${message} \\(.*server\\.js:\\d+\\)$`),
    );
    for (const id of [other.sessionId, sessionId]) {
      expect((await call(url, id, 'echo', { text: 'still here' })).text).toContain('still here');
    }
    expect(running.stderr).toMatch(/^[^\n]+\n$/);
  });
});
