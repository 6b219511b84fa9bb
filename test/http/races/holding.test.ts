/** Races between the idle timer and what holds a session: long calls, parked streams, dead peers, slow uploads. */
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type ServeOptions, serve } from '../../support/serve.ts';
import { becomesIdle, expectGone, lifeOf } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { until, withTimeout } from '../../support/until.ts';
import { call, callBody, initialize, openStream, post, rawSocket, sessionHeaders } from '../../support/wire.ts';

const IDLE = 1_000;

async function serveWithClock(options: ServeOptions = {}) {
  const clock = new SimulatedClock();
  const served = await serve({ clock, sessionIdleTimeout: IDLE, ...options });
  /** The idle session ends when the whole idle timeout has passed from now on, and not before. */
  const expectFullIdleTime = async (id: string) => {
    await becomesIdle(served, id);
    await advance(clock, IDLE - 1);
    expect(served.supervisor.session(id)?.state).toBe('idle');
    await advance(clock, 1);
    expect(lifeOf(served.events, id).at(-1)).toBe('terminated: idle');
    await expectGone(served.url, id);
  };
  return { clock, expectFullIdleTime, ...served };
}

describe('5. A call longer than the idle timeout, silent all the while: delivered', () => {
  test.each([
    { how: 'as a stream', enableJsonResponse: false },
    { how: 'as JSON', enableJsonResponse: true },
  ])('$how; the idle time begins when it is answered', async ({ enableJsonResponse }) => {
    const { url, clock, gates, supervisor, expectFullIdleTime } = await serveWithClock({ enableJsonResponse });
    const { sessionId, headers } = await initialize(url);
    const calling = post(url, callBody('gate', { key: 'a' }, 9), headers);
    await gates.entered('a');
    await advance(clock, 10 * IDLE, IDLE / 2);
    expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1 });
    gates.open('a');
    expect((await calling).messages()).toMatchObject([{ id: 9, result: { content: [{ text: 'passed a' }] } }]);
    await expectFullIdleTime(sessionId);
  });

  test('the shorter of two calls does not start the idle time of the longer', async () => {
    const { url, clock, gates, supervisor, expectFullIdleTime } = await serveWithClock();
    const { sessionId, headers } = await initialize(url);
    const long = post(url, callBody('gate', { key: 'long' }, 1), headers);
    const short = post(url, callBody('gate', { key: 'short' }, 2), headers);
    await Promise.all([gates.entered('long'), gates.entered('short')]);
    gates.open('short');
    await short;
    await until(() => supervisor.session(sessionId)?.inFlight === 1, { what: 'the short call to end' });
    await advance(clock, 3 * IDLE);
    gates.open('long');
    expect((await long).messages()).toMatchObject([{ id: 1, result: {} }]);
    await expectFullIdleTime(sessionId);
  });
});

describe('6. A parked GET stream without POSTs past the timeout: kept; after it closes, the session idles and ends on time', () => {
  test.each(['ended', 'reset'] as const)('the connection is %s by the client', async (how) => {
    const { url, port, clock, supervisor, expectFullIdleTime } = await serveWithClock();
    const { sessionId, headers } = await initialize(url);
    const raw = await rawSocket(port);
    raw.begin('GET', headers);
    expect((await raw.readHead()).status).toBe(200);
    await advance(clock, 10 * IDLE, IDLE / 2);
    expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1, openStreams: 1 });
    if (how === 'ended') raw.destroy();
    else raw.reset();
    await expectFullIdleTime(sessionId);
  });

  test('calls meanwhile change nothing', async () => {
    const { url, clock, supervisor, expectFullIdleTime } = await serveWithClock();
    const { sessionId, headers } = await initialize(url);
    const stream = await openStream(url, { headers });
    expect((await call(url, sessionId, 'echo', { text: 'hi' })).status).toBe(200);
    await until(() => supervisor.session(sessionId)?.inFlight === 1, { what: 'the call to end' });
    await advance(clock, 3 * IDLE);
    expect(supervisor.session(sessionId)?.state).toBe('active');
    stream.destroy();
    await expectFullIdleTime(sessionId);
  });
});

