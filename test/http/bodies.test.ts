/** What a body may be: how large, how slow, how broken; and the rules of JSON-RPC and of batches. */
import { describe, expect, test } from 'vitest';
import type { RawResponse } from '../support/rawSocket.ts';
import { type ServeOptions, serve } from '../support/serve.ts';
import { becomesIdle } from '../support/sessionLife.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import {
  callBody,
  initialize,
  initializeBody,
  post,
  rawSocket,
  sessionHeaders,
  type WireMessage,
} from '../support/wire.ts';

async function serveWithClock(options: ServeOptions = {}) {
  const clock = new SimulatedClock();
  return { clock, ...(await serve({ clock, ...options })) };
}

const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

function errorOf({ body }: RawResponse): WireMessage['error'] {
  return (JSON.parse(body) as WireMessage).error;
}

describe('too large', () => {
  const LIMIT = 10_000;
  const TOO_LARGE = { code: -32000, message: 'Payload Too Large' };

  test('as declared: refused before any of it has come', async () => {
    const { port, supervisor } = await serve({ maxRequestBodySize: LIMIT });
    const raw = await rawSocket(port);
    raw.begin('POST', { 'content-length': String(LIMIT + 1) });
    const response = await raw.readResponse();
    expect(response.status).toBe(413);
    expect(errorOf(response)).toEqual(TOO_LARGE);
    expect([...supervisor.sessions()]).toEqual([]);
  });

  test('in chunks: refused as soon as it is more, and the session is free again', async () => {
    const served = await serve({ maxRequestBodySize: LIMIT });
    const { sessionId, headers } = await initialize(served.url);
    const raw = await rawSocket(served.port);
    raw.begin('POST', { 'transfer-encoding': 'chunked', ...headers });
    for (let n = 0; n < 11; n++) raw.write(chunk('x'.repeat(1_000)));
    const response = await raw.readResponse();
    expect(response.status).toBe(413);
    expect(errorOf(response)).toEqual(TOO_LARGE);
    await becomesIdle(served, sessionId);
  });

  test('up to the limit it is taken, in bytes', async () => {
    const { url } = await serve({ maxRequestBodySize: LIMIT });
    const { headers } = await initialize(url);
    const padded = (text: string, bytes: number) => text + ' '.repeat(bytes - Buffer.byteLength(text));
    const body = JSON.stringify(callBody('echo', { text: 'ü'.repeat(1_000) }));
    expect((await post(url, padded(body, LIMIT), headers)).status).toBe(200);
    expect((await post(url, padded(body, LIMIT + 1), headers)).status).toBe(413);
  });

  test('a client that goes on sending what was refused is cut off', async () => {
    // No time passes: it is cut off for what it sends.
    const { port } = await serveWithClock({ maxRequestBodySize: LIMIT });
    const raw = await rawSocket(port);
    raw.begin('POST', { 'transfer-encoding': 'chunked' });
    const flood = () => {
      while (!raw.socket.destroyed && raw.socket.write(chunk('x'.repeat(60_000))));
    };
    raw.socket.on('drain', flood);
    flood();
    await until(raw.closed, { what: 'the connection to be cut' });
    expect(raw.received).toMatch(/^(HTTP\/1.1 413 |$)/); // a reset may outrun the answer
  });
});

describe('slow', () => {
  test('slower than requestBodyTimeout: 408, and the session lives on', async () => {
    const served = await serveWithClock({ requestBodyTimeout: 5_000, sessionIdleTimeout: 1_000 });
    const { port, url, clock, supervisor } = served;
    const { sessionId, headers } = await initialize(url);
    await becomesIdle(served, sessionId);
    const raw = await rawSocket(port);
    raw.begin('POST', { 'content-length': '50', ...headers });
    await until(() => supervisor.session(sessionId)?.state === 'active', { what: 'the upload to begin' });
    await advance(clock, 4_999);
    raw.write('{');
    await advance(clock, 1);
    const response = await raw.readResponse();
    expect(response.status).toBe(408);
    expect(errorOf(response)?.message).toContain('Request Timeout');
    await becomesIdle(served, sessionId);
    expect((await post(url, callBody('echo', { text: 'x' }), headers)).status).toBe(200);
    // Whoever goes on not sending is cut off.
    await advance(clock, 2_000);
    await until(raw.closed, { what: 'the connection to be cut' });
  });

  test('a first request that is too slow leaves nothing', async () => {
    const { port, clock, supervisor, events, url } = await serveWithClock({ requestBodyTimeout: 5_000 });
    const raw = await rawSocket(port);
    raw.begin('POST', { 'content-length': '50' });
    await post(url, 'something else, after which the server has read what came before');
    await advance(clock, 5_000);
    expect((await raw.readResponse()).status).toBe(408);
    expect([...supervisor.sessions()]).toEqual([]);
    expect(events).toEqual([]);
  });
});

