/** Answers that are streams: they come piece by piece, wait for their readers, and end with either side. */
import { createHash } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { SYSTEM_CLOCK } from '../../../src/clock.ts';
import { ForwardedAnswer } from '../../../src/cluster/forwardedAnswer.ts';
import type { ForwardedRequest } from '../../../src/cluster/receive.ts';
import { Connection } from '../../../src/transport/connection.ts';
import { cuttingProxy } from '../../support/proxy.ts';
import { SimulatedClock } from '../../support/simulatedClock.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { callBody, initialize, openStream } from '../../support/wire.ts';
import { FakeExchange } from '../../transport/fakeExchange.ts';
import { type EdgeOptions, edge, peerOwner, supervisedOwner } from './nodes.ts';

const SSE = { 'Content-Type': 'text/event-stream' };
const MIB = 1024 * 1024;

/** An owner whose answers a test writes, and a client's stream of it. */
async function streaming(options: EdgeOptions = {}, throughProxy = false) {
  const requests: ForwardedRequest[] = [];
  const owner = await peerOwner((request) => void requests.push(request));
  const proxy = throughProxy ? await cuttingProxy(`${owner.listener.url}/`) : undefined;
  const here = await edge(owner, proxy === undefined ? options : { url: proxy.url, ...options });
  const opening = openStream(here.url);
  const { exchange } = await until(() => requests[0], { what: 'the request at the owner' });
  exchange.open(SSE);
  exchange.flush();
  const stream = await opening;
  return { owner, proxy, ...here, exchange, stream };
}

/** A client that reads when it is told to. */
async function reader(port: number): Promise<IncomingMessage> {
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: '/mcp', agent: false }, resolve).on('error', reject);
  });
  return withTimeout(response, { what: 'the head of a stream' });
}

test('the head and each piece come when they are there', async () => {
  const { exchange, stream, results } = await streaming();
  expect(stream.status).toBe(200);
  for (const text of ['a', 'b', 'ü'.repeat(1_000)]) {
    exchange.write(`data: ${text}\n\n`);
    expect((await stream.next()).data).toBe(text); // nothing else is written before
  }
  exchange.end();
  expect(await withTimeout(stream.closed)).toBe(true);
  expect(await results[0]).toEqual({ outcome: 'answered' });
});

test('messages of a session come while its call runs, by a GET stream and by that of the call', async () => {
  const owner = await supervisedOwner();
  const { headers } = await initialize(owner.url);
  const { url } = await edge(owner);
  const listening = await openStream(url, { headers });
  expect(listening.status).toBe(200);
  const calling = await openStream(url, { headers, body: callBody('gate', { key: 'k' }) });
  expect(calling.status).toBe(200);
  owner.gates.open('k');
  expect(await calling.message()).toMatchObject({ result: { content: [{ text: 'passed k' }] } });
  expect(await withTimeout(calling.closed)).toBe(true);
  const { id } = [...owner.supervisor.sessions()][0] ?? { id: '' };
  expect(owner.supervisor.session(id)?.openStreams).toBe(1);
});

test('100 MB go to a client that pauses, and little waits for it on either side', async () => {
  const owner = await peerOwner(({ exchange }) => {
    exchange.open({ 'Content-Type': 'text/event-stream' });
    let written = 0;
    const next = () => {
      while (written < 1_600) {
        const chunk = Buffer.alloc(65_536, written++);
        sent.update(chunk);
        exchange.write(chunk);
        most.owner = Math.max(most.owner, exchange.buffered);
        let taken = false;
        let waits = false;
        exchange.onTaken(() => {
          taken = true;
          if (waits) next();
        });
        waits = !taken;
        if (waits) return;
      }
      exchange.end();
    };
    next();
  });
  const [sent, got] = [createHash('sha256'), createHash('sha256')];
  const most = { owner: 0, edge: 0 };
  const { port, exchanges, results } = await edge(owner);
  const response = await reader(port);
  let size = 0;
  let read = 0;
  response.on('data', (chunk: Buffer) => {
    got.update(chunk);
    size += chunk.length;
    most.edge = Math.max(most.edge, exchanges[0]?.buffered ?? 0);
    if (++read % 64 !== 0) return;
    response.pause();
    void turns(3).then(() => response.resume());
  });
  expect(await withTimeout(results[0] ?? Promise.reject(), { within: 15_000 })).toEqual({ outcome: 'answered' });
  await until(() => response.readableEnded);
  expect(size).toBe(1_600 * 65_536);
  expect(got.digest('hex')).toBe(sent.digest('hex'));
  expect(most.owner).toBeLessThan(256 * 1024);
  expect(most.edge).toBeLessThan(256 * 1024);
});

