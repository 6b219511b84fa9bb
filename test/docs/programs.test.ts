/** The programs of docs/eras.md and docs/handles.md, run as they are written there, with the SDKs' own clients. */
import { access } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { Client, StreamableHTTPClientTransport, type VersionNegotiationOptions } from '@modelcontextprotocol/client';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createSessionSupervisor, type Handles, type SessionSupervisor } from '../../src/index.ts';
import { toNodeHandler } from '../../src/node.ts';
import type { SessionSupervisorOptions } from '../../src/options.ts';
import { buildModernServer } from '../modern/modernServer.ts';
import { connectClient } from '../support/client.ts';
import { listen } from '../support/listen.ts';
import { buildTestServer } from '../support/testServer.ts';
import { until, withTimeout } from '../support/until.ts';
import { load, pageOf } from './program.ts';

const MODERN = '2026-07-28';
const NOT_FOUND = 'There is no folder with this id, or there is none any more. Create a new one and use its id.';

interface Program {
  readonly supervisor: SessionSupervisor;
}

/** Serves a program to users that the header `x-user` names, as if an authentication stood before it. */
async function serve({ supervisor }: Program): Promise<string> {
  const handle = toNodeHandler(supervisor);
  const server = createServer((request: IncomingMessage & { auth?: AuthInfo }, response) => {
    request.auth = { token: 'secret', clientId: String(request.headers['x-user']), scopes: [] };
    void handle(request, response);
  });
  const { url, close } = await listen(server);
  onTestFinished(async () => {
    await supervisor.drain({ timeout: 100 });
    await close();
  });
  return url;
}

async function connect(url: string, mode: VersionNegotiationOptions['mode'], user = 'ann') {
  const client = new Client({ name: user, version: '1' }, { versionNegotiation: mode === undefined ? {} : { mode } });
  const requestInit = { headers: { 'x-user': user } };
  onTestFinished(() => client.close());
  await withTimeout(client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit })));
  const call = async (name: string, args = {}) => {
    const { content, isError } = await client.callTool({ name, arguments: args });
    const [first] = content;
    return { isError: isError === true, text: first?.type === 'text' ? first.text : '' };
  };
  return { client, call, version: client.getNegotiatedProtocolVersion() };
}

describe('the program of docs/eras.md', () => {
  const program = () => load<Program>('eras', "registerTool('count'", ['supervisor']);

  test('keeps a count in a session, and offers no such tool where there is none', async () => {
    const url = await serve(await program());
    const [legacy, auto] = [await connect(url, 'legacy'), await connect(url, 'auto')];
    expect([legacy.version, auto.version]).toEqual(['2025-11-25', MODERN]);
    expect([await legacy.call('count'), await legacy.call('count')]).toMatchObject([{ text: '1' }, { text: '2' }]);
    for (const { call } of [legacy, auto]) expect(await call('add', { a: 2, b: 3 })).toMatchObject({ text: '5' });
    const { tools } = await auto.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['add']);
  });
});

describe('the table of clients in docs/eras.md', () => {
  const POLICIES = ['refuse', 'serve', 'off'] as const;

  /** What a client of this row gets, in the words of the table. */
  async function gets(client: string, options: Partial<SessionSupervisorOptions>): Promise<string> {
    const supervisor = createSessionSupervisor({ server: (context) => buildModernServer(context), ...options });
    const url = await serve({ supervisor });
    const [, mode] = /mode: (\{.*?\}|'\w+')/.exec(client) ?? [];
    try {
      if (client === 'SDK v1') await connectClient(url);
      else if (mode?.startsWith('{') === true) await connect(url, { pin: MODERN });
      else if (mode === "'auto'") await connect(url, 'auto');
      else await connect(url, undefined);
    } catch (error) {
      return `fails: \`${(error as { code?: unknown }).code}\``;
    }
    return [...supervisor.sessions()].length === 1 ? 'a session' : MODERN;
  }

  test('says what they get', async () => {
    const page = await pageOf('eras');
    const [table = ''] = /^\| client, in TypeScript.*?\n\n/ms.exec(page) ?? [];
    const rows = table
      .trim()
      .split('\n')
      .slice(2)
      .map((line) => line.split('|').map((cell) => cell.trim()));
    expect(rows).toHaveLength(4);
    for (const [, client = '', ...cells] of rows) {
      const got: string[] = [];
      for (const modern of POLICIES) got.push(await gets(client, { modern }));
      expect([client, ...got]).toEqual([client, ...cells.slice(0, 3)]);
    }
  });
});

