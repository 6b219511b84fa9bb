/** `--inspect`: the command prints where its sessions can be watched, and the watching ends with the serving. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { ServerFrame } from '../../src/inspector/protocol.ts';
import { type Running, SERVER_MODULE, useCommand } from '../cli/command.ts';
import { until } from '../support/until.ts';
import { del, get, initialize, sessionHeaders } from '../support/wire.ts';

const command = useCommand();

async function inspectorUrl(running: Running): Promise<URL> {
  const line = await running.line(/ inspector /);
  return new URL(line.replace(/^ +inspector +/, ''));
}

interface Watching {
  readonly frames: ServerFrame[];
  readonly closed: Promise<number>;
  say(frame: object): void;
}

function watch(url: URL): Watching {
  const feed = new URL(`/feed${url.search}`, url);
  feed.protocol = 'ws:';
  const socket = new WebSocket(feed);
  onTestFinished(() => socket.terminate());
  const frames: ServerFrame[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data))));
  return {
    frames,
    closed: new Promise((resolve) => socket.on('close', resolve)),
    say: (frame) => socket.send(JSON.stringify(frame)),
  };
}

test('the sessions are seen live, to the last one that a drain ends', async () => {
  const running = command.run([SERVER_MODULE, '--port', '0', '--inspect']);
  const [endpoint, url] = [await running.url(), await inspectorUrl(running)];
  expect(url.href).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
  const { frames, closed } = watch(url);
  await until(() => frames.some((frame) => frame.type === 'snapshot' && frame.last));
  const first = await initialize(endpoint);
  await initialize(endpoint);
  await del(endpoint, sessionHeaders(first.sessionId));
  const ended = () => frames.flatMap((frame) => (frame.type === 'delta' ? frame.ended : []));
  await until(() => ended().length === 1);
  running.kill('SIGTERM');
  expect(await closed).toBe(4410);
  expect(ended().map(({ reason }) => reason)).toEqual(['deleted', 'drained']);
  expect(await running.exited()).toEqual({ code: 0, signal: null });
});

test('who has no token sees nothing, and nobody may end a session', async () => {
  const running = command.run([SERVER_MODULE, '--port', '0', '--inspect']);
  const [endpoint, url] = [await running.url(), await inspectorUrl(running)];
  expect((await get(url.origin)).status).toBe(403);
  await initialize(endpoint);
  const { frames, say } = watch(url);
  const rows = () => frames.flatMap((frame) => (frame.type === 'snapshot' ? frame.rows : []));
  await until(() => rows().length === 1);
  say({ type: 'terminate', key: rows()[0]?.key });
  const result = await until(() => frames.find((frame) => frame.type === 'result'));
  expect(result).toMatchObject({ outcome: 'forbidden' });
});

test('--inspect-allow-terminate lets a viewer end a session, on the port that is asked for', async () => {
  const port = await freePort();
  const running = command.run([SERVER_MODULE, '--port', '0', '--inspect', String(port), '--inspect-allow-terminate']);
  const [endpoint, url] = [await running.url(), await inspectorUrl(running)];
  expect(url.port).toBe(String(port));
  await initialize(endpoint);
  const { frames, say } = watch(url);
  const rows = () => frames.flatMap((frame) => (frame.type === 'snapshot' ? frame.rows : []));
  await until(() => rows().length === 1);
  say({ type: 'terminate', key: rows()[0]?.key });
  await running.line(/ terminated +\S+ +terminated, after /);
  expect(await until(() => frames.find((frame) => frame.type === 'result'))).toMatchObject({ outcome: 'done' });
});

test('a port that is taken is told, and ends the command', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await until(() => taken.listening);
  const { port } = taken.address() as AddressInfo;
  const running = command.run([SERVER_MODULE, '--port', '0', '--inspect', String(port)]);
  expect(await running.exited()).toEqual({ code: 1, signal: null });
  expect(running.stderr).toBe(
    `mcp-session-supervisor: cannot serve --inspect: port ${port} is in use; without a port it takes any free one\n`,
  );
});

test('where lines are JSON, the URL is in the first one', async () => {
  const running = command.run([SERVER_MODULE, '--port', '0', '--inspect', '--log-format', 'json']);
  const line = JSON.parse(await running.line(/server\.listening/));
  expect(line.inspectorUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=/);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await until(() => server.listening);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