test('7. A GET stream whose peer vanished without closing: found by keep-alive, and the session then ends', async () => {
  const { url, clock, supervisor, httpServer, expectFullIdleTime } = await serveWithClock({
    keepAliveInterval: 15_000,
  });
  const { sessionId, headers } = await initialize(url);
  const connected = new Promise<Socket>((resolve) => httpServer.once('connection', resolve));
  const stream = await openStream(url, { headers });
  const socket = await withTimeout(connected, { what: 'the GET connection' });
  await advance(clock, 15_000);
  expect(await stream.comment()).toBe('keep-alive');
  // From here on nothing that is written gets acknowledged: it stays in the server's buffer.
  socket.cork();
  await advance(clock, 15_000);
  expect(socket.writableLength).toBeGreaterThan(0);
  expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', openStreams: 1 });

  await advance(clock, 30_000, 15_000);
  expect(socket.destroyed).toBe(true);
  expect(await withTimeout(stream.closed)).toBe(false);
  await expectFullIdleTime(sessionId);
});

test('7. A slow peer that still takes what is sent is not taken for a dead one', async () => {
  const { url, clock, supervisor, httpServer } = await serveWithClock({ keepAliveInterval: 15_000 });
  const { sessionId, headers } = await initialize(url);
  const connected = new Promise<Socket>((resolve) => httpServer.once('connection', resolve));
  const stream = await openStream(url, { headers });
  const socket = await withTimeout(connected, { what: 'the GET connection' });
  for (let round = 0; round < 5; round++) {
    socket.cork();
    await advance(clock, 15_000);
    socket.uncork();
    expect(await stream.comment()).toBe('keep-alive');
  }
  expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', openStreams: 1 });
  stream.destroy();
  await becomesIdle({ supervisor }, sessionId);
  expect((await openStream(url, { headers })).status).toBe(200);
});

test('7. A connection that only seems to live keeps no client from its messages', async () => {
  const { url, supervisor } = await serveWithClock({ sessionIdleTimeout: 3_600_000 });
  const { sessionId, headers } = await initialize(url);
  const first = await openStream(url, { headers });
  const second = await openStream(url, { headers });
  expect(second.status).toBe(200);
  await call(url, sessionId, 'notifyStandalone', { text: 'to the second' });
  expect((await second.message()).params.data).toBe('to the second');
  expect([first.ended, first.waiting]).toEqual([false, []]);
  expect(supervisor.session(sessionId)?.openStreams).toBe(2);
  first.destroy();
  second.destroy();
});

describe('8. An upload slower than the idle timeout: not cut by it', () => {
  test.each([
    { upload: 'with its length declared', chunked: false },
    { upload: 'in chunks', chunked: true },
  ])('$upload', async ({ chunked }) => {
    const { url, port, clock, supervisor, expectFullIdleTime } = await serveWithClock({ requestBodyTimeout: 30_000 });
    const { sessionId } = await initialize(url);
    await becomesIdle({ supervisor }, sessionId);
    const body = JSON.stringify(callBody('echo', { text: 'slow but sure' }, 3));
    const size: Record<string, string> = chunked
      ? { 'transfer-encoding': 'chunked' }
      : { 'content-length': String(body.length) };
    const raw = await rawSocket(port);
    raw.begin('POST', { ...size, ...sessionHeaders(sessionId) });
    await until(() => supervisor.session(sessionId)?.state === 'active', { what: 'the upload to claim the session' });
    const pieces = body.match(/.{1,30}/g) ?? [];
    expect(pieces.length).toBeGreaterThan(3);
    for (const piece of pieces) {
      await advance(clock, 5 * IDLE);
      expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1 });
      raw.write(chunked ? `${piece.length.toString(16)}\r\n${piece}\r\n` : piece);
    }
    if (chunked) raw.write('0\r\n\r\n');
    const response = await raw.readResponse();
    expect(response).toMatchObject({ status: 200, body: expect.stringContaining('slow but sure') });
    await expectFullIdleTime(sessionId);
  });
});