describe('the program of docs/handles.md', () => {
  interface Folders extends Program {
    readonly folders: Handles<string>;
  }

  test('one folder for a user’s clients of both eras, none for somebody else', async () => {
    const { supervisor, folders } = await load<Folders>('handles', 'open_folder', ['supervisor', 'folders']);
    const url = await serve({ supervisor });
    const [ann, inSession, bob] = [
      await connect(url, 'auto'),
      await connect(url, 'legacy'),
      await connect(url, 'auto', 'bob'),
    ];
    expect([ann.version, inSession.version]).toEqual([MODERN, '2025-11-25']);
    const { text: folder } = await ann.call('open_folder');
    const path = await folders.use(folder, { principal: 'ann' }, (it) => it);
    expect(await ann.call('write_file', { folder, name: 'a', content: 'x' })).toEqual({ isError: false, text: 'a' });
    expect(await inSession.call('write_file', { folder, name: 'b', content: 'x' })).toMatchObject({ text: 'a, b' });
    for (const [name, args] of [
      ['write_file', { folder, name: 'c', content: 'x' }],
      ['close_folder', { folder }],
    ] as const) {
      expect(await bob.call(name, args)).toEqual({ isError: true, text: NOT_FOUND });
    }
    expect(await ann.call('write_file', { folder, name: '../c', content: 'x' })).toMatchObject({ isError: true });
    expect(await ann.call('close_folder', { folder })).toEqual({ isError: false, text: 'closed' });
    expect(await ann.call('close_folder', { folder })).toEqual({ isError: true, text: NOT_FOUND });
    await expect(access(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a drain removes what is left', async () => {
    const { supervisor, folders } = await load<Folders>('handles', 'open_folder', ['supervisor', 'folders']);
    const url = await serve({ supervisor });
    const { text: folder } = await (await connect(url, 'auto')).call('open_folder');
    const path = await folders.use(folder, { principal: 'ann' }, (it) => it);
    await access(path);
    await supervisor.drain();
    await expect(access(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('the shells of docs/handles.md', () => {
  const ANN = { principal: 'ann' };

  async function shells() {
    const supervisor = createSessionSupervisor({ server: buildTestServer });
    onTestFinished(() => supervisor.drain({ timeout: 100 }));
    type Shells = Handles<import('node:child_process').ChildProcess>;
    const { shellsOf } = await load<{ shellsOf: (it: SessionSupervisor) => Shells }>('handles', 'shellsOf');
    return { supervisor, shells: shellsOf(supervisor) };
  }

  test('a shell that ends by itself ends its handle', async () => {
    const { supervisor, shells: kind } = await shells();
    const id = await kind.create(ANN);
    await kind.use(id, ANN, (shell) => void shell.stdin?.end('exit 3\n'));
    await until(() => [...supervisor.openHandles()].length === 0);
    expect(supervisor.stats().handles).toMatchObject({ shell: { ended: { deleted: 1 } } });
    await expect(kind.end(id, ANN)).rejects.toMatchObject({ code: 'HANDLE_NOT_FOUND' });
  });

  test('one that is ended is gone when `end` resolves', async () => {
    const { shells: kind } = await shells();
    const id = await kind.create(ANN);
    const shell = await kind.use(id, ANN, (it) => it);
    await withTimeout(kind.end(id, ANN));
    expect(shell.signalCode).toBe('SIGKILL');
  });
});