describe('aborted', () => {
  test.each(['destroy', 'reset'] as const)('by %s: nothing is called, and the session idles', async (how) => {
    const called: unknown[] = [];
    const served = await serve({ principal: ({ headers }) => void called.push(headers['x-upload']) });
    const { sessionId } = await initialize(served.url);
    await becomesIdle(served, sessionId);
    const raw = await rawSocket(served.port);
    raw.begin('POST', { 'content-length': '5000', 'x-upload': 'mine', ...sessionHeaders(sessionId) });
    await until(() => served.supervisor.session(sessionId)?.state === 'active', { what: 'the upload to begin' });
    raw.write(JSON.stringify(callBody('gate', { key: 'a' })));
    raw[how]();
    await becomesIdle(served, sessionId);
    expect(called).toContain('mine');
    expect(served.gates.counts('a').entered).toBe(0);
  });

  test('a first request leaves nothing', async () => {
    const served = await serve();
    const raw = await rawSocket(served.port);
    raw.begin('POST', { 'content-length': '5000' });
    raw.write(JSON.stringify(initializeBody()));
    raw.reset();
    await post(served.url, 'something else, after which the server has seen the reset');
    expect([...served.supervisor.sessions()]).toEqual([]);
    expect(served.events).toEqual([]);
  });
});

describe('not JSON, or not UTF-8', () => {
  test.each<[string, string | Buffer]>([
    ['empty', ''],
    ['cut off', '{"jsonrpc":"2.0","id":1'],
    ['two messages', '{"jsonrpc":"2.0","method":"a"}{"jsonrpc":"2.0","method":"a"}'],
    ['words', 'initialize, please'],
    ['broken UTF-8', Buffer.from('{"jsonrpc":"2.0","method":"caf\xe9"}', 'latin1')],
  ])('%s: 400 with -32700', async (_, body) => {
    const served = await serve();
    const { sessionId, headers } = await initialize(served.url);
    const raw = await rawSocket(served.port);
    raw.begin('POST', { 'content-length': String(Buffer.byteLength(body)), ...headers });
    raw.write(body);
    const response = await raw.readResponse();
    expect(response.status).toBe(400);
    expect(errorOf(response)).toEqual({ code: -32700, message: 'Parse error: invalid JSON' });
    await becomesIdle(served, sessionId);
  });
});

describe('not JSON-RPC 2.0', () => {
  test.each<[what: string, body: unknown, id?: number | null]>([
    ['null', null],
    ['a number', 42],
    ['a string', '"ping"'],
    ['an empty object', {}],
    ['an empty array', []],
    ['no version', { id: 1, method: 'ping' }, 1],
    ['version 1', { jsonrpc: '1.0', id: 1, method: 'ping' }, 1],
    ['a method that is no string', { jsonrpc: '2.0', id: 1, method: 1 }, 1],
    ['params that are a list', { jsonrpc: '2.0', id: 1, method: 'ping', params: [] }, 1],
    ['params that are null', { jsonrpc: '2.0', id: 1, method: 'ping', params: null }, 1],
    ['id null', { jsonrpc: '2.0', id: null, method: 'ping' }],
    ['a fraction for an id', { jsonrpc: '2.0', id: 1.5, method: 'ping' }],
    ['an id of 2 KiB', { jsonrpc: '2.0', id: 'x'.repeat(2_048), method: 'ping' }],
    ['neither method nor result', { jsonrpc: '2.0', id: 1 }, 1],
    ['result and error', { jsonrpc: '2.0', id: 1, result: {}, error: { code: 1, message: '' } }],
    ['a result without an id', { jsonrpc: '2.0', result: {} }],
    ['an error without a code', { jsonrpc: '2.0', id: 1, error: { message: 'no' } }],
    ['a list with something else in it', [{ jsonrpc: '2.0', method: 'a' }, 1]],
    ['a list in a list', [[{ jsonrpc: '2.0', method: 'a' }]]],
  ])('%s: 400 with -32600', async (_, body, id = null) => {
    const served = await serve();
    const { sessionId, headers } = await initialize(served.url, { protocolVersion: '2025-03-26' });
    const response = await post(served.url, body, headers);
    expect(response.status).toBe(400);
    expect(response.json()).toMatchObject({ id, error: { code: -32600 } });
    await becomesIdle(served, sessionId);
  });
});

