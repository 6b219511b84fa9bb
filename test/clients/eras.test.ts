/**
 * Clients that other people wrote on one endpoint that serves both eras: those that know sessions, those that know none, and
 * those that ask first. Each has its own protocol, in a drain too; those that remember what they asked over a restart with
 * another setting.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MODERN, serveBoth } from '../modern/modernServer.ts';
import { until, withTimeout } from '../support/until.ts';
import type { ClientProgram } from './clientList.ts';
import { ClientProcess } from './clientProcess.ts';

/** Two ways for a proxy to be slow: it is started, and it looks for an authorization server first. In ms. */
const WITHIN = 30_000;

const CLIENTS = {
  v1: { name: 'MCP SDK v1', module: 'sdkV1.js' },
  legacy: { name: 'MCP SDK v2', module: 'sdkV2.js' },
  auto: { name: 'MCP SDK v2, auto', module: 'sdkV2Auto.js' },
  pinned: { name: 'MCP SDK v2, pinned', module: 'sdkV2Pinned.js' },
  remote: { name: 'mcp-remote', module: 'mcpRemote.js' },
  remoteAuto: { name: 'mcp-remote, auto', module: 'mcpRemoteAuto.js' },
} as const satisfies Record<string, ClientProgram>;

type Name = keyof typeof CLIENTS;
const NAMES = Object.keys(CLIENTS) as Name[];
const REMOTES: readonly Name[] = ['remote', 'remoteAuto'];

/** What mcp-remote makes of the name of its client; and by which it tries a server out, in a session that it leaves. */
const VIA_REMOTE = 'sdk-v1 (via mcp-remote 0.15.1)';
const REMOTE_TRIAL = 'mcp-remote-fallback-test';

let directory = '';
let processes = {} as Record<Name, ClientProcess>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'clients-'));
  const entries = NAMES.map((name) => [name, new ClientProcess(CLIENTS[name], directory)] as const);
  processes = Object.fromEntries(entries) as typeof processes;
  await Promise.all(NAMES.map((name) => processes[name].ready()));
}, 120_000);

afterAll(async () => {
  await Promise.all(Object.values(processes).map((client) => client.end()));
  await rm(directory, { recursive: true, force: true });
});

/** What some of them do, side by side; how it failed, where it did. */
async function all(names: readonly Name[], act: (client: ClientProcess, name: Name) => Promise<unknown>) {
  const results = names.map(async (name) => {
    const outcome = act(processes[name], name).catch((error: unknown) => String(error));
    return [name, await withTimeout(outcome, { within: WITHIN, what: `${name} to have an answer` })] as const;
  });
  return Object.fromEntries(await Promise.all(results));
}

const echo = (names: readonly Name[], url: string) =>
  all(names, (client, name) => client.call(url, 'echo', { text: JSON.stringify(name) }));
const each = <T>(names: readonly Name[], value: T) => Object.fromEntries(names.map((name) => [name, value]));
const themselves = (names: readonly Name[]) => Object.fromEntries(names.map((name) => [name, name]));

test('each has its own protocol, all at once, and a drain treats it as that asks', { timeout: 120_000 }, async () => {
  const { url, supervisor, gates, built } = await serveBoth({ shutdownTimeout: 60_000 });
  expect(await all(NAMES, (client) => client.connect(url))).toEqual(each(NAMES, undefined));
  expect(await echo(NAMES, url)).toEqual(themselves(NAMES));

  const sessions = [...supervisor.sessions()].map(({ clientInfo, protocolVersion }) => [
    clientInfo?.name,
    protocolVersion,
  ]);
  expect(Object.fromEntries(sessions)).toEqual({
    'sdk-v1': '2025-11-25',
    'sdk-v2': '2025-11-25',
    [VIA_REMOTE]: '2025-11-25',
    [REMOTE_TRIAL]: '2025-11-25',
  });
  expect(sessions).toHaveLength(4);
  const modern = built.filter(({ era }) => era === 'modern').map(({ context }) => context);
  expect(new Set(modern.map(({ protocolVersion }) => protocolVersion))).toEqual(new Set([MODERN]));
  const modernNames = ['sdk-v2-auto', 'sdk-v2-pinned', VIA_REMOTE, REMOTE_TRIAL];
  expect(new Set(modern.map(({ clientInfo }) => clientInfo?.name))).toEqual(new Set(modernNames));

  // The proxy listens by itself.
  await all(['auto', 'pinned'], (client) => client.listen(url));
  await until(() => [...supervisor.listenStreams()].filter(({ state }) => state === 'open').length === 3, {
    within: WITHIN,
  });
  const running = all(NAMES, (client, name) => client.begin(url, 'gate', { key: name }));
  await Promise.all(NAMES.map((name) => gates.entered(name, 1, { within: WITHIN })));

  const drained = supervisor.drain();
  await until(() => [...supervisor.listenStreams()].length === 0, { what: 'the listen streams to end' });
  for (const name of ['auto', 'pinned'] as const) {
    await until(() => processes[name].heard.length > 0, { what: `${name} to hear of the end of its stream` });
    expect(processes[name].heard).toEqual([{ listened: 'graceful' }]);
  }
  expect(await echo(NAMES, url)).toEqual(each(NAMES, expect.stringMatching(/shutting down|503/i)));
  gates.openAll();
  expect(await running).toEqual(Object.fromEntries(NAMES.map((name) => [name, `passed ${name}`])));
  await withTimeout(drained, { within: WITHIN, what: 'the drain' });
  expect(supervisor.stats()).toMatchObject({ opened: 4, ended: { drained: 4 }, calls: 0, streams: 0 });
});

describe('a proxy over a restart with another setting', { timeout: 120_000 }, () => {
  const restart = async (from: 'serve' | 'refuse', to: 'serve' | 'refuse') => {
    const first = await serveBoth({ modern: from });
    expect(await all(REMOTES, (client) => client.connect(first.url))).toEqual(each(REMOTES, undefined));
    expect(await echo(REMOTES, first.url)).toEqual(themselves(REMOTES));
    await first.close();
    return serveBoth({ modern: to, port: first.port });
  };

  test("from 'serve' to 'refuse': one in a session begins anew, one without is refused by name each time", async () => {
    const { url, supervisor } = await restart('serve', 'refuse');
    for (let n = 0; n < 2; n++) {
      const said = await echo(REMOTES, url);
      expect(said).toEqual({ remote: 'remote', remoteAuto: expect.stringContaining('Unsupported protocol version') });
    }
    expect(supervisor.stats().opened).toBe(1);
  });

  test("from 'refuse' to 'serve': both begin anew, in a session", async () => {
    const { url, supervisor } = await restart('refuse', 'serve');
    for (let n = 0; n < 2; n++) expect(await echo(REMOTES, url)).toEqual(themselves(REMOTES));
    expect(supervisor.stats().opened).toBe(2);
  });
});
