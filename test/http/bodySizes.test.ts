/** How much of a body is taken: of an initialize, of one that somebody else has read, and of all that come in at a time. */
import { describe, expect, test } from 'vitest';
import { toNodeHandler } from '../../src/node.ts';
import { type Observed, serve, supervise } from '../support/serve.ts';
import { chunked } from '../support/siege.ts';
import { until, withTimeout } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { initializeBody, post, rawSocket, type WireMessage } from '../support/wire.ts';

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** A request whose body somebody has read already. */
async function handOver({ supervisor }: Pick<Observed, 'supervisor'>, parsedBody: unknown) {
  const request = new Request('http://localhost/', { method: 'POST', headers: HEADERS });
  const answer = await supervisor.fetch(request, { parsedBody });
  const text = await answer.text();
  return { status: answer.status, text, message: (text.startsWith('{') ? JSON.parse(text) : undefined) as WireMessage };
}

/** An initialize of exactly so many bytes. */
function sized(bytes: number): WireMessage {
  const empty = JSON.stringify(initializeBody({ clientInfo: { name: '', version: '1' } })).length;
  return initializeBody({ clientInfo: { name: 'x'.repeat(bytes - empty), version: '1' } });
}

/** An initialize of exactly so many values, in few bytes. */
function holding(values: number): WireMessage {
  const message = initializeBody();
  const base = 10; // message, jsonrpc, id, method, params and what is in it
  const list = Array(values - base - 2).fill(0);
  return { ...message, params: { ...message.params, capabilities: { experimental: { list } } } };
}

/** An initialize that holds so many objects, each with a name of its own. */
function naming(objects: number): WireMessage {
  const chains: unknown[] = [];
  for (let n = 0; n < objects; n += 100) {
    chains.push(Array.from({ length: 100 }).reduce((inner, _, m) => ({ [`own${n + m}`]: inner }), {}));
  }
  const message = initializeBody();
  return { ...message, params: { ...message.params, capabilities: { experimental: { said: { chains } } } } };
}

const FORMS: Readonly<Record<string, (message: unknown) => unknown>> = {
  'an object': (message) => message,
  text: (message) => JSON.stringify(message),
  bytes: (message) => Buffer.from(JSON.stringify(message)),
  'bytes of no Buffer': (message) => new TextEncoder().encode(JSON.stringify(message)),
};

describe.each(Object.entries(FORMS))('an initialize that was read by somebody else, as %s', (_, form) => {
  test('is taken up to maxInitializeSize', async () => {
    const observed = supervise();
    const { supervisor, log, stop } = observed;
    expect((await handOver(observed, form(sized(65_536)))).status).toBe(200);
    const refused = await handOver(observed, form(sized(65_537)));
    expect(refused.status).toBe(413);
    expect(refused.message).toMatchObject({ id: 0, error: { code: -32000 } });
    expect([...supervisor.sessions()]).toHaveLength(1);
    const warned = log.filter(({ level }) => level === 'warn');
    expect(warned).toHaveLength(1);
    expect(warned[0]?.message).toContain('maxInitializeSize');
    await stop();
  });

  test('is taken up to 2 000 values', async () => {
    const observed = supervise();
    expect((await handOver(observed, form(holding(2_000)))).status).toBe(200);
    expect((await handOver(observed, form(holding(2_001)))).status).toBe(413);
    expect(observed.log.filter(({ level }) => level === 'warn')).toHaveLength(1);
    await observed.stop();
  });

  test('is taken with what its values take in memory up to about 256 KiB', async () => {
    const observed = supervise();
    expect((await handOver(observed, form(naming(1_000)))).status).toBe(200);
    expect((await handOver(observed, form(naming(1_200)))).status).toBe(413);
    await observed.stop();
    const larger = supervise({ maxInitializeSize: 150_000 });
    expect((await handOver(larger, form(naming(1_200)))).status).toBe(200);
    expect((await handOver(larger, form(sized(150_000)))).status).toBe(200);
    await larger.stop();
  });

  test('counts in bytes, not in characters', async () => {
    const observed = supervise({ maxInitializeSize: 1_000 });
    const named = (name: string) => form(initializeBody({ clientInfo: { name, version: '1' } }));
    expect((await handOver(observed, named('ü'.repeat(400)))).status).toBe(200);
    expect((await handOver(observed, named('€'.repeat(400)))).status).toBe(413);
    await observed.stop();
  });

  test('no body at all is larger than maxRequestBodySize', async () => {
    const observed = supervise({ maxRequestBodySize: 1_000 });
    const note = (size: number) => form({ jsonrpc: '2.0', method: 'x', params: { a: 'x'.repeat(size) } });
    expect((await handOver(observed, note(900))).message.error?.message).toContain('Mcp-Session-Id');
    expect((await handOver(observed, note(1_000))).status).toBe(413);
    await observed.stop();
  });
});