test('notifications and responses get 202 without a body', async () => {
  const { url } = await serve();
  const { sessionId, headers } = await initialize(url);
  for (const body of [
    { jsonrpc: '2.0', method: 'notifications/roots/list_changed' },
    { jsonrpc: '2.0', id: 'unasked', result: {} },
    { jsonrpc: '2.0', id: 7, error: { code: -1, message: 'no' } },
  ]) {
    const response = await post(url, body, headers);
    expect(response).toMatchObject({ status: 202, text: '' });
    expect(response.headers['mcp-session-id']).toBe(sessionId);
  }
});

describe('batches', () => {
  const note = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };
  const echo = (id: string | number) => callBody('echo', { text: String(id) }, id);

  test.each(['2025-11-25', '2025-06-18', '2024-11-05'])('are refused in a session of %s', async (protocolVersion) => {
    const { url } = await serve();
    const { sessionId } = await initialize(url, { protocolVersion });
    // What the header says does not change what was negotiated.
    for (const version of [protocolVersion, '2025-03-26', undefined]) {
      const response = await post(url, [echo(1)], sessionHeaders(sessionId, version));
      expect(response.status).toBe(400);
      expect(response.json().error?.code).toBe(-32600);
    }
  });

  test('in a session of 2025-03-26: every request gets its answer, on one stream', async () => {
    const { url } = await serve();
    const { headers } = await initialize(url, { protocolVersion: '2025-03-26' });
    const response = await post(url, [echo(1), note, echo('two'), { jsonrpc: '2.0', id: 9, result: {} }], headers);
    expect(response.headers['content-type']).toBe('text/event-stream');
    const answers = response.messages().sort((a, b) => Number(a.id === 'two') - Number(b.id === 'two'));
    expect(answers).toMatchObject([
      { id: 1, result: { content: [{ text: '1' }] } },
      { id: 'two', result: { content: [{ text: 'two' }] } },
    ]);
    expect(await post(url, [note, note], headers)).toMatchObject({ status: 202, text: '' });
  });

  test('of up to 100 messages are taken', async () => {
    const { url } = await serve();
    const { headers } = await initialize(url, { protocolVersion: '2025-03-26' });
    const batch = Array.from({ length: 100 }, (_, id) => echo(id));
    expect((await post(url, batch, headers)).messages()).toHaveLength(100);
    expect((await post(url, [...batch, echo(100)], headers)).status).toBe(400);
  });

  test('with an id twice, or with one that is in flight, are refused as a whole', async () => {
    const { url, gates } = await serve();
    const { headers } = await initialize(url, { protocolVersion: '2025-03-26' });
    const held = post(url, callBody('gate', { key: 'a' }, 1), headers);
    await gates.entered('a');
    for (const batch of [
      [echo(5), echo(5)],
      [callBody('gate', { key: 'b' }, 2), echo(1)],
    ]) {
      const refused = await post(url, batch, headers);
      expect(refused.status).toBe(400);
      expect(refused.json().error?.message).toContain('id');
    }
    expect(gates.counts('b').entered).toBe(0);
    gates.open('a');
    expect((await held).messages()).toMatchObject([{ id: 1, result: {} }]);
  });
});
