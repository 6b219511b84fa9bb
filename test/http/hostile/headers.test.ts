/** Hostile input: headers that are wrong, missing, twofold, or lie about where a request comes from and goes to. */
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { NOT_FOUND } from '../../support/sessionLife.ts';
import { type Attack, besiege, bytesOf, expectNodes, expectRefusal, type Siege } from '../../support/siege.ts';
import { callBody, initializeBody } from '../../support/wire.ts';

const body = callBody('echo', { text: 'x' });

/** All three methods, each with these headers. */
async function sendAll(siege: Siege, attack: Attack) {
  const [post, get, del] = await Promise.all([
    siege.send({ ...attack, body }),
    siege.send({ ...attack, method: 'GET' }),
    siege.send({ ...attack, method: 'DELETE' }),
  ]);
  return { post, get, delete: del };
}

describe('a wrong or missing Accept', () => {
  test.each([
    undefined,
    '',
    ',',
    ';',
    'text/html',
    'application/json',
    'text/event-stream',
    'application/json, text/event-stream;q=0',
    'application/json;q=0.000, text/event-stream',
    '*/*;q=0',
    'application/json text/event-stream',
    'application/jsonx, text/event-streamx',
    '__proto__',
    `${'a/b,'.repeat(3_000)}application/json`,
  ])('%#: of a POST', async (accept) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    expectRefusal(await siege.send({ headers: { ...headers, accept }, body }), 406, -32000);
    expectRefusal(await siege.send({ headers: { accept }, body: initializeBody() }), 406, -32000);
    await siege.expectUnharmed();
  });

  test.each([undefined, '', 'application/json', 'text/event-stream;q=0', 'text/*;q=0.0', 'event-stream'])(
    'of a GET: %j',
    async (accept) => {
      const siege = await besiege();
      const { headers } = await siege.session();
      for (const known of [{}, headers]) {
        expectRefusal(await siege.send({ method: 'GET', headers: { ...known, accept } }), 406, -32000);
      }
      await siege.expectUnharmed();
    },
  );
});

describe('a wrong or missing content type', () => {
  test.each([
    undefined,
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'application/json, text/plain',
    'application /json',
    'text/plain; application/json',
  ])('%j', async (type) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    for (const known of [{}, headers]) {
      expectRefusal(await siege.send({ headers: { ...known, 'content-type': type }, body }), 415, -32000);
    }
    await siege.expectUnharmed();
  });

  test('twice: the first one counts', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const twice = (type: string, other: string): Attack => ({
      headers: { ...headers, 'content-type': type },
      lines: [['Content-Type', other]],
      body,
    });
    expectRefusal(await siege.send(twice('text/plain', 'application/json')), 415, -32000);
    expect((await siege.send(twice('application/json', 'text/plain'))).status).toBe(200);
    await siege.expectUnharmed();
  });
});

describe('a content type with a charset', () => {
  test.each(['utf-8', 'UTF-8', '"utf-8"', 'us-ascii', 'utf-16', 'nonsense'])(
    '%s: not looked at, for JSON is UTF-8',
    async (charset) => {
      const siege = await besiege();
      const { headers } = await siege.session();
      const typed = { ...headers, 'content-type': `application/json; charset=${charset}` };
      expect((await siege.send({ headers: typed, body })).status).toBe(200);
      const utf16 = Buffer.from(JSON.stringify(body), 'utf16le');
      expectRefusal(await siege.send({ headers: typed, body: utf16 }), 400, -32700);
      await siege.expectUnharmed();
    },
  );
});

describe('an encoded body', () => {
  const json = JSON.stringify(body);
  test.each<[string, Buffer | string]>([
    ['gzip', gzipSync(json)],
    ['GZIP', gzipSync(json)],
    ['deflate', deflateSync(json)],
    ['gzip, gzip', gzipSync(gzipSync(json))],
    ['gzip', gzipSync('x'.repeat(50_000_000))],
    ['br', json],
    ['identity, identity', json],
    ['', json],
  ])('as %j says', async (encoding, encoded) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    for (const known of [{}, headers]) {
      const answer = await siege.send({ headers: { ...known, 'content-encoding': encoding }, body: encoded });
      expectRefusal(answer, 415, -32000);
      expect(answer.headers['accept-encoding']).toBe('identity');
    }
    await siege.expectUnharmed();
  });

  test('without saying so', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    expectRefusal(await siege.send({ headers, body: gzipSync(json) }), 400, -32700);
    expectRefusal(
      await siege.send({
        headers: { ...headers, 'transfer-encoding': 'gzip, chunked' },
        body: Buffer.concat([
          Buffer.from(`${gzipSync(json).length.toString(16)}\r\n`),
          gzipSync(json),
          Buffer.from('\r\n0\r\n\r\n'),
        ]),
      }),
      400,
      -32700,
    );
    await siege.expectUnharmed();
  });
});

