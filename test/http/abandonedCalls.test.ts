/** Calls whose clients are gone: bounded by their handlers, in nobody's way, and never heard of by who comes after. */
import { expect, test } from 'vitest';
import { serve } from '../support/serve.ts';
import { becomesIdle } from '../support/sessionLife.ts';
import { until, withTimeout } from '../support/until.ts';
import { callBody, initialize, openStream, post } from '../support/wire.ts';
import { driveBody, serveDriven } from './resumption/drivenCalls.ts';

test.each([true, false])(
  'an id whose client is gone is free at once, and each call hears its own: JSON %s',
  async (json) => {
    const driven = await serveDriven({ enableJsonResponse: json });
    const { headers, sessionId } = await initialize(driven.url);
    const stream = await openStream(driven.url, { headers });
    const aborted = new AbortController();
    const first = fetch(driven.url, {
      method: 'POST',
      signal: aborted.signal,
      headers: { ...headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify(driveBody('first', 1)),
    }).catch(() => undefined);
    const one = await driven.inside('first');
    aborted.abort();
    await first;
    await until(() => driven.supervisor.session(sessionId)?.inFlight === 1, { what: 'the first call to hold nothing' });

    const answer = post(driven.url, driveBody('second', 1), headers);
    const two = await driven.inside('second');
    await one.notify(1);
    await two.notify(2);
    one.answer();
    two.answer();
    const messages = (await answer).messages();
    expect(JSON.stringify(messages)).not.toContain('first');
    expect(messages.at(-1)).toMatchObject({ id: 1, result: { content: [{ text: 'second' }] } });
    if (!json) expect(messages[0]).toMatchObject({ params: { data: 2 } });
    expect(messages).toHaveLength(json ? 1 : 2);
    expect(stream.waiting).toEqual([]);
  },
);

test('a cancellation under an id that was used again cancels the second call, not the first', async () => {
  const { url, gates, supervisor } = await serve();
  const { headers, sessionId } = await initialize(url);
  const first = await openStream(url, { headers, body: callBody('gate', { key: 'a' }) });
  await gates.entered('a');
  first.destroy();
  await becomesIdle({ supervisor }, sessionId);
  const second = await openStream(url, { headers, body: callBody('gate', { key: 'b' }) });
  await gates.entered('b');
  await post(url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, headers);
  await gates.aborted('b');
  await until(() => second.ended);
  expect(supervisor.stats().calls).toBe(1); // the first
  await post(url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, headers);
  expect(supervisor.stats().calls).toBe(1);
  gates.open('a');
  await until(() => supervisor.stats().calls === 0);
});

test('at most 4 096 handlers run in a session, the client there or not; then 429', async () => {
  let running = 0;
  const { url, supervisor } = await serve({
    // A server by hand: the SDK's takes seconds for so many.
    server: () => ({
      connect: async (transport) => {
        transport.onmessage = (message: { id?: number; method: string }) => {
          if (message.method === 'initialize') {
            const result = { protocolVersion: '2025-03-26', capabilities: {}, serverInfo: { name: 'a', version: '1' } };
            void transport.send({ jsonrpc: '2.0', id: message.id, result });
          } else if (message.id !== undefined) running++;
        };
      },
      close: async () => {},
    }),
  });
  const { headers, sessionId } = await initialize(url, { protocolVersion: '2025-03-26' });
  for (let sent = 0; sent < 4_000; sent += 100) {
    const batch = Array.from({ length: 100 }, (_, n) => ({ jsonrpc: '2.0', id: sent + n, method: 'slow' }));
    const stream = await openStream(url, { headers, body: batch });
    stream.destroy();
  }
  await becomesIdle({ supervisor }, sessionId);
  expect(running).toBe(4_000);
  const batch = (length: number) => Array.from({ length }, (_, n) => ({ jsonrpc: '2.0', id: `b${n}`, method: 'slow' }));
  const refused = await post(url, batch(97), headers);
  expect(refused.status).toBe(429);
  expect(refused.headers['retry-after']).toBeDefined();
  const last = await openStream(url, { headers, body: batch(96) });
  expect(supervisor.stats().calls).toBe(4_096);
  expect((await post(url, { jsonrpc: '2.0', id: 'one', method: 'slow' }, headers)).status).toBe(429);
  last.destroy();
  // Cancelled, they count for a minute more: whether their handlers heed it, nobody tells.
  const notes = Array.from({ length: 96 }, (_, n) => ({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: `b${n}` },
  }));
  expect((await post(url, notes, headers)).status).toBe(202);
  expect(supervisor.stats().calls).toBe(4_000);
  expect((await post(url, { jsonrpc: '2.0', id: 'one', method: 'slow' }, headers)).status).toBe(429);
  expect(await withTimeout(supervisor.terminate(sessionId))).toBe(true);
  expect(supervisor.stats().calls).toBe(0);
});

test('an abandoned call holds no drain, though a GET stream is open', async () => {
  const { url, gates, supervisor } = await serve({ shutdownTimeout: 60_000 });
  const { headers, sessionId } = await initialize(url);
  const stream = await openStream(url, { headers });
  const call = await openStream(url, { headers, body: callBody('gate', { key: 'a', stubborn: true }) });
  await gates.entered('a');
  const drain = supervisor.drain();
  await until(() => supervisor.actor.getSnapshot().value === 'draining', { what: 'the drain to begin' });
  expect(supervisor.session(sessionId)).toBeDefined();
  call.destroy();
  await withTimeout(drain, { what: 'the drain' });
  await until(() => stream.ended);
  await gates.aborted('a');
});

test('at the end of a session every handler’s signal aborts, whatever closing its server takes', async () => {
  const { url, gates, supervisor, log } = await serve({ shutdownTimeout: 200 });
  const { headers, sessionId } = await initialize(url);
  const server = supervisor.server(sessionId);
  if (server === undefined) throw new Error('no server');
  server.close = () => new Promise(() => {});
  const waiting = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 1) });
  const left = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 2) });
  await gates.entered('a', 2);
  left.destroy();
  const ended = supervisor.terminate(sessionId);
  await gates.aborted('a', 2);
  expect(await withTimeout(ended)).toBe(true);
  await until(() => waiting.ended);
  expect(log.filter(({ event }) => event === 'server.closeFailed')).toHaveLength(1);
  expect(supervisor.stats().servers).toEqual({ starting: 0, closing: 0 });
});
