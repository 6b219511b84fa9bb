/** A request that another node answers: what its client sees is what the owner would have said to it directly. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { sendTerminate } from '../../../src/cluster/ask.ts';
import { rawSocket } from '../../support/rawSocket.ts';
import { withTimeout } from '../../support/until.ts';
import { callBody, initialize, post } from '../../support/wire.ts';
import { edge, OWNER, peerOwner, supervisedOwner } from './nodes.ts';

/** Every byte of the answer but its date. */
async function wire(port: number, method: string, headers: Record<string, string>, body = ''): Promise<string> {
  const raw = await rawSocket(port);
  raw.begin(method, { connection: 'close', 'content-length': String(Buffer.byteLength(body)), ...headers });
  raw.write(body);
  await withTimeout(raw.closed, { what: 'the whole answer' });
  return raw.received.replace(/^date:.*\r\n/im, '');
}

const calling = (name: string, args: Record<string, unknown>) => JSON.stringify(callBody(name, args));

describe('byte for byte what the owner says itself:', () => {
  test.each([
    ['a call', 'POST', calling('echo', { text: 'hi' })],
    ['a call whose answer is large', 'POST', calling('big', { bytes: 300_000 })],
    ['a call of another tongue', 'POST', calling('echo', { text: 'ü€😀'.repeat(3_000) })],
    ['a call that fails', 'POST', calling('fail', {})],
    ['a notification', 'POST', '{"jsonrpc":"2.0","method":"notifications/initialized"}'],
    ['what is no JSON', 'POST', '{'],
    ['what is no message', 'POST', '{"a":1}'],
    ['a batch', 'POST', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]'],
    ['a second initialize', 'POST', '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}'],
    ['what is too large', 'POST', `"${'x'.repeat(700_000)}"`],
  ])('%s', async (_, method, body) => {
    for (const enableJsonResponse of [true, false]) {
      const owner = await supervisedOwner({ enableJsonResponse, maxRequestBodySize: 600_000, retryInterval: 1_000 });
      const { headers } = await initialize(owner.url);
      const { port } = await edge(owner);
      expect(await wire(port, method, headers, body)).toBe(await wire(owner.port, method, headers, body));
    }
  });

  test('a session that there is not, and one that is deleted', async () => {
    const owner = await supervisedOwner();
    const [one, two] = [await initialize(owner.url), await initialize(owner.url)];
    const { port } = await edge(owner);
    const foreign = { 'mcp-session-id': 'nobody' };
    expect(await wire(port, 'DELETE', one.headers)).toBe(await wire(owner.port, 'DELETE', two.headers));
    expect(await wire(port, 'DELETE', one.headers)).toBe(await wire(owner.port, 'DELETE', two.headers));
    expect(await wire(port, 'GET', foreign)).toBe(await wire(owner.port, 'GET', foreign));
  });
});

/** A GET of the edge with headers as they are given, repeated ones included. */
function get(port: number, headers: string[]): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const given = ['Host', 'edge.example:80', ...headers];
    const outgoing = httpRequest({ port, host: '127.0.0.1', path: '/mcp?a=%20b', agent: false, headers: given });
    outgoing.on('response', (response) => resolve(response.resume()));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('the owner is told', () => {
  const told = async (headers: string[], options: Parameters<typeof edge>[1] = {}) => {
    const owner = await peerOwner(({ exchange }) => exchange.respond(204, {}));
    const { port } = await edge(owner, options);
    await withTimeout(get(port, headers));
    const [request] = owner.forwarded;
    if (request === undefined) throw new Error('nothing came');
    return request;
  };

  test('what is for it, and nothing that was between the client and the edge', async () => {
    const { exchange } = await told([
      ...[
        'Mcp-Session-Id',
        's',
        'Last-Event-ID',
        'e',
        'MCP-Protocol-Version',
        '2025-11-25',
        'Authorization',
        'Bearer x',
      ],
      ...['Cookie', 'a=1', 'Cookie', 'b=2', 'X-List', '1', 'X-List', '2', 'Set-Cookie', 'c', 'Set-Cookie', 'd'],
      ...['Connection', 'keep-alive, X-Hop, Mcp-Session-Id', 'X-Hop', 'h', 'Keep-Alive', 'timeout=5', 'TE', 'trailers'],
      ...['Proxy-Connection', 'close', 'Proxy-Authorization', 'p', 'Upgrade', 'h2c', 'X-Umlaut', 'ü'],
    ]);
    expect(exchange.headers).toEqual({
      host: 'edge.example:80',
      'mcp-session-id': 's',
      'last-event-id': 'e',
      'mcp-protocol-version': '2025-11-25',
      authorization: 'Bearer x',
      cookie: 'a=1; b=2',
      'x-list': '1, 2',
      'set-cookie': ['c', 'd'],
      'x-umlaut': 'ü',
    });
    expect(exchange.method).toBe('GET');
    expect(exchange.requestInfo.url.href).toBe('http://edge.example/mcp?a=%20b');
    expect({ ...exchange.requestInfo }.headers).toBe(exchange.headers);
    expect(exchange.hosts).toEqual(['edge.example:80']);
    expect(exchange.parsedBody).toBeUndefined();
  });

  test('who sent it, as the edge found out', async () => {
    const authInfo = { token: 'secret', clientId: 'c', scopes: ['s'], expiresAt: 5, extra: { sub: 'ann' } };
    const { exchange, principal, sessionId } = await told(['Mcp-Session-Id', 's'], { principal: 'ann', authInfo });
    expect([principal, sessionId, exchange.authInfo]).toEqual(['ann', 's', authInfo]);
  });

  test('of 64 KiB of headers', async () => {
    const long = 'x'.repeat(8_000);
    const names = Array.from({ length: 8 }, (_, n) => `x-long-${n}`);
    const { exchange } = await told(
      names.flatMap((name) => [name, long]),
      { maxHeaderSize: 100_000 },
    );
    for (const name of names) expect(exchange.headers[name]).toBe(long);
  });
});

