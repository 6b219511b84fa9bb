/** One server of the embedder's by itself: built and connected once, closed once, whatever comes in between. */
import { describe, expect, test } from 'vitest';
import { ServerInstance } from '../../src/supervisor/serverInstance.ts';
import { turns, until } from '../support/until.ts';
import { PassiveServer, TestHost } from './life.ts';

const REQUEST = {
  id: 'session-1',
  principal: undefined,
  authInfo: undefined,
  requestInfo: { headers: {}, url: new URL('http://127.0.0.1/mcp') },
  clientInfo: undefined,
  protocolVersion: undefined,
  session: undefined,
};
const error = new Error('broken');

/** An instance whose factory gives what the test has it give, when it says so. */
function given(options: object = {}) {
  let build: { resolve(built: unknown): void; reject(error: Error): void } | undefined;
  let built = 0;
  const server = () => {
    built++;
    return new Promise((resolve, reject) => {
      build = { resolve, reject };
    });
  };
  const host = new TestHost({ server, ...options });
  const instance = new ServerInstance('session-1', host);
  const start = () => instance.start(REQUEST, {});
  const counts = () => ({ starting: host.servers.starting, open: host.servers.open, closing: host.servers.closing });
  return { host, instance, start, counts, built: () => built, build: () => until(() => build) };
}

const NONE = { starting: 0, open: 0, closing: 0 };
const entry = (event: string, message: string, more: object = {}) => ({
  level: 'warn',
  event,
  message,
  sessionId: 'session-1',
  ...more,
});

test('one that is closed before it starts is not built', async () => {
  const { instance, start, built, counts } = given();
  await instance.close();
  expect([await start(), built(), counts()]).toEqual([false, 0, NONE]);
});

describe('one that is closed while it is built', () => {
  test('is not connected, and closed when it is there', async () => {
    const { instance, start, build, counts } = given();
    const starting = start();
    const server = new PassiveServer();
    await instance.close();
    expect(counts()).toEqual({ ...NONE, starting: 1 });
    (await build()).resolve(server);
    expect(await starting).toBe(false);
    await until(() => counts().starting === 0);
    expect([server.did, counts(), instance.server]).toEqual([['closed'], NONE, undefined]);
  });

  test('and fails then is told of, and nobody waits for that', async () => {
    const { host, instance, start, build, counts } = given();
    const starting = start();
    await instance.close();
    (await build()).reject(error);
    expect(await starting).toBe(false);
    await until(() => counts().starting === 0);
    const message = 'The server failed to start, after its session had ended';
    expect(host.entries).toEqual([entry('server.failed', message, { error })]);
  });
});

test('one that is not there in time is not waited for any longer, and closed when it is', async () => {
  const { host, instance, start, build, counts } = given({ shutdownTimeout: 2_000 });
  const starting = start();
  const server = new PassiveServer();
  await instance.close();
  host.clock.increment(2_000);
  await until(() => counts().starting === 0);
  const message = 'The server did not start within 2000 ms; it is not waited for';
  expect(host.entries).toStrictEqual([entry('server.closeFailed', message)]);
  (await build()).resolve(server);
  expect(await starting).toBe(false);
  await until(() => server.did.length > 0);
  expect([server.did, counts()]).toEqual([['closed'], NONE]);
});

test('one that is closed by several at a time is closed once', async () => {
  const { instance, start, build } = given();
  const starting = start();
  const server = new PassiveServer();
  (await build()).resolve(server);
  await starting;
  await Promise.all([instance.close(), instance.close()]);
  expect(server.did).toEqual(['connected', 'closed']);
});

test('one that can not be built, or connected, says so to whoever starts it', async () => {
  const [unbuilt, unconnected] = [given(), given()];
  const starting = [unbuilt.start(), unconnected.start()];
  (await unbuilt.build()).reject(error);
  (await unconnected.build()).resolve({ connect: () => Promise.reject(error), close: async () => {} });
  for (const promise of starting) await expect(promise).rejects.toBe(error);
  expect([unbuilt.host.entries, unconnected.host.entries]).toEqual([[], []]);
});

test('one that does not close in time is not waited for, and cleaned up all the same', async () => {
  const cleaned: unknown[] = [];
  const { host, instance, start, build, counts } = given({ shutdownTimeout: 2_000 });
  const starting = start();
  const server = Object.assign(new PassiveServer(), { close: () => new Promise<void>(() => {}) });
  (await build()).resolve({ server, cleanup: (id: unknown) => cleaned.push(id) });
  expect(await starting).toBe(true);
  expect([counts(), instance.server]).toEqual([{ ...NONE, open: 1 }, server]);
  const closing = instance.close();
  await turns(1);
  expect([counts(), cleaned]).toEqual([{ ...NONE, closing: 1 }, []]);
  host.clock.increment(2_000);
  await closing;
  const message = 'The server did not close within 2000 ms; it is not waited for';
  expect(host.entries).toStrictEqual([entry('server.closeFailed', message)]);
  expect([counts(), cleaned]).toEqual([NONE, ['session-1']]);
});

test('one that fails to close, and a cleanup that fails, are told of', async () => {
  const { host, instance, start, build } = given();
  const starting = start();
  const server = Object.assign(new PassiveServer(), { close: () => Promise.reject(error) });
  (await build()).resolve({ server, cleanup: () => Promise.reject(error) });
  await starting;
  await instance.close();
  await instance.close();
  expect(host.entries).toEqual([
    entry('server.closeFailed', 'The server failed to close', { error }),
    entry('server.closeFailed', 'The cleanup failed', { error }),
  ]);
});

const good = () => new PassiveServer();

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'server'],
  ['what can’t be connected', { close: async () => {} }],
  ['what can’t be closed', { connect: async () => {} }],
  ['a server within that can’t be closed', { server: { connect: async () => {} } }],
  ['a cleanup that is none', { server: good(), cleanup: 'later' }],
])('a factory that returns %s is told what it must return', async (_, returned) => {
  const { start, build } = given();
  const starting = start();
  (await build()).resolve(returned);
  await expect(starting).rejects.toMatchObject({
    code: 'INVALID_SERVER',
    message: 'The server factory must return an MCP server (with connect and close), or { server, cleanup }',
  });
});

test('a factory that returns a server that is taken is told what to do; given back, it may be had again', async () => {
  const server = good();
  const [one, two, three] = [given(), given(), given()];
  const begin = async ({ start, build }: typeof one) => {
    const starting = start();
    (await build()).resolve({ server });
    return starting;
  };
  expect(await begin(one)).toBe(true);
  await expect(begin(two)).rejects.toMatchObject({
    code: 'INVALID_SERVER',
    message:
      'The server factory returned a server that another session has; it must build a new one each time: ' +
      'move `new McpServer(…)` and its tools into the function that you pass as `server`',
  });
  await one.instance.close();
  expect(await begin(three)).toBe(true);
  await three.instance.close();
});

test('a listener of the signal that throws is told of, and the server closed', async () => {
  const { host, instance, start, build } = given();
  const starting = start();
  const server = good();
  (await build()).resolve(server);
  await starting;
  instance.signal.addEventListener('abort', () => {
    throw error;
  });
  await instance.close();
  expect(server.did).toEqual(['connected', 'closed']);
  const message = "A listener of the factory's signal failed";
  expect(host.entries).toEqual([{ ...entry('listener.failed', message, { error }), level: 'error' }]);
  expect(instance.signal.aborted).toBe(true);
});
