/**
 * What becomes of the processes of servers that others have published: each session has its own, and however the session,
 * its client or the command ends, nothing is left.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import { useCommand } from '../cli/command.ts';
import { until } from '../support/until.ts';
import {
  call,
  callBody,
  del,
  type EventStream,
  initialize,
  openStream,
  post,
  type WireMessage,
} from '../support/wire.ts';
import { PACKAGES, published } from './packages.ts';
import { SDK_CLIENTS } from './sdkClients.ts';
import { ended, Served, STARTS_WITHIN } from './served.ts';

const command = useCommand();

/** By SIGTERM a process ends after 2 s; what is gone before that has ended by the end of its stdin. */
const BEFORE_SIGTERM = 1_500;

const EVERYTHING = published('everything', 'stdio');
const THINKING = published('sequential-thinking');
const NPX = ['npx', '--offline', '--no', '--', 'mcp-server-everything', 'stdio'];

/** Serves a command for one test. Nothing of it is running when this resolves, nor after the test. */
async function serve(server: readonly string[], ...flags: string[]): Promise<Served> {
  const running = command.run(['--port', '0', ...flags, '--', ...server]);
  const served = await Served.start(running);
  onTestFinished(async () => {
    running.kill('SIGKILL');
    expect(await served.family.gone()).toEqual([]);
  });
  expect(await served.family.gone()).toEqual([]); // what it looked at the server with
  return served;
}

const thought = { thought: 'x', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 };

/** How many thoughts the process of a session has heard, this one included. */
async function think({ url }: Served, sessionId: string): Promise<number> {
  const answer = await call(url, sessionId, 'sequentialthinking', thought);
  expect(answer.status).toBe(200);
  return JSON.parse(answer.messages().at(-1)?.result.content[0].text).thoughtHistoryLength;
}

/** The next message of a stream, but for what the server says of its list of tools, now or later. */
async function next(stream: EventStream): Promise<WireMessage> {
  for (;;) {
    const message = await stream.message();
    if (message.method !== 'notifications/tools/list_changed') return message;
  }
}

describe('sessions of their own', () => {
  test('two clients of both SDKs at once do not hear of each other', async () => {
    const served = await serve(EVERYTHING);
    const clients = await Promise.all(SDK_CLIENTS.map(([, connect]) => connect(served.url)));
    await served.family.count(2);
    const [first, second] = clients;
    const uri = (n: number) => `demo://resource/dynamic/text/${n}`;
    await first?.setLogLevel('emergency');
    await Promise.all(clients.map((client, n) => client.subscribe(uri(n))));
    await Promise.all(clients.map((client) => client.call('toggle-subscriber-updates')));
    const updates = () =>
      clients.map(({ notified }) => notified.filter(({ method }) => method === 'notifications/resources/updated'));
    await until(() => updates().every(({ length }) => length > 0), { what: 'both to be told' });
    expect(updates().map((all) => [...new Set(all.map(({ params }) => params?.['uri']))])).toEqual([
      [uri(0)],
      [uri(1)],
    ]);
    const levels = clients.map(({ notified }) => notified.some(({ method }) => method === 'notifications/message'));
    expect(levels).toEqual([false, true]);
    // One that ends takes nothing along.
    await first?.terminate();
    await served.family.count(1);
    expect(await second?.call('echo', { message: 'here' })).toBe('Echo: here');
  });

  test('each has a memory of its own', async () => {
    const served = await serve(THINKING);
    const [one, other] = await Promise.all([initialize(served.url), initialize(served.url)]);
    expect(await think(served, one.sessionId)).toBe(1);
    expect(await think(served, one.sessionId)).toBe(2);
    expect(await think(served, other.sessionId)).toBe(1);
  });
});

describe('a GET stream', () => {
  test('without one, what the server asks waits for the next call and comes with it', async () => {
    const { url } = await serve(EVERYTHING);
    const { headers } = await initialize(url, { capabilities: { roots: {} } });
    // The server asks 350 ms after it was initialized, by itself.
    const args = { duration: 1.2, steps: 2 };
    const stream = await openStream(url, { headers, body: callBody('trigger-long-running-operation', args) });
    const asked = await next(stream);
    expect(asked).toMatchObject({ method: 'roots/list' });
    const roots = [{ uri: 'file:///raw', name: 'raw' }];
    await post(url, { jsonrpc: '2.0', id: asked.id, result: { roots } }, headers);
    expect(await next(stream)).toMatchObject({ method: 'notifications/message' });
    expect((await next(stream)).result.content[0].text).toContain('completed');
    expect(await stream.closed).toBe(true);
  });

  test('with one, it comes there', async () => {
    const { url } = await serve(EVERYTHING);
    const { headers } = await initialize(url, { capabilities: { roots: {} } });
    const stream = await openStream(url, { headers });
    const asked = await next(stream);
    expect(asked).toMatchObject({ method: 'roots/list' });
    await post(url, { jsonrpc: '2.0', id: asked.id, result: { roots: [] } }, headers);
    const told = { method: 'notifications/message', params: { data: 'Roots updated: 0 root(s) received from client' } };
    expect(await next(stream)).toMatchObject(told);
    stream.destroy();
  });
});

