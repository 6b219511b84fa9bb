/** What a request may look like: headers, methods, versions, hosts and origins, as they come and as they must not. */
import { describe, expect, test } from 'vitest';
import { serve } from '../support/serve.ts';
import { askInEveryWay, becomesIdle, expectNotFound } from '../support/sessionLife.ts';
import {
  callBody,
  del,
  exchange,
  get,
  initialize,
  initializeBody,
  openStream,
  post,
  rawSocket,
} from '../support/wire.ts';

const PING = { jsonrpc: '2.0', id: 'p', method: 'ping' };

describe('Accept', () => {
  test.each([
    ['application/json, text/event-stream', 200],
    ['text/event-stream, application/json', 200],
    ['*/*', 200],
    ['application/*, text/*', 200],
    ['APPLICATION/JSON;q=0.9 , Text/Event-Stream;q=0.1', 200],
    ['text/html, application/json; charset=utf-8, text/event-stream', 200],
    [undefined, 406],
    ['', 406],
    ['application/json', 406],
    ['text/event-stream', 406],
    ['application/json, text/event-stream;q=0', 406],
    ['application/json-rpc, text/event-stream', 406],
    ['text/*', 406],
  ])('of a POST: %s gets %i', async (accept, status) => {
    const { url } = await serve();
    expect((await post(url, initializeBody(), { accept })).status).toBe(status);
  });

  test.each([
    ['text/event-stream', 200],
    ['application/json, text/event-stream', 200],
    ['*/*', 200],
    [undefined, 406],
    ['application/json', 406],
    ['text/event-stream;q=0.0', 406],
  ])('of a GET: %s gets %i', async (accept, status) => {
    const { url } = await serve();
    const { headers } = await initialize(url);
    const stream = await openStream(url, { headers: { ...headers, accept } });
    expect(stream.status).toBe(status);
    stream.destroy();
  });
});

describe('Content-Type and Content-Encoding', () => {
  test.each([
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    ['Application/JSON ;charset=UTF-8', 200],
    [undefined, 415],
    ['text/plain', 415],
    ['application/json-rpc', 415],
    ['application/json, text/plain', 415],
    ['multipart/form-data', 415],
  ])('%s gets %i', async (type, status) => {
    const { url } = await serve();
    expect((await post(url, initializeBody(), { 'content-type': type })).status).toBe(status);
  });

  test.each([
    ['identity', 200],
    ['gzip', 415],
    ['br', 415],
    ['identity, gzip', 415],
  ])('encoded as %s gets %i', async (encoding, status) => {
    const { url } = await serve();
    expect((await post(url, initializeBody(), { 'content-encoding': encoding })).status).toBe(status);
  });
});

describe('methods', () => {
  test.each(['PUT', 'PATCH', 'OPTIONS', 'HEAD', 'PROPFIND'])('%s: 405, naming what there is', async (method) => {
    const { url, supervisor } = await serve();
    const { sessionId, headers } = await initialize(url);
    for (const known of [{}, headers]) {
      const response = await exchange(method, url, known);
      expect(response.status).toBe(405);
      expect(response.headers.allow).toBe('GET, POST, DELETE');
      if (method !== 'HEAD') expect(response.json().error?.code).toBe(-32000);
    }
    expect(supervisor.session(sessionId)).toBeDefined();
  });
});

describe('the session id', () => {
  test.each([undefined, '', ' '])('is missing (%j): 400 on every method but for an initialize', async (id) => {
    const { url, supervisor } = await serve();
    const headers = { 'mcp-session-id': id };
    for (const response of await askInEveryWay(url, headers)) {
      expect(response.status).toBe(400);
      expect(response.json().error).toEqual({
        code: -32000,
        message: 'Bad Request: the Mcp-Session-Id header is required',
      });
    }
    expect([...supervisor.sessions()]).toEqual([]);
    expect((await post(url, initializeBody(), headers)).status).toBe(200);
  });

  test.each(['nobody', 'ä', 'x'.repeat(5_000), '__proto__', 'constructor'])(
    'is unknown (%j): 404 on all three methods',
    async (id) => {
      const { url } = await serve();
      for (const response of await askInEveryWay(url, { 'mcp-session-id': id })) expectNotFound(response);
      expectNotFound(await post(url, initializeBody(), { 'mcp-session-id': id }));
    },
  );

  test('comes twice: it names nobody', async () => {
    const { url, port } = await serve();
    const { sessionId } = await initialize(url);
    const raw = await rawSocket(port);
    const twice = `Mcp-Session-Id: ${sessionId}\r\n`.repeat(2);
    raw.write(`DELETE /mcp HTTP/1.1\r\nHost: localhost\r\n${twice}\r\n`);
    expect((await raw.readResponse()).status).toBe(404);
  });

  test('is not given away by a session that is being initialized', async () => {
    let release = () => {};
    const { url, supervisor } = await serve({
      sessionIdGenerator: () => 'known-beforehand',
      server: () =>
        new Promise((_, reject) => {
          release = () => reject(new Error('enough'));
        }),
    });
    const opening = post(url, initializeBody());
    await expect.poll(() => supervisor.session('known-beforehand')?.state).toBe('initializing');
    for (const response of await askInEveryWay(url, { 'mcp-session-id': 'known-beforehand' })) expectNotFound(response);
    release();
    expect((await opening).status).toBe(500);
  });
});