describe('a foreign Host', () => {
  const OURS = ['localhost', '127.0.0.1', '[::1]', 'mcp.example:8080'];

  test.each<[string, Attack]>([
    ['of an attacker whose name resolves to us', { headers: { host: 'evil.example' } }],
    ['of an attacker, with our port', { headers: { host: 'evil.example:8080' } }],
    ['empty', { headers: { host: '' } }],
    ['a port alone', { headers: { host: ':80' } }],
    ['that begins as ours', { headers: { host: 'localhost.evil.example' } }],
    ['that ends as ours', { headers: { host: 'evil.example.localhost' } }],
    ['with a dot at its end', { headers: { host: 'localhost.' } }],
    ['with ours as user', { headers: { host: 'localhost@evil.example' } }],
    ['with ours as password', { headers: { host: 'evil.example:80@localhost' } }],
    ['with ours as path', { headers: { host: 'evil.example/localhost' } }],
    ['with two ports', { headers: { host: 'localhost:80:80' } }],
    ['with a port that is no number', { headers: { host: 'localhost:evil' } }],
    ['with another port than ours', { headers: { host: 'mcp.example:8081' } }],
    ['with a list', { headers: { host: 'localhost, evil.example' } }],
    ['an address written otherwise', { headers: { host: '2130706433' } }],
    ['an address without brackets', { headers: { host: '::1' } }],
    ['another address', { headers: { host: '[::ffff:127.0.0.1]' } }],
    ['after ours', { headers: { host: 'localhost' }, lines: [['Host', 'evil.example']] }],
    ['before ours', { headers: { host: 'evil.example' }, lines: [['Host', 'localhost']] }],
    ['in the target', { target: 'http://evil.example/mcp' }],
    ['in the target, with ours as user', { target: 'http://localhost@evil.example/mcp' }],
    ['in the target, without a name', { target: 'file:///mcp' }],
  ])('%s', async (_, attack) => {
    const siege = await besiege({ allowedHosts: OURS });
    const { headers } = await siege.session();
    const answers = await sendAll(siege, { ...attack, headers: { ...headers, ...attack.headers } });
    for (const answer of Object.values(answers)) expectRefusal(answer, 403, -32000);
    expectRefusal(await siege.send({ ...attack, body: initializeBody() }), 403, -32000);
    await siege.expectUnharmed();
  });

  test.each<Attack>([
    { headers: { host: 'LOCALHOST' } },
    { headers: { host: 'localhost:1234' } },
    { headers: { host: 'localhost:' } },
    { headers: { host: '[::1]:80' } },
    { headers: { host: 'MCP.example:8080' } },
    { headers: { host: 'localhost' }, lines: [['Host', '127.0.0.1']] },
    { target: 'http://127.0.0.1:9/mcp' },
    { target: '//evil.example/mcp' },
  ])('%#: one of ours is none', async (attack) => {
    const siege = await besiege({ allowedHosts: OURS });
    const { headers } = await siege.session();
    const { status } = await siege.send({ ...attack, headers: { ...headers, ...attack.headers }, body });
    expect(status).toBe(200);
    await siege.expectUnharmed();
  });

  test('is missing', async () => {
    const siege = await besiege({ allowedHosts: OURS });
    const { headers } = await siege.session();
    const one = await siege.send({ headers: { ...headers, host: undefined }, body });
    expect({ status: one.status, body: one.body }).toEqual({ status: 400, body: '' }); // HTTP/1.1: node:http's own
    const zero = { version: 'HTTP/1.0', headers: { ...headers, host: undefined }, body };
    expectRefusal(await siege.send(zero), 403, -32000);
    await siege.expectUnharmed();
  });
});

describe('a foreign Origin', () => {
  test.each([
    'https://evil.example',
    'null',
    '',
    'https://app.example.evil.example',
    'https://app.example:444',
    'https://app.example/',
    'https://APP.example',
    'http://app.example',
    'https://app.example@evil.example',
    'https://app.example, https://evil.example',
    'file://',
    '*',
  ])('%j', async (origin) => {
    for (const cors of [undefined, ['https://app.example']]) {
      const siege = await besiege({ allowedOrigins: ['https://app.example'], cors });
      const { headers } = await siege.session();
      for (const answer of Object.values(await sendAll(siege, { headers: { ...headers, origin } }))) {
        expectRefusal(answer, 403, -32000);
        expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      }
      await siege.expectUnharmed();
    }
  });

  test('twice, one of them allowed', async () => {
    const siege = await besiege({ allowedOrigins: ['https://app.example'] });
    const origins = (...[first = '', second = '']: string[]): Attack => ({
      headers: { origin: first },
      lines: [['Origin', second]],
      body: initializeBody(),
    });
    expectRefusal(await siege.send(origins('https://app.example', 'https://evil.example')), 403, -32000);
    expectRefusal(await siege.send(origins('https://evil.example', 'https://app.example')), 403, -32000);
    await siege.expectUnharmed();
  });
});

