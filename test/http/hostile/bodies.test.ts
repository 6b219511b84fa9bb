/** Hostile input: bodies that are too large, too slow, cut up, cut off, or where none belongs. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { besiege, bytesOf, chunked, expectNodes, expectRefusal } from '../../support/siege.ts';
import { advance } from '../../support/simulatedClock.ts';
import { turns, until } from '../../support/until.ts';
import { callBody } from '../../support/wire.ts';

const CHUNKED = { 'transfer-encoding': 'chunked' };

describe('a body over the limit, as its length says', () => {
  test.each(['4194305', '999999999999999999'])('%s', async (length) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    for (const known of [{}, headers]) {
      const body = Buffer.from('{');
      expectRefusal(await siege.send({ headers: { ...known, 'content-length': length }, body }), 413, -32000);
    }
    await siege.expectUnharmed();
  });
});

describe('a body over the limit, in chunks', () => {
  test.each([1_000, 100_000])('of %i bytes', async (size) => {
    const siege = await besiege({ maxRequestBodySize: 500_000 });
    const { headers } = await siege.session();
    const body = chunked(Array(Math.ceil(500_001 / size)).fill('x'.repeat(size)));
    expectRefusal(await siege.send({ headers: { ...headers, ...CHUNKED }, body }), 413, -32000);
    await siege.expectUnharmed();
  });
});

describe('a body in single bytes', () => {
  test('is answered as any other', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const body = chunked([...JSON.stringify(callBody('echo', { text: 'y'.repeat(5_000) }))]);
    const answer = await siege.send({ headers: { ...headers, ...CHUNKED }, body });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('y'.repeat(5_000));
    await siege.expectUnharmed();
  });

  test('takes little more memory than its size', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const used = () => {
      gc();
      const { heapUsed, external, arrayBuffers } = process.memoryUsage();
      return heapUsed + external + arrayBuffers;
    };
    const siege = await besiege();
    const { headers } = await siege.session();
    const count = 200_000;
    const before = used();
    let read = () => 0;
    siege.served.httpServer.once('connection', (socket) => {
      read = () => socket.bytesRead;
    });
    const raw = await siege.connect();
    raw.write(bytesOf({ headers: { ...headers, ...CHUNKED }, body: '' }));
    const bytes = Buffer.from('1\r\nx\r\n'.repeat(1_000));
    for (let n = 0; n < count; n += 1_000) raw.write(bytes);
    await until(() => read() === raw.socket.bytesWritten, { what: 'the server to have read it all' });
    await siege.expectHealthy();
    const cost = used() - before;
    raw.write('0\r\n\r\n');
    expectRefusal(await raw.readResponse(), 400, -32700);
    expect(cost).toBeLessThan(count * 30);
    await siege.expectUnharmed();
  });
});

describe('a slow body', () => {
  test.each(['POST', 'initialize'])('of a %s', async (what) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const raw = await siege.connect();
    const whose = what === 'POST' ? headers : {};
    raw.write(bytesOf({ headers: { ...whose, 'content-length': '100' }, body: '{' }));
    await until(() => siege.bodiesAwaited === 1, { what: 'the body to be awaited' });
    for (let sent = 1; sent < 30; sent++) {
      await advance(siege.clock, 1_000);
      raw.write(' '); // a byte now and then does not buy time
    }
    expect(raw.received).toBe('');
    await advance(siege.clock, 1_000);
    expectRefusal(await raw.readResponse(), 408, -32000);
    await advance(siege.clock, 2_000);
    await until(raw.closed, { what: 'the connection to be cut' });
    await siege.expectUnharmed();
  });
});

describe('slow headers', () => {
  test.each(['', 'POST /mcp HTTP/1.1\r\nHost: local', 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nA: b\r\n'])(
    'after %j',
    async (head) => {
      const siege = await besiege({ http: { headersTimeout: 50, connectionsCheckingInterval: 10 } });
      const raw = await siege.connect();
      raw.write(head);
      expectNodes(await raw.readResponse(), 408);
      await siege.expectUnharmed();
    },
  );
});

describe('an aborted upload', () => {
  const body = JSON.stringify(callBody('gate', { key: 'a' }));
  const whole = (headers: Record<string, string>) => bytesOf({ headers, body });
  const inChunks = (headers: Record<string, string>) =>
    bytesOf({ headers: { ...headers, ...CHUNKED }, body: chunked([body.slice(0, 30), body.slice(30)]) });

  test.each([
    ['within the head', whole, (bytes: Buffer) => bytes.indexOf('content-length')],
    ['after the head', whole, (bytes: Buffer) => bytes.indexOf('\r\n\r\n') + 4],
    ['within the body', whole, (bytes: Buffer) => bytes.length - 20],
    ['before the last byte', whole, (bytes: Buffer) => bytes.length - 1],
    ['within the size of a chunk', inChunks, (bytes: Buffer) => bytes.indexOf('1e\r\n') + 1],
    ['within a chunk', inChunks, (bytes: Buffer) => bytes.indexOf('1e\r\n') + 10],
    ['between two chunks', inChunks, (bytes: Buffer) => bytes.indexOf('1e\r\n') + 36],
    ['before the last chunk', inChunks, (bytes: Buffer) => bytes.lastIndexOf('0\r\n')],
    ['before the end of the trailers', inChunks, (bytes: Buffer) => bytes.length - 2],
  ])('%s', async (_, make, at) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    for (const how of ['destroy', 'reset', 'half-close'] as const) {
      for (const known of [headers, {}]) {
        const raw = await siege.connect();
        const bytes = make(known);
        raw.write(bytes.subarray(0, at(bytes)));
        await siege.expectHealthy(); // the server has read what was sent
        if (how === 'half-close') raw.socket.end();
        else raw[how]();
        await until(raw.closed, { what: 'the connection to end' });
        // A half-closed one can be told that it stopped in the midst of something; node:http does.
        if (raw.received !== '') expectNodes(await raw.readResponse(), 400);
      }
    }
    expect(siege.served.gates.counts('a').entered).toBe(0);
    await siege.expectUnharmed();
  });
});

describe('a half-open connection', () => {
  test('after a call: the call runs on, and its client is gone', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const raw = await siege.connect();
    raw.write(bytesOf({ headers, body: callBody('gate', { key: 'a', stubborn: true }) }));
    await siege.served.gates.entered('a');
    raw.socket.end();
    await until(raw.closed, { what: 'the connection to end' });
    await siege.expectUnharmed();
    siege.served.gates.open('a');
    await siege.expectUnharmed();
  });

  test('after a GET: the stream has ended', async () => {
    const siege = await besiege();
    const { sessionId, headers } = await siege.session();
    const raw = await siege.connect();
    raw.write(bytesOf({ method: 'GET', headers }));
    await raw.readHead();
    expect(siege.served.supervisor.session(sessionId)?.openStreams).toBe(1);
    raw.socket.end(); // node:http closes what is half closed
    await until(raw.closed, { what: 'the connection to end' });
    await siege.expectUnharmed();
  });

  test('after nothing: it is closed', async () => {
    const siege = await besiege();
    const raw = await siege.connect();
    raw.socket.end();
    await until(raw.closed, { what: 'the connection to end' });
    expect(raw.received).toBe('');
    await siege.expectUnharmed();
  });

  test('whose peer takes nothing any more is found by what it is sent', async () => {
    const siege = await besiege();
    const { sessionId, headers } = await siege.session();
    const raw = await siege.connect();
    raw.socket.pause();
    raw.write(bytesOf({ headers, body: callBody('big', { bytes: 20_000_000 }) }));
    const { supervisor } = siege.served;
    await until(() => supervisor.session(sessionId)?.openStreams === 1, { what: 'the answer to begin' });
    await turns(50); // what the sockets' own buffers take has gone
    await advance(siege.clock, 30_000);
    await siege.expectUnharmed();
  });
});

describe('a body where none belongs', () => {
  test('of a GET: is read and forgotten, while the stream goes on', async () => {
    const siege = await besiege();
    const { sessionId, headers } = await siege.session();
    const raw = await siege.connect();
    raw.write(bytesOf({ method: 'GET', headers, body: 'x'.repeat(200_000) }));
    expect((await raw.readHead()).status).toBe(200);
    await until(() => siege.clock.pending.every(({ delay }) => delay !== 2_000), { what: 'the body to be over' });
    expect(siege.served.supervisor.session(sessionId)?.openStreams).toBe(1);
    await siege.expectUnharmed();
  });

  test.each(['GET', 'DELETE'])('of a %s: one that does not end ends the connection', async (method) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const slow = await siege.connect();
    slow.write(bytesOf({ method, headers: { ...headers, 'content-length': '100' }, body: 'x' }));
    expect((await slow.readHead()).status).toBe(200);
    if (method === 'DELETE') siege.admitAll();
    await advance(siege.clock, 2_000);
    await until(slow.closed, { what: 'the slow connection to be cut' });
    await siege.expectUnharmed();
  });

  test('of a GET: one that is endless ends the connection', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const raw = await siege.connect();
    raw.write(bytesOf({ method: 'GET', headers: { ...headers, ...CHUNKED }, body: '' }));
    const flood = () => {
      while (!raw.socket.destroyed && raw.socket.write(`${(60_000).toString(16)}\r\n${'x'.repeat(60_000)}\r\n`));
    };
    raw.socket.on('drain', flood);
    flood();
    await until(raw.closed, { what: 'the connection to be cut' });
    await siege.expectUnharmed();
  });
});

describe('trailers', () => {
  test.each(['', 'Mcp-Session-Id: other\r\n', `X-Long: ${'x'.repeat(8_000)}\r\n`])(
    '%#: are not listened to',
    async (trailers) => {
      const siege = await besiege();
      const { headers } = await siege.session();
      const body = chunked([JSON.stringify(callBody('whoami'))], trailers);
      const answer = await siege.send({ headers: { ...headers, ...CHUNKED, trailer: 'X-Long' }, body });
      expect(answer.status).toBe(200);
      expect(answer.body).not.toContain('xxx');
      await siege.expectUnharmed();
    },
  );
});