describe('the protocol version', () => {
  test.each([
    ['2025-11-25', '2025-11-25'],
    ['2025-06-18', '2025-06-18'],
    ['2025-03-26', '2025-03-26'],
    ['2024-11-05', '2024-11-05'],
    ['1999-12-31', '2025-11-25'],
    ['not a version', '2025-11-25'],
  ])('%s in the body of an initialize is answered by %s', async (asked, negotiated) => {
    const { url, supervisor } = await serve();
    const { sessionId, protocolVersion } = await initialize(url, { protocolVersion: asked });
    expect(protocolVersion).toBe(negotiated);
    expect(supervisor.session(sessionId)?.protocolVersion).toBe(negotiated);
  });

  test.each([
    ['2025-11-25', 200],
    ['2025-06-18', 200],
    ['2025-03-26', 200],
    [undefined, 200],
    ['2026-07-28', 400],
    ['1999-12-31', 400],
    ['', 400],
    ['2025-11-25, 2025-06-18', 400],
  ])('%s in the header of a request gets %i, whatever was negotiated', async (version, status) => {
    const { url, supervisor } = await serve();
    const { sessionId } = await initialize(url, { protocolVersion: '2025-06-18' });
    const headers = { 'mcp-session-id': sessionId, 'mcp-protocol-version': version };
    expect((await post(url, PING, headers)).status).toBe(status);
    const stream = await openStream(url, { headers });
    expect(stream.status).toBe(status);
    stream.destroy();
    if (status !== 200) expect((await del(url, headers)).status).toBe(status);
    expect(supervisor.session(sessionId)).toBeDefined();
  });
});

describe('initialize', () => {
  const { params } = initializeBody();
  test.each<[string, unknown, number]>([
    ['without an id', { jsonrpc: '2.0', method: 'initialize', params }, -32600],
    ['with id null', { jsonrpc: '2.0', id: null, method: 'initialize', params }, -32600],
    ['without parameters', { jsonrpc: '2.0', id: 1, method: 'initialize' }, -32602],
    ['without a version', { ...initializeBody(), params: { ...params, protocolVersion: undefined } }, -32602],
    ['with a number for a version', { ...initializeBody(), params: { ...params, protocolVersion: 1 } }, -32602],
    ['without capabilities', { ...initializeBody(), params: { ...params, capabilities: undefined } }, -32602],
    ['without clientInfo', { ...initializeBody(), params: { ...params, clientInfo: undefined } }, -32602],
    ['without a client name', { ...initializeBody(), params: { ...params, clientInfo: { version: '1' } } }, -32602],
    ['in a batch', [initializeBody()], -32600],
    ['in a batch with others', [PING, initializeBody()], -32600],
  ])('%s: 400, and no session', async (_, body, code) => {
    const { url, supervisor, events } = await serve();
    const response = await post(url, body);
    expect(response.status).toBe(400);
    expect(response.json().error?.code).toBe(code);
    expect(response.headers).not.toHaveProperty('mcp-session-id');
    expect([...supervisor.sessions()]).toEqual([]);
    expect(events).toEqual([]);
  });

  test('inside a session: 400, and the session lives on', async () => {
    const served = await serve();
    const { sessionId, headers } = await initialize(served.url);
    const again = await post(served.url, initializeBody({}, 'again'), headers);
    expect(again.status).toBe(400);
    expect(again.json()).toMatchObject({ id: 'again', error: { code: -32600 } });
    await becomesIdle(served, sessionId);
    expect((await post(served.url, callBody('echo', { text: 'x' }), headers)).status).toBe(200);
    expect([...served.supervisor.sessions()]).toHaveLength(1);
  });
});

describe('Host and Origin', () => {
  test.each([
    ['mcp.example', 200],
    ['mcp.example:8080', 200],
    ['MCP.Example', 200],
    ['ported.example:9000', 200],
    ['[::1]:3000', 200],
    ['ported.example', 403],
    ['ported.example:9001', 403],
    ['mcp.example.evil', 403],
    ['evil.example', 403],
    ['', 403],
  ])('Host %s gets %i', async (host, status) => {
    const { url } = await serve({ allowedHosts: ['mcp.example', 'ported.example:9000', '[::1]'] });
    expect((await post(url, initializeBody(), { host })).status).toBe(status);
    if (status === 403) expect((await get(url, { host })).status).toBe(403);
  });

  test.each([
    [undefined, 200],
    ['https://app.example', 200],
    ['http://localhost:3000', 200],
    ['http://localhost', 403],
    ['http://app.example', 403],
    ['https://app.example:444', 403],
    ['https://app.example.evil', 403],
    ['null', 403],
    ['', 403],
  ])('Origin %s gets %i', async (origin, status) => {
    const { url } = await serve({ allowedOrigins: ['https://app.example', 'http://localhost:3000'] });
    expect((await post(url, initializeBody(), { origin })).status).toBe(status);
    if (status === 403) expect((await del(url, { origin })).status).toBe(403);
  });

  test('are not checked unless the options say so', async () => {
    const { url } = await serve();
    const response = await post(url, initializeBody(), { host: 'any.example', origin: 'https://other.example' });
    expect(response.status).toBe(200);
    expect(response.headers).not.toHaveProperty('access-control-allow-origin');
  });
});