test('a client that does not read at all meets the bound of the owner, whose stream ends', async () => {
  const maxStreamBuffer = MIB;
  let connection: Connection | undefined;
  let exchange: ForwardedRequest['exchange'] | undefined;
  const owner = await peerOwner((request) => {
    ({ exchange } = request);
    const limits = { clock: SYSTEM_CLOCK, keepAliveInterval: Number.POSITIVE_INFINITY, maxStreamBuffer };
    connection = new Connection(exchange, () => SSE, limits);
    connection.open();
  });
  const { port, exchanges, results } = await edge(owner);
  const response = await reader(port);
  const frame = `data: ${'x'.repeat(65_536)}\n\n`;
  let frames = 0;
  let most = 0;
  await until(
    () => {
      connection?.write(frame);
      if (connection?.closed === false) frames++;
      most = Math.max(most, exchange?.buffered ?? 0);
      return connection?.closed;
    },
    { what: 'the bound', within: 15_000 },
  );
  expect(most).toBeLessThan(maxStreamBuffer + 2 * frame.length);
  expect(exchanges[0]?.buffered).toBeLessThan(256 * 1024);
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
  });
  expect(await withTimeout(results[0] ?? Promise.reject(), { within: 15_000 })).toEqual({ outcome: 'answered' });
  await until(() => response.complete);
  expect(size).toBe(frames * frame.length); // all that was taken before the bound
});

test('a client that leaves ends the stream at its owner', async () => {
  const { exchange, stream, results } = await streaming();
  const closed = new Promise<void>((resolve) => exchange.onClose(resolve));
  stream.destroy();
  await withTimeout(closed, { what: 'the exchange of the owner to close' });
  expect(await results[0]).toEqual({ outcome: 'answered' });
});

test('a client that leaves a call has its handler go on without it, as at the owner itself', async () => {
  const owner = await supervisedOwner({ enableJsonResponse: true });
  const { headers, sessionId = '' } = await initialize(owner.url);
  const { url, exchanges } = await edge(owner);
  const calling = openStream(url, { headers, body: callBody('gate', { key: 'k' }) }).catch(() => {});
  await owner.gates.entered('k');
  expect(owner.supervisor.session(sessionId)?.inFlight).toBe(1);
  exchanges[0]?.destroy();
  await until(() => owner.supervisor.session(sessionId)?.inFlight === 0, { what: 'the call to hold nothing' });
  await calling;
});

test('an owner that ends a stream in the middle of it leaves it ended, so that it can be resumed', async () => {
  const { exchange, stream, results, proxy } = await streaming({}, true);
  exchange.write('data: a\n\ndata: b');
  expect((await stream.next()).data).toBe('a');
  proxy?.cut();
  expect(await withTimeout(stream.closed)).toBe(true);
  expect(await results[0]).toMatchObject({ outcome: 'lost', reason: 'broken' });
});

test('what was to have a length does not look complete when its owner is lost', async () => {
  const owner = await peerOwner(({ exchange }) => {
    exchange.open({ 'Content-Length': String(10 * MIB) });
    exchange.write('x'.repeat(MIB));
  });
  const proxy = await cuttingProxy(`${owner.listener.url}/`);
  const { port, results } = await edge(owner, { url: proxy.url });
  const response = await reader(port);
  const broken = new Promise<boolean>((resolve) => response.on('close', () => resolve(!response.complete)));
  response.on('error', () => {});
  response.once('data', () => proxy.cut());
  expect(await withTimeout(broken)).toBe(true);
  expect(await results[0]).toMatchObject({ outcome: 'lost' });
});

test('an end by signal ends a stream as its owner would', async () => {
  const abort = new AbortController();
  const { exchange, stream, results } = await streaming({ signal: abort.signal });
  exchange.write('data: a\n\n');
  expect((await stream.next()).data).toBe('a');
  abort.abort();
  expect(await withTimeout(stream.closed)).toBe(true);
  expect(await results[0]).toEqual({ outcome: 'lost', reason: 'aborted' });
  await until(() => exchange.closed);
});

test('a client that takes nothing is cut off, although its owner can not know', () => {
  const clock = new SimulatedClock();
  const exchange = new FakeExchange();
  exchange.takesAll = false;
  const peer = { delivered: true, pause: () => {}, resume: () => {}, destroy: () => {} };
  const head = { status: 200, headers: SSE, length: undefined, peer: undefined };
  const limits = { clock, keepAliveInterval: 1_000, maxStreamBuffer: MIB };
  const answer = new ForwardedAnswer(exchange, head, peer, limits);
  const comment = Buffer.from(':\n\n');
  for (let n = 0; n < 5; n++) {
    answer.data(comment); // it takes some of it each time
    clock.increment(1_000);
    exchange.take(1);
  }
  expect(exchange.closed).toBe(false);
  answer.data(comment);
  clock.increment(1_000);
  answer.data(comment);
  expect(exchange.closed).toBe(false);
  clock.increment(1);
  answer.data(comment);
  expect(exchange.closed).toBe(true);
});

test('no more is taken from a peer while its client takes nothing', () => {
  const exchange = new FakeExchange();
  exchange.takesAll = false;
  const calls: string[] = [];
  const peer = {
    delivered: true,
    pause: () => void calls.push('pause'),
    resume: () => void calls.push('resume'),
    destroy: () => {},
  };
  const head = { status: 200, headers: SSE, length: undefined, peer: undefined };
  const limits = { clock: SYSTEM_CLOCK, keepAliveInterval: 1_000, maxStreamBuffer: 1_000 };
  const answer = new ForwardedAnswer(exchange, head, peer, limits);
  answer.data(Buffer.alloc(999));
  expect(calls).toEqual([]);
  answer.data(Buffer.alloc(1));
  expect(calls).toEqual(['pause']);
  exchange.take();
  expect(calls).toEqual(['pause', 'resume']);
  exchange.takesAll = true;
  answer.data(Buffer.alloc(1_000));
  expect(calls).toEqual(['pause', 'resume']);
});
