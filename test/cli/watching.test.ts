/** The command under `node --watch` with a session store: a session goes on over every save, with the new code. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../support/listen.ts';
import { until } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';
import { start, useCommand } from './command.ts';

const command = useCommand();

const source = (word: string) => `
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
  export default (session) => {
    const server = new McpServer({ name: 'watched', version: '1.0.0' }, session.serverOptions);
    let inClosure = 0;
    server.registerTool('say', {}, () => {
      const calls = (session.state.get('calls') ?? 0) + 1;
      session.state.set('calls', calls);
      return { content: [{ type: 'text', text: ['${word}', calls, ++inClosure].join() }] };
    });
    return server;
  };`;

test('a save restarts the server, and its sessions have the new one, with their state', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'watched-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const free = await listen(createServer());
  await free.close();
  const path = await command.module('watched.mjs', source('old'));
  const main = fileURLToPath(command.importUrl('cli/main.js'));
  const flags = ['--port', String(free.port), '--session-store', directory, '--resumable'];
  const running = start(process.execPath, ['--watch', main, path, ...flags], { group: true });
  const url = await running.url();
  const { sessionId } = await initialize(url);
  const say = async () => (await call(url, sessionId, 'say')).messages().at(-1)?.result?.content[0].text;
  expect(await say()).toBe('old,1,1');
  expect(await say()).toBe('old,2,2');

  await command.module('watched.mjs', source('new'));
  await until(() => running.lines(/^ {2}sessions .*; found 1$/).length > 0, { what: 'the restart', within: 20_000 });
  await until(() => running.lines(/^ {2}to stop /).length === 2, { what: 'the second greeting' });
  expect(await say()).toBe('new,3,1');
});
