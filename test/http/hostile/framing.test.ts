/** Hostile input: methods, targets, versions and framing that HTTP knows, and MCP has no use for. */
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, test } from 'vitest';
import { serve } from '../../support/serve.ts';
import { type Attack, besiege, bytesOf, chunked, expectNodes, expectRefusal } from '../../support/siege.ts';
import { until } from '../../support/until.ts';
import { callBody, initialize, rawSocket } from '../../support/wire.ts';

const body = callBody('echo', { text: 'x' });
const json = JSON.stringify(body);

describe('HTTP methods that MCP has no use for', () => {
  test.each(['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'TRACE', 'PROPFIND', 'QUERY'])('%s', async (method) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    for (const known of [{}, headers]) {
      for (const sent of [undefined, body]) {
        const raw = await siege.connect();
        raw.write(bytesOf({ method, headers: { ...known, 'x-secret': 'hush' }, body: sent }));
        const head = await raw.readHead();
        expect(head.headers['allow']).toBe('GET, POST, DELETE');
        if (method === 'HEAD') {
          expect(head.status).toBe(405);
          continue; // its answer has no body
        }
        const length = Number(head.headers['content-length']);
        await until(() => raw.received.length === length, { what: 'the body of the refusal' });
        expect(raw.received).not.toContain('hush'); // a TRACE would
        expectRefusal({ ...head, body: raw.received }, 405, -32000);
      }
    }
    await siege.expectUnharmed();
  });

  test('OPTIONS with the cors option: a preflight', async () => {
    const siege = await besiege({ cors: ['https://app.example'] });
    for (const [origin, allowed] of [
      ['https://app.example', 'https://app.example'],
      ['https://evil.example', undefined],
      [undefined, undefined],
    ]) {
      const answer = await siege.send({ method: 'OPTIONS', headers: { origin } });
      expect(answer).toMatchObject({ status: 204, body: '' });
      expect(answer.headers['access-control-allow-origin']).toBe(allowed);
    }
    await siege.expectUnharmed();
  });

  test.each(['CONNECT'])('%s: the connection is closed', async (method) => {
    const siege = await besiege();
    const raw = await siege.connect();
    raw.write(bytesOf({ method, target: 'localhost:80' }));
    await until(raw.closed, { what: 'the connection to be closed' });
    expect(raw.received).toBe('');
    await siege.expectUnharmed();
  });

  test.each(['FOO', 'post', 'GE T', ''])('%j is none of HTTP', async (method) => {
    const siege = await besiege();
    expectNodes(await siege.send({ method, body }), 400);
    await siege.expectUnharmed();
  });
});

describe('Expect', () => {
  test('100-continue: told to go on, then answered', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const raw = await siege.connect();
    raw.write(bytesOf({ headers: { ...headers, expect: '100-continue', 'content-length': String(json.length) } }));
    expect((await raw.readResponse()).status).toBe(100); // node:http's own
    raw.write(json);
    expect((await raw.readResponse()).status).toBe(415); // bytesOf declares no content type without a body
    await siege.expectUnharmed();
  });

  test.each(['200-ok', 'magic'])('%s', async (expect_) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const answer = await siege.send({ headers: { ...headers, expect: expect_ }, body });
    expect(answer).toMatchObject({ status: 417, body: '' });
    await siege.expectUnharmed();
  });
});

describe('HTTP/1.0', () => {
  test('is answered, and the connection closed', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    for (const host of ['localhost', undefined]) {
      const raw = await siege.connect();
      raw.write(bytesOf({ version: 'HTTP/1.0', headers: { ...headers, host }, body }));
      const answer = await raw.readResponse();
      expect(answer.status).toBe(200);
      expect(answer.headers).not.toHaveProperty('transfer-encoding');
      expect(answer.body).toContain('"text":"x"');
      await until(raw.closed, { what: 'the connection to be closed' });
    }
    await siege.expectUnharmed();
  });

  test('gets its streams without chunks', async () => {
    const siege = await besiege();
    const { sessionId, headers } = await siege.session();
    const raw = await siege.connect();
    raw.write(bytesOf({ method: 'GET', version: 'HTTP/1.0', headers }));
    const head = await raw.readHead();
    expect(head.status).toBe(200);
    expect(head.headers).not.toHaveProperty('transfer-encoding');
    expect(siege.served.supervisor.session(sessionId)?.openStreams).toBe(1);
    await siege.expectUnharmed();
  });

  test.each(['GET /mcp\r\n\r\n', 'GET /mcp HTTP/0.9\r\n\r\n'])('%j, and older', async (text) => {
    const siege = await besiege();
    expectRefusal(await siege.send(Buffer.from(text)), 406, -32000);
    await siege.expectUnharmed();
  });

  test.each([
    'GET /mcp HTTP/3.0\r\nHost: a\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'GET /mcp HTTP/1\r\n\r\n',
    '\x16\x03\x01\x02\0\x01\0',
  ])('%j is none', async (text) => {
    const siege = await besiege();
    expectNodes(await siege.send(Buffer.from(text, 'latin1')), 400);
    await siege.expectUnharmed();
  });
});

