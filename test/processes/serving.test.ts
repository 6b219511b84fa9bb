import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Running, SERVER_MODULE, useCommand } from '../cli/command.ts';
import { discover } from '../modern/modernServer.ts';
import { connectClient } from '../support/client.ts';
import { call, initialize, initializeBody, post } from '../support/wire.ts';

const command = useCommand();

/** Serves the fixture module; resolves when it listens. */
async function serve(...flags: string[]): Promise<{ running: Running; url: string }> {
  const running = command.run([SERVER_MODULE, '--port', '0', ...flags]);
  return { running, url: await running.url() };
}

const NAMED = (name: string) => `
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
  const build = () => new McpServer({ name: '${name}', version: '1.0.0' });`;

describe('both eras', () => {
  const V2 = `
    import { McpServer } from '@modelcontextprotocol/server';
    export default () => new McpServer({ name: 'second', version: '2.0.0' });`;

  test('a module of SDK v2 is said to be able to serve both, and how', async () => {
    await command.module('second.mjs', V2);
    const running = command.run(['./second.mjs', '--port', '0'], { cwd: command.directory });
    expect(await running.line(/SDK v2/)).toMatch(/second\.mjs builds servers of SDK v2, .* --modern serve, if nothing/);
    const url = await running.url();
    expect((await discover(url)).status).toBe(400);
    await initialize(url);
  });

  test('--modern serve does', async () => {
    await command.module('second.mjs', V2);
    const running = command.run(['./second.mjs', '--port', '0', '--modern', 'serve'], { cwd: command.directory });
    const url = await running.url();
    expect((await discover(url)).status).toBe(200);
    await initialize(url);
    await running.line(/to stop/);
    expect(running.lines(/revisions/)).toEqual([
      '  revisions     up to 2025-11-25, in sessions; 2026-07-28, without sessions',
    ]);
  });

  test('what is tried opens no factory and closes none, and leaves no server open', async () => {
    const source = `
      import { McpServer } from '@modelcontextprotocol/server';
      const build = () => {
        const server = new McpServer({ name: 'second', version: '2.0.0' });
        return { server, cleanup: () => console.log('cleaned up') };
      };
      const tell = (what) => () => console.log(what);
      export default Object.assign(build, { open: tell('opened'), close: tell('closed') });`;
    await command.module('told.mjs', source);
    const running = command.run(['./told.mjs', '--port', '0', '--modern', 'serve'], { cwd: command.directory });
    await running.url();
    const told = running.stdout.split('\n').filter((line) => /^(opened|closed|cleaned up)$/.test(line));
    expect(told).toEqual(['cleaned up', 'cleaned up', 'cleaned up', 'opened']);
  });

  test('--modern serve on a module that can not is told before it listens', async () => {
    await command.module('first.mjs', `${NAMED('first')} export default build;`);
    const running = command.run(['./first.mjs', '--port', '0', '--modern', 'serve'], { cwd: command.directory });
    expect(await running.errorLine(/can't serve requests of 2026-07-28/)).toMatch(
      /first\.mjs.*needs McpServer or Server of/,
    );
  });
});

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
      const cwd = specifier.startsWith('..') ? join(command.directory, 'nested') : command.directory;
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

  /** What a module says whose factory tells of itself, before the command greets. */
  async function told(...flags: string[]): Promise<string[]> {
    const source = `${NAMED('told')}
      let open = 0;
      export default ({ id, clientInfo, signal }) => {
        console.log('built for', clientInfo.name, ++open);
        signal.addEventListener('abort', () => console.log('aborted', open--));
        return { server: build(), cleanup: (sessionId) => console.log('cleaned up', sessionId === id) };
      };`;
    await command.module('told.mjs', source);
    const running = command.run(['./told.mjs', '--port', '0', ...flags], { cwd: command.directory });
    await running.url();
    return running.stdout.split('\nmcp-session-supervisor ')[0]?.split('\n') ?? [];
  }

  test('builds two servers at a time before the command listens, and cleans them up', async () => {
    const [first, second, ...more] = await told();
    expect([first, second]).toEqual(['built for mcp-session-supervisor 1', 'built for mcp-session-supervisor 2']);
    expect(more.sort()).toEqual(['aborted 1', 'aborted 2', 'cleaned up true', 'cleaned up true']);
  });

  test('builds one where there may be no second', async () => {
    const [first, ...more] = await told('--max-sessions', '1');
    expect(first).toBe('built for mcp-session-supervisor 1');
    expect(more.sort()).toEqual(['aborted 1', 'cleaned up true']);
  });

  test('may give a server to one session after another', async () => {
    const source = `${NAMED('pooled')}
      const pool = [];
      export default () => {
        const server = pool.pop() ?? build();
        return { server, cleanup: () => pool.push(server) };
      };`;
    await command.module('pooled.mjs', source);
    const running = command.run(['./pooled.mjs', '--port', '0', '--stateless'], { cwd: command.directory });
    expect(await running.url()).toContain('/mcp');
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