describe('control characters in headers', () => {
  const head = (line: string) =>
    Buffer.from(`POST /mcp HTTP/1.1\r\nHost: localhost\r\n${line}\r\nContent-Length: 0\r\n\r\n`, 'latin1');

  test.each([
    'X: a\0b',
    'X: a\x01b',
    'X: a\x7fb',
    'X: a\rb',
    'X: a\nb',
    'X: a\r\n folded',
    'X : a',
    ': a',
    'X\0: a',
    'Mcp-Session-Id: a\x0bb',
    'no colon',
  ])('%j', async (line) => {
    const siege = await besiege();
    expectNodes(await siege.send(head(line)), 400);
    await siege.expectUnharmed();
  });

  test('bytes beyond ASCII are taken as Latin-1, and name no session', async () => {
    const siege = await besiege();
    const bytes = bytesOf({ headers: { 'mcp-session-id': '\xe4\xff' }, body });
    expectRefusal(await siege.send(bytes), 404, -32001);
    await siege.expectUnharmed();
  });
});

describe('headers beyond all bounds', () => {
  test.each([
    ['one long value', [['x', 'x'.repeat(20_000)]]],
    ['a long session id', [['mcp-session-id', 'x'.repeat(20_000)]]],
    ['very many', Array.from({ length: 3_000 }, (_, n) => [`x${n}`, 'y'])],
  ] as [string, [string, string][]][])('%s', async (_, lines) => {
    const siege = await besiege();
    expectNodes(await siege.send({ lines, body }), 431);
    await siege.expectUnharmed();
  });
});

describe("session ids that are nobody's", () => {
  test.each<[string, (id: string) => Attack]>([
    ['of 10 000 characters', () => ({ headers: { 'mcp-session-id': 'x'.repeat(10_000) } })],
    ['in capitals', (id) => ({ headers: { 'mcp-session-id': id.toUpperCase() } })],
    ['cut off', (id) => ({ headers: { 'mcp-session-id': id.slice(0, -1) } })],
    ['with more behind it', (id) => ({ headers: { 'mcp-session-id': `${id}0` } })],
    ['with a comma', (id) => ({ headers: { 'mcp-session-id': `${id},` } })],
    ['with a parameter', (id) => ({ headers: { 'mcp-session-id': `${id};a=b` } })],
    ['quoted', (id) => ({ headers: { 'mcp-session-id': `"${id}"` } })],
    ['escaped', (id) => ({ headers: { 'mcp-session-id': id.replaceAll('-', '%2D') } })],
    ['in two headers', (id) => ({ headers: { 'mcp-session-id': id }, lines: [['Mcp-Session-Id', id]] })],
    ['in two headers, one empty', (id) => ({ headers: { 'mcp-session-id': id }, lines: [['Mcp-Session-Id', '']] })],
    ['a wildcard', () => ({ headers: { 'mcp-session-id': '*' } })],
    ['a path', () => ({ headers: { 'mcp-session-id': '../../etc/passwd' } })],
  ])('%s', async (_, attack) => {
    const siege = await besiege();
    const { sessionId } = await siege.session();
    for (const answer of Object.values(await sendAll(siege, attack(sessionId)))) {
      expectRefusal(answer, 404, -32001);
      expect(answer.body).toBe(NOT_FOUND);
    }
    const opening = await siege.send({ ...attack(sessionId), body: initializeBody() });
    expect({ status: opening.status, body: opening.body }).toEqual({ status: 404, body: NOT_FOUND });
    await siege.expectUnharmed();
  });

  test('missing', async () => {
    const siege = await besiege();
    const { post, get, delete: del } = await sendAll(siege, {});
    expectRefusal(post, 400, -32000, 1);
    for (const answer of [get, del]) expectRefusal(answer, 400, -32000);
    await siege.expectUnharmed();
  });
});

describe('session ids of others', () => {
  test('of another principal: as if it had never been', async () => {
    const siege = await besiege({ principal: ({ headers }) => headers['x-user'] as string | undefined });
    const { headers } = await siege.session({ headers: { 'x-user': 'ada' } });
    for (const user of [undefined, 'eve', 'Ada', 'ada ada']) {
      for (const answer of Object.values(await sendAll(siege, { headers: { ...headers, 'x-user': user } }))) {
        expectRefusal(answer, 404, -32001);
        expect(answer.body).toBe(NOT_FOUND);
      }
    }
    expect((await siege.send({ headers, body })).status).toBe(200);
    await siege.expectUnharmed();
  });

  test('that has ended: as if it had never been', async () => {
    const siege = await besiege();
    const { headers, sessionId } = await siege.session();
    await siege.served.supervisor.terminate(sessionId);
    siege.admitAll();
    for (const answer of Object.values(await sendAll(siege, { headers }))) {
      expectRefusal(answer, 404, -32001);
      expect(answer.body).toBe(NOT_FOUND);
    }
    await siege.expectUnharmed();
  });
});

describe('a wrong protocol version', () => {
  test.each(['', '1999-12-31', '2025-11-25,2025-06-18', 'x'.repeat(10_000)])('%#', async (version) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const answers = await sendAll(siege, { headers: { ...headers, 'mcp-protocol-version': version } });
    for (const answer of Object.values(answers)) expectRefusal(answer, 400, -32000);
    await siege.expectUnharmed();
  });
});