test('an initialize that we read ourselves has the same bounds', async () => {
  const { url, supervisor } = await serve();
  expect((await post(url, sized(65_536))).status).toBe(200);
  expect((await post(url, holding(2_000))).status).toBe(200);
  for (const body of [sized(65_537), holding(2_001), naming(1_200)]) {
    const refused = await post(url, body);
    expect(refused.status).toBe(413);
    expect(refused.json().id).toBe(0);
  }
  expect([...supervisor.sessions()]).toHaveLength(2);
});

test('another first message may be as large as any body', async () => {
  const { url } = await serve();
  const body = { jsonrpc: '2.0', id: 'large', method: 'ping', params: { a: 'x'.repeat(1_000_000) } };
  const refused = await post(url, body);
  expect(refused.status).toBe(400);
  expect(refused.json()).toMatchObject({ id: 'large', error: { message: expect.stringContaining('Mcp-Session-Id') } });
});

describe('all bodies that come in share 64 times maxRequestBodySize', () => {
  const LIMIT = 1_000;

  /** Bodies of which all but one byte has come take all there is but 64 bytes. */
  async function uploading() {
    const clock = new WatchedClock();
    const served = await serve({ clock, maxRequestBodySize: LIMIT });
    const read: (() => number)[] = [];
    served.httpServer.on('connection', (socket) => read.push(() => socket.bytesRead));
    const uploads = await Promise.all(Array.from({ length: 64 }, () => rawSocket(served.port)));
    for (const raw of uploads) {
      raw.begin('POST', { 'content-length': String(LIMIT) });
      raw.write(' '.repeat(LIMIT - 1));
    }
    await until(() => read.filter((bytes) => bytes() >= LIMIT).length === 64, { what: 'all of it to have come' });
    // In chunks: it is not known to be whole before its end has come.
    const sent = async (size = 0) => {
      const raw = await rawSocket(served.port);
      raw.begin('POST', { 'transfer-encoding': 'chunked' });
      raw.write(chunked([JSON.stringify(initializeBody()).padEnd(size)]));
      const { status } = await raw.readResponse();
      raw.destroy();
      return status;
    };
    const taken = () => sent(LIMIT); // as large as those that are there
    await until(async () => (await taken()) === 503, { what: 'the budget to be used up' });
    return { ...served, clock, uploads, taken, sent };
  }

  test('and a body takes what has come of it, not what it says that it has', async () => {
    const { port, httpServer } = await serve({ maxRequestBodySize: LIMIT });
    let begun = 0;
    httpServer.on('request', () => begun++);
    for (let n = 0; n < 100; n++) {
      const raw = await rawSocket(port);
      raw.begin('POST', n % 2 === 0 ? { 'content-length': String(LIMIT) } : { 'transfer-encoding': 'chunked' });
      raw.write(n % 2 === 0 ? ' ' : '1\r\n \r\n');
    }
    await until(() => begun === 100, { what: 'all of them to have begun' });
    const raw = await rawSocket(port);
    raw.begin('POST', { 'transfer-encoding': 'chunked' });
    raw.write(chunked([JSON.stringify(initializeBody()).padEnd(LIMIT)]));
    expect((await raw.readResponse()).status).toBe(200);
  });

  test('and small ones come in however many large ones stand still: a large one makes room', async () => {
    const { uploads, sent, taken, log } = await uploading();
    const { length } = JSON.stringify(initializeBody());
    expect(length).toBeGreaterThan(64); // more than is left
    for (let n = 0; n < 20; n++) expect(await sent()).toBe(200);
    const answered = () => uploads.filter(({ received }) => received !== '');
    const refused = await until(() => answered().length > 0 && answered(), { what: 'a large one to be refused' });
    expect(refused).toHaveLength(1);
    expect((await refused[0]?.readResponse())?.status).toBe(503);
    expect(log.filter(({ refusal }) => refusal === 'bodiesFull')).not.toEqual([]);
    for (const raw of uploads) raw.destroy();
    await until(async () => (await taken()) === 200, { what: 'the budget to be free' });
  });

  test.each<[string, (upload: Awaited<ReturnType<typeof rawSocket>>, clock: WatchedClock) => void]>([
    ['is whole', (raw) => raw.write(' ')],
    ['is too long after all', (raw) => raw.write('  ')],
    ['is cut off', (raw) => raw.reset()],
    ['takes too long', (_, clock) => clock.increment(30_000)],
  ])('and what one has taken is free again when it %s', async (_, end) => {
    const { uploads, clock, taken } = await uploading();
    for (const raw of uploads) end(raw, clock);
    const freed = until(async () => (await taken()) === 200, { what: 'the budget to be free' });
    await expect(freed).resolves.toBe(true);
  });

  test('over fetch as well', async () => {
    const observed = supervise({ maxRequestBodySize: LIMIT });
    const aborts: AbortController[] = [];
    const upload = (bytes: number) => {
      const abort = new AbortController();
      aborts.push(abort);
      let begun = () => {};
      const pulled = new Promise<void>((resolve) => {
        begun = resolve;
      });
      let sent = false;
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (sent) return begun();
          sent = true;
          controller.enqueue(new Uint8Array(bytes).fill(32));
        },
      });
      const init = { method: 'POST', headers: HEADERS, body, duplex: 'half' as const, signal: abort.signal };
      const answer = observed.supervisor.fetch(new Request('http://localhost/', init));
      return { answer, pulled };
    };
    const uploads = Array.from({ length: 64 }, () => upload(LIMIT));
    await Promise.all(uploads.map(({ pulled }) => pulled));
    const refused = await upload(LIMIT - 1).answer;
    expect({ status: refused.status, retry: refused.headers.get('retry-after') }).toEqual({ status: 503, retry: '5' });
    const small = upload(1);
    const evicted = await withTimeout(Promise.race(uploads.map(({ answer }) => answer)), { what: 'room to be made' });
    expect(evicted.status).toBe(503);
    await small.pulled;
    aborts[0]?.abort();
    const again = () =>
      observed.supervisor.fetch(
        new Request('http://localhost/', { method: 'POST', headers: HEADERS, body: JSON.stringify(initializeBody()) }),
      );
    await until(async () => (await again()).status === 200, { what: 'what the client that left had taken' });
    for (const abort of aborts) abort.abort();
    await observed.stop();
  });
});

test('a body parser before the handler does not widen what an initialize may be', async () => {
  const { url } = await serve({
    behind: (supervisor) => {
      const handle = toNodeHandler(supervisor);
      return async (req, res) => {
        const chunks: Buffer[] = [];
        for await (const chunk of req) chunks.push(chunk as Buffer);
        Object.assign(req, { body: JSON.parse(Buffer.concat(chunks).toString()) });
        await handle(req, res);
      };
    },
  });
  expect((await post(url, sized(65_536))).status).toBe(200);
  expect((await post(url, sized(65_537))).status).toBe(413);
});