describe('a session ends', () => {
  test('by DELETE, and its process with it at once', async () => {
    const served = await serve(EVERYTHING);
    const { headers } = await initialize(served.url);
    const [pid = 0] = await served.family.count(1);
    const begun = performance.now();
    expect((await del(served.url, headers)).status).toBe(200);
    await ended(pid);
    const took = Math.round(performance.now() - begun);
    console.log(`the process ended ${took} ms after DELETE was sent`);
    expect(took).toBeLessThan(BEFORE_SIGTERM);
    expect((await post(served.url, callBody('echo'), headers)).status).toBe(404);
  });

  test.each(SDK_CLIENTS)('by the DELETE of the %s client', async (_version, connect) => {
    const served = await serve(EVERYTHING);
    const client = await connect(served.url);
    await served.family.count(1);
    await client.terminate();
    expect(await served.family.gone(BEFORE_SIGTERM)).toEqual([]);
  });

  test('by DELETE, though its process does not care for the end of stdin', async () => {
    const served = await serve(EVERYTHING);
    const { headers, sessionId } = await initialize(served.url);
    // An interval of its own keeps it alive, so that it ends by SIGTERM.
    await call(served.url, sessionId, 'toggle-simulated-logging');
    await served.family.count(1);
    await del(served.url, headers);
    expect(await served.family.gone(8_000)).toEqual([]);
  });

  test.each(SDK_CLIENTS)(
    'by its idle timeout, when the %s client has gone without a word',
    async (_version, connect) => {
      const served = await serve(EVERYTHING, '--session-idle-timeout', '1s');
      const client = await connect(served.url);
      await served.family.count(1);
      expect(await client.call('echo', { message: 'x' })).toBe('Echo: x');
      await client.close();
      await served.family.gone(8_000);
      await served.running.line(/terminated .* idle/);
    },
  );
});

test('parking ends the process, and a call brings the session back with another one', async () => {
  const flags = ['--session-store', 'memory', '--park-after', '300ms'];
  const served = await serve(THINKING, ...flags);
  const { sessionId } = await initialize(served.url);
  expect(await think(served, sessionId)).toBe(1);
  expect(await think(served, sessionId)).toBe(2);
  const [before] = await served.family.count(1);
  await served.family.gone();
  await served.running.line(/ parked /);
  expect(await think(served, sessionId)).toBe(1); // what a process remembers is gone with it
  await served.running.line(/ restored /);
  expect((await served.family.members())[0]).not.toBe(before);
});

test('a session that is brought back has its subscriptions and its log level', async () => {
  const flags = ['--session-store', 'memory', '--park-after', '300ms'];
  const served = await serve(EVERYTHING, ...flags);
  const { sessionId, headers } = await initialize(served.url);
  const uri = 'demo://resource/dynamic/text/1';
  const ask = (id: number, method: string, params: object) =>
    post(served.url, { jsonrpc: '2.0', id, method, params }, headers, { within: STARTS_WITHIN });
  await ask(1, 'logging/setLevel', { level: 'emergency' });
  await ask(2, 'resources/subscribe', { uri });
  await served.family.gone();
  const updated = await call(served.url, sessionId, 'toggle-subscriber-updates', {}, 3);
  expect(updated.messages()).toContainEqual(
    expect.objectContaining({ method: 'notifications/resources/updated', params: { uri } }),
  );
  // At another level the server would have said so.
  const again = await ask(4, 'resources/subscribe', { uri });
  expect(again.messages()).toEqual([{ jsonrpc: '2.0', id: 4, result: {} }]);
});

const COMMANDS = [
  ['a server', EVERYTHING, 1],
  // npx, a shell, and the server.
  ['a server behind npx', NPX, 3],
] as const;

describe.each(COMMANDS)('the end of the command before %s', (_name, server, processes) => {
  const SESSIONS = 3;

  /** Sessions, of which one has a process that does not end by itself, and a call in flight. */
  async function busy(): Promise<Served> {
    const served = await serve(server, '--cwd', PACKAGES);
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => initialize(served.url)));
    const [stubborn] = sessions;
    await call(served.url, stubborn?.sessionId ?? '', 'toggle-simulated-logging');
    const found = await served.family.members();
    expect(found.length).toBeGreaterThanOrEqual(SESSIONS);
    expect(found.length).toBeLessThanOrEqual(SESSIONS * processes);
    return served;
  }

  test('by SIGTERM leaves nothing', async () => {
    const served = await busy();
    expect(served.family.guardian()).toBeDefined();
    expect(await served.stop()).toEqual({ code: 0, signal: null });
  });

  test('by kill -9 leaves nothing, and the guardian goes too', async () => {
    const served = await busy();
    const guardian = served.family.guardian();
    served.running.kill('SIGKILL');
    await served.running.exited();
    await served.family.gone();
    await ended(guardian ?? 0);
  });

  test('by kill -9 while a session is being opened leaves nothing', async () => {
    const served = await serve(server, '--cwd', PACKAGES);
    const opening = initialize(served.url).catch((error: unknown) => error);
    await until(async () => (await served.family.members()).length > 0, { what: 'a process' });
    served.running.kill('SIGKILL');
    await served.running.exited();
    expect(await opening).toBeInstanceOf(Error);
    await served.family.gone();
  });
});

test('a server behind npx serves, and DELETE ends all of it', async () => {
  const served = await serve(NPX, '--cwd', PACKAGES);
  const [, [, connect] = []] = SDK_CLIENTS;
  const client = await connect?.(served.url);
  expect(await client?.call('echo', { message: 'x' })).toBe('Echo: x');
  expect((await served.family.members()).length).toBeGreaterThan(0);
  await client?.terminate();
  await served.family.gone();
});

test('a server that can’t start is told with its own words', async () => {
  const running = command.run(['--port', '0', '--', ...published('filesystem', '/no/such/folder')]);
  expect((await running.exited(STARTS_WITHIN)).code).toBe(1);
  expect(running.stderr).toMatch(/exited with code 1; its last words: .*not accessible|None of the specified/i);
});