test('what the edge adds to every answer is added to those of owners too', async () => {
  const owner = await peerOwner(({ exchange }) =>
    exchange.respond(200, { 'X-Owner': '1', 'Mcp-Session-Id': 's' }, 'text'),
  );
  const { url } = await edge(owner);
  const { headers, text, status } = await post(url, {}, {});
  expect([status, text]).toEqual([200, 'text']);
  expect(headers).toMatchObject({ 'x-owner': '1', 'mcp-session-id': 's', 'content-length': '4' });
  for (const ours of ['mcp-peer', 'transfer-encoding']) expect(headers).not.toHaveProperty(ours);
});

test.each([
  ['that the session has moved', 'moved', { outcome: 'moved', owner: 'c#1' }],
  ['that it can not be asked now', 'busy', { outcome: 'busy' }],
] as const)('an owner says %s, and nothing was delivered', async (_, verdict, expected) => {
  const owner = await peerOwner((forwarded) => (verdict === 'moved' ? forwarded.moved('c#1') : forwarded.busy()));
  const { url, results } = await edge(owner);
  for (let n = 0; n < 3; n++) expect((await post(url, {}, {})).json()).toEqual(expected);
  expect(await results[0]).toEqual(expected);
});

test('an envelope for a life that is over has moved', async () => {
  const owner = await peerOwner(() => {}, { life: () => 'b#after' });
  const { url } = await edge(owner);
  expect((await post(url, {}, {})).json()).toEqual({ outcome: 'moved' });
  expect(owner.forwarded).toEqual([]);
});

describe('a session that another node has is ended:', () => {
  test.each(['terminated', 'gone', 'moved'] as const)('%s', async (verdict) => {
    const asked: string[] = [];
    const owner = await peerOwner(() => {}, {
      terminate: async (...terminate) => {
        asked.push(...terminate);
        return verdict;
      },
    });
    const { parts } = await edge(owner);
    expect(await sendTerminate(parts, 's', 'evicted')).toBe(verdict);
    expect(asked).toEqual(['s', 'evicted']);
  });

  test.each([
    ['nobody is there', { url: 'http://127.0.0.1:1' }],
    ['the URL is none', { url: 'nowhere' }],
    ['it is another cluster', { secrets: ['another secret, which is long enough'] }],
  ])('not known, where %s', async (_, options) => {
    const owner = await peerOwner(() => {}, { terminate: async () => 'terminated' });
    const { parts } = await edge(owner, options);
    expect(await sendTerminate({ ...parts, life: { ...parts.life, id: OWNER } }, 's', 'evicted')).toBe('unreached');
  });

  test('not known, where it could not be', async () => {
    const owner = await peerOwner(() => {}, { terminate: () => Promise.reject(new Error('store')) });
    const { parts } = await edge(owner);
    expect(await sendTerminate(parts, 's', 'evicted')).toBe('unreached');
  });
});
