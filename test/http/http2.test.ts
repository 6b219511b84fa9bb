/** Node's HTTP/2 compatibility API: the same handler, the same answers. */
import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { toNodeHandler } from '../../src/node.ts';
import { supervise } from '../support/serve.ts';
import { until, withTimeout } from '../support/until.ts';

async function open(listener = toNodeHandler(supervise().supervisor)): Promise<ClientHttp2Session> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  return client;
}

async function send(client: ClientHttp2Session, headers: Record<string, string>, body?: unknown) {
  const stream = client.request({ ':path': '/mcp', ':method': 'POST', ...headers });
  const answered = once(stream, 'response') as Promise<[IncomingHttpHeaders]>;
  stream.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { status: response[':status'], headers: response, text: Buffer.concat(chunks).toString() };
}

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'h2', version: '1' } },
};

test('initialize, a call, DELETE and the 404 work over HTTP/2', async () => {
  const client = await open();
  const initialized = await send(client, JSON_HEADERS, INITIALIZE);
  expect(initialized.status).toBe(200);
  const headers = { ...JSON_HEADERS, 'mcp-session-id': String(initialized.headers['mcp-session-id']) };

  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { text: 'h2' } } };
  const answer = await send(client, headers, call);
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('text/event-stream');
  expect(answer.text).toContain('"h2"');

  expect((await send(client, { ...headers, ':method': 'DELETE' })).status).toBe(200);
  expect((await send(client, headers, call)).status).toBe(404);
});

test('a GET stream over HTTP/2 carries notifications, and holds the session until it is closed', async () => {
  const client = await open();
  const initialized = await send(client, JSON_HEADERS, INITIALIZE);
  const headers = { ...JSON_HEADERS, 'mcp-session-id': String(initialized.headers['mcp-session-id']) };
  const stream = client.request({ ':path': '/mcp', ':method': 'GET', ...headers, accept: 'text/event-stream' });
  const [response] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  expect(response[':status']).toBe(200);

  const call = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'notifyStandalone', arguments: { text: 'unrelated' } },
  };
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  expect((await send(client, headers, call)).status).toBe(200);
  await until(() => text.includes('notifications/'), { what: 'the notification' });
  expect(text).toMatch(/^retry: \d+\n\nevent: message\ndata: .*unrelated.*\n\n$/);
  stream.close();
});

test('a client that has left by the time that middleware hands its request over does nobody harm', async () => {
  const { supervisor } = supervise();
  const handler = toNodeHandler(supervisor);
  let handled = (_: Promise<void>) => {};
  const left = new Promise<void>((resolve) => (handled = resolve));
  let came = () => {};
  const coming = new Promise<void>((resolve) => (came = resolve));
  const client = await open(async (request, response) => {
    came();
    request.once('close', () => setImmediate(() => handled(handler(request, response))));
  });
  const stream = client.request({ ':path': '/mcp', ':method': 'POST', ...JSON_HEADERS });
  stream.on('error', () => {});
  await withTimeout(coming, { what: 'the request' });
  stream.close(8); // CANCEL
  await expect(withTimeout(left, { what: 'the request to be handled' })).resolves.toBeUndefined();
});