describe('request targets in other forms', () => {
  test.each([
    ['http://localhost/mcp', 'http://localhost/mcp'],
    ['https://elsewhere.example:8080/mcp?a=b#c', 'https://elsewhere.example:8080/mcp?a=b#c'],
    ['http://user:secret@localhost/mcp', 'http://localhost/mcp'],
    ['//elsewhere.example/mcp', 'http://localhost//elsewhere.example/mcp'],
    ['/../../mcp', 'http://localhost/mcp'],
    ['/%00%0d%0a', 'http://localhost/%00%0d%0a'],
    ['/\\evil.example', 'http://localhost//evil.example'],
    ['http://', 'http://localhost/'],
    ['http://[', 'http://localhost/'],
    ['http://a:99999/', 'http://localhost/'],
    ['ftp://localhost/mcp', 'http://localhost/'],
  ])('%s', async (target, url) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const answer = await siege.send({ target, headers, body: callBody('whoami') });
    if (answer.status === 400) return expectNodes(answer, 400);
    expect(answer.status).toBe(200);
    expect(answer.body).toContain(`\\"url\\":\\"${url}\\"`);
    await siege.expectUnharmed();
  });

  test.each(['user:secret@localhost', 'a b', '[', '', 'localhost/path?query'])('with the Host %j', async (host) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const answer = await siege.send({ headers: { ...headers, host }, body: callBody('whoami') });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('\\"url\\":\\"http://localhost/mcp\\"');
    await siege.expectUnharmed();
  });

  test.each<Attack>([
    { target: 'http://user:secret@localhost/mcp' },
    { target: '//' },
    { headers: { host: 'user:secret@localhost' } },
    { headers: { host: 'a b' } },
  ])('%#: to a server of SDK v2, which makes a Request of each', async ({ target = '/mcp', headers = {} }) => {
    const server = () => new McpServer({ name: 'v2', version: '2' }, { capabilities: {} });
    for (const stateless of [false, true]) {
      const { url, port, log } = await serve({ server, stateless });
      const known = stateless ? {} : (await initialize(url)).headers;
      const raw = await rawSocket(port);
      const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
      raw.write(bytesOf({ target, headers: { ...known, ...headers }, body: ping }));
      const answer = await raw.readResponse();
      expect(answer.status).toBe(200);
      expect(answer.body).toContain('"result":{}');
      expect(log.filter(({ level }) => level === 'error')).toEqual([]);
    }
  });
});

describe('a smuggled request', () => {
  const smuggled = 'DELETE /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const framed = (lines: string, rest: string) =>
    Buffer.from(
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\n${lines}\r\n${rest}`,
    );

  test.each<[string, string, string]>([
    [
      'by a length and chunks',
      `Content-Length: ${5 + smuggled.length}\r\nTransfer-Encoding: chunked\r\n`,
      `0\r\n\r\n${smuggled}`,
    ],
    ['by chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${smuggled}`],
    ['by two lengths', `Content-Length: 2\r\nContent-Length: ${2 + smuggled.length}\r\n`, `{}${smuggled}`],
    ['by a list of lengths', `Content-Length: 2, 2\r\n`, `{}${smuggled}`],
    ['by a length with a sign', 'Content-Length: +2\r\n', `{}${smuggled}`],
    ['by a length below zero', 'Content-Length: -1\r\n', smuggled],
    ['by a length of text', 'Content-Length: two\r\n', `{}${smuggled}`],
    ['by a length beyond 64 bits', 'Content-Length: 99999999999999999999\r\n', `{}${smuggled}`],
    ['by chunks that are not the last coding', 'Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${smuggled}`],
    ['by two codings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', `0\r\n\r\n${smuggled}`],
    ['by a coding that is no chunks', 'Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${smuggled}`],
    ['by a chunk of no size', 'Transfer-Encoding: chunked\r\n', `zz\r\n${smuggled}`],
    ['by a chunk beyond 64 bits', 'Transfer-Encoding: chunked\r\n', `fffffffffffffffff\r\n${smuggled}`],
    ['by a chunk without its end', 'Transfer-Encoding: chunked\r\n', `2\r\n{}${smuggled}`],
    ['by lines that end in LF', 'Transfer-Encoding: chunked\n', `0\r\n\r\n${smuggled}`],
    ['by a space before the colon', 'Transfer-Encoding : chunked\r\n', `0\r\n\r\n${smuggled}`],
  ])('%s', async (_, lines, rest) => {
    const siege = await besiege();
    const raw = await siege.connect();
    raw.write(framed(lines, rest));
    expectNodes(await raw.readResponse(), 400);
    await until(raw.closed, { what: 'the connection to be closed' });
    expect(raw.received).toBe('');
    await siege.expectUnharmed();
  });

  test('behind the answer of a request that is refused early is a request of its own, and none besides', async () => {
    const siege = await besiege();
    const { sessionId } = await siege.session();
    const raw = await siege.connect();
    const inner = `DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: ${sessionId}\r\n\r\n`;
    raw.write(bytesOf({ headers: { accept: 'text/html' }, body: inner }));
    expectRefusal(await raw.readResponse(), 406, -32000);
    await siege.expectHealthy();
    expect(raw.received).toBe('');
    expect(siege.served.supervisor.session(sessionId)).toBeDefined();
    await siege.expectUnharmed();
  });

  test('in extensions of chunks', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const coded = { ...headers, 'transfer-encoding': 'chunked' };
    const extended = chunked([json]).toString().replace('\r\n', ';a="\\"";b\r\n');
    expect((await siege.send({ headers: coded, body: extended })).status).toBe(200);
    const flood = chunked([json])
      .toString()
      .replace('\r\n', `;${'a'.repeat(20_000)}\r\n`);
    expectNodes(await siege.send({ headers: coded, body: flood }), 413);
    await siege.expectUnharmed();
  });
});

describe('an upgrade', () => {
  test.each(['websocket', 'h2c', 'TLS/1.0'])('to %s: there is none', async (protocol) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const upgrade = {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: protocol,
      'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
    };
    expect((await siege.send({ headers: { ...headers, ...upgrade }, body })).status).toBe(200);
    expectRefusal(await siege.send({ method: 'GET', headers: upgrade }), 400, -32000);
    await siege.expectUnharmed();
  });
});
