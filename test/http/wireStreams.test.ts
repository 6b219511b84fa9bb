/** What the protocol asks of the answers to a POST: how they are sent, when they end, and what a disconnect means. */
import { describe, expect, test } from 'vitest';
import { reconnectionDelay } from '../../src/transport/reconnectionDelay.ts';
import { ControlledStore, Door } from '../support/controlledStore.ts';
import { TestEventStore } from '../support/eventStore.ts';
import { serve } from '../support/serve.ts';
import { becomesIdle } from '../support/sessionLife.ts';
import { until, withTimeout } from '../support/until.ts';
import { call, callBody, del, get, initialize, openStream, post } from '../support/wire.ts';

test.each([
  [false, 'text/event-stream'],
  [true, 'application/json'],
])('a request is answered with 200 and one of the two types (enableJsonResponse: %s)', async (json, type) => {
  const { url } = await serve({ enableJsonResponse: json });
  const { response, sessionId } = await initialize(url);
  const answers = [response, await call(url, sessionId, 'echo', { text: 'x' }), await call(url, sessionId, 'unknown')];
  for (const answer of answers) expect([answer.status, answer.headers['content-type']]).toEqual([200, type]);
  expect(answers.map((answer) => answer.messages().length)).toEqual([1, 1, 1]);
});

test('the stream of a request ends after the response, and ends well', async () => {
  const { url, gates } = await serve();
  const { headers } = await initialize(url);
  const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }) });
  await gates.entered('a');
  expect(stream.ended).toBe(false);
  gates.open('a');
  expect(await stream.message()).toMatchObject({ id: 1, result: {} });
  expect(await withTimeout(stream.closed, { what: 'the stream to end' })).toBe(true);
  expect(stream.waiting).toEqual([]);
});

test('a disconnect cancels nothing: the call runs on, until its session ends', async () => {
  const served = await serve();
  const { url, gates } = served;
  const { sessionId, headers } = await initialize(url);
  const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }) });
  await gates.entered('a');
  stream.destroy();
  await becomesIdle(served, sessionId);
  await call(url, sessionId, 'echo', { text: 'still here' }, 2);
  expect(gates.counts('a')).toEqual({ entered: 1, aborted: 0 });
  await del(url, headers);
  await gates.aborted('a');
});

test('notifications/cancelled cancels: the handler is told, and the stream ends without a response', async () => {
  const { url, gates } = await serve();
  const { headers } = await initialize(url);
  const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 'held') });
  await gates.entered('a');
  const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'held' } };
  expect(await post(url, cancel, headers)).toMatchObject({ status: 202, text: '' });
  await gates.aborted('a');
  expect(await withTimeout(stream.closed, { what: 'the stream to end' })).toBe(true);
  expect(stream.waiting).toEqual([]);
});

test('on a stream that can be resumed the response to a cancelled call is an error, so that it has an end', async () => {
  const { url, gates } = await serve({ eventStore: new TestEventStore() });
  const { headers } = await initialize(url);
  const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 'held') });
  await gates.entered('a');
  const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'held' } };
  await post(url, cancel, headers);
  await gates.aborted('a');
  expect(await stream.message()).toEqual({
    jsonrpc: '2.0',
    id: 'held',
    error: { code: -32000, message: 'Request cancelled' },
  });
  expect(await withTimeout(stream.closed, { what: 'the stream to end' })).toBe(true);
});

test('a response whose stream was lost is never sent on the GET stream', async () => {
  const served = await serve();
  const { url, gates, supervisor } = served;
  const { sessionId, headers } = await initialize(url);
  const listening = await openStream(url, { headers });
  const calling = await openStream(url, { headers, body: callBody('gate', { key: 'a' }) });
  await gates.entered('a');
  calling.destroy();
  await until(() => supervisor.session(sessionId)?.openStreams === 1, { what: 'the disconnect to be noticed' });
  gates.open('a');
  // Comes after the response would have, on the same stream.
  await call(url, sessionId, 'notifyStandalone', { text: 'marker' }, 2);
  expect((await listening.message()).params).toMatchObject({ data: 'marker' });
  expect(listening.waiting).toEqual([]);
  listening.destroy();
});

test('a client may have many streams open at once', async () => {
  const { url, gates, supervisor } = await serve();
  const { sessionId, headers } = await initialize(url);
  const listening = await openStream(url, { headers });
  const bodies = Array.from({ length: 20 }, (_, id) => callBody('gate', { key: 'all' }, id));
  const calls = bodies.map((body) => openStream(url, { headers, body }));
  await gates.entered('all', 20);
  await until(() => supervisor.session(sessionId)?.openStreams === 21, { what: 'all streams to be open' });
  gates.openAll();
  for (const [id, calling] of calls.entries()) expect(await (await calling).message()).toMatchObject({ id });
  listening.destroy();
});

test.each([false, true])('messages are UTF-8, both ways (enableJsonResponse: %s)', async (enableJsonResponse) => {
  const { url } = await serve({ enableJsonResponse });
  const { sessionId } = await initialize(url);
  const text = 'Grüße, 世界 \u{1F680}\u2028\u0000 e\u0301';
  const answer = await call(url, sessionId, 'echo', { text });
  expect(answer.messages()).toMatchObject([{ result: { content: [{ text }] } }]);
});

const INTERVALS = [undefined, 700, 0];
const STORES = { 'with an event store': () => new TestEventStore(), 'without one': () => undefined };

/** What a client of the session is told: the option, else what comes of the session's id. */
const retryOf = (given: number | undefined, sessionId: string) => given ?? reconnectionDelay(sessionId);

describe.each(Object.entries(STORES))('%s', (_, makeStore) => {
  test.each(INTERVALS)('every stream begins with when to come back (retryInterval: %s)', async (retryInterval) => {
    const { url, gates } = await serve({ eventStore: makeStore(), retryInterval });
    const { sessionId, headers } = await initialize(url);
    const streams = [
      await openStream(url, { headers }),
      await openStream(url, { headers }),
      await openStream(url, { headers, body: callBody('gate', { key: 'a' }) }),
    ];
    const retry = retryOf(retryInterval, sessionId);
    for (const stream of streams) {
      await until(() => stream.retries.length > 0, { what: 'retry' });
      expect(stream.retries).toEqual([retry]);
    }
    gates.open('a');
    expect(await streams[2]?.message()).toMatchObject({ id: 1, result: {} });
    const progress = await post(url, callBody('progress', { steps: 2 }, 2, 'token'), headers);
    expect(progress.text.startsWith(`retry: ${retry}\n\n`)).toBe(true);
    expect(progress.messages()).toHaveLength(3);
    expect(streams.slice(0, 2).map(({ ended }) => ended)).toEqual([false, false]);
    for (const stream of streams) stream.destroy();
  });

  test('a client is told the same on all of its streams, and others something else', async () => {
    const { url } = await serve({ eventStore: makeStore() });
    const told: number[] = [];
    while (told.length < 20) {
      const { headers } = await initialize(url);
      const streams = [await openStream(url, { headers }), await openStream(url, { headers })];
      for (const stream of streams) await until(() => stream.retries.length > 0, { what: 'retry' });
      const [first, second] = streams.map(({ retries }) => retries[0]);
      expect(second).toBe(first);
      told.push(first ?? 0);
      for (const stream of streams) stream.destroy();
    }
    expect(Math.min(...told)).toBeGreaterThanOrEqual(4_000);
    expect(Math.max(...told)).toBeLessThanOrEqual(6_000);
    expect(new Set(told).size).toBeGreaterThan(10);
  });

  test.each(['2025-06-18', '2025-03-26'])(
    'a client of %s, which would stumble over it, gets no block without data',
    async (protocolVersion) => {
      const { url, gates } = await serve({ eventStore: makeStore(), retryInterval: 700 });
      const { sessionId, headers } = await initialize(url, { protocolVersion });
      const listening = await openStream(url, { headers });
      const calling = await openStream(url, { headers, body: callBody('gate', { key: 'a' }) });
      await call(url, sessionId, 'notifyStandalone', { text: 'x' }, 2, headers);
      await post(url, callBody('progress', { steps: 2 }, 3, 'token'), headers);
      gates.open('a');
      await del(url, headers);
      for (const stream of [listening, calling]) {
        expect(await withTimeout(stream.closed, { what: 'the stream to end' })).toBe(true);
        expect(stream.waiting.map(({ data }) => data === '')).toEqual([false]);
        expect(stream.retries).toEqual([]);
      }
    },
  );
});

test('an answer that is there at once says nothing of coming back: it leaves in one write, with its length', async () => {
  const { url } = await serve({ retryInterval: 700 });
  const { response, sessionId } = await initialize(url);
  for (const answer of [response, await call(url, sessionId, 'echo', { text: 'x' })]) {
    expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(answer.text)));
    expect([answer.retries(), answer.events().length]).toEqual([[], 1]);
  }
});

test('a stream says when to come back before a store that hangs has said anything', async () => {
  const eventStore = new ControlledStore();
  const { url } = await serve({ eventStore });
  const { sessionId, headers } = await initialize(url);
  const door = new Door();
  eventStore.beforeStore = door.pass;
  const listening = await openStream(url, { headers });
  await until(() => listening.retries.length > 0, { what: 'retry' });
  expect([listening.retries, listening.waiting]).toEqual([[reconnectionDelay(sessionId)], []]);
  door.open();
  expect(await listening.next()).toEqual({ id: expect.any(String), data: '' });
  listening.destroy();
});

test.each(INTERVALS)(
  'a connection that the server closes says by retry when to come back (retryInterval: %s)',
  async (retryInterval) => {
    const { url } = await serve({ eventStore: new TestEventStore(), retryInterval });
    const { sessionId, headers } = await initialize(url);
    const retry = retryOf(retryInterval, sessionId);
    const listening = await openStream(url, { headers });
    expect(await listening.next()).toEqual({ id: expect.any(String), data: '' });
    await call(url, sessionId, 'closeStream', { via: 'standalone' });
    expect(await withTimeout(listening.closed, { what: 'the stream to end' })).toBe(true);
    expect([listening.retries, listening.waiting]).toEqual([[retry, retry], []]);

    const closed = await post(url, callBody('closeStream', {}, 2), headers);
    expect(closed.events()).toEqual([{ id: expect.any(String), data: '' }]);
    expect(closed.text.endsWith(`\n\nretry: ${retry}\n\n`)).toBe(true);
    // A client that does not wait for so long is served all the same, and is told again.
    const early = await openStream(url, { headers: { ...headers, 'last-event-id': closed.events()[0]?.id } });
    expect(await early.message()).toMatchObject({ id: 2, result: { content: [{ text: 'closed' }] } });
    expect(early.retries).toEqual([retry]);
    early.destroy();
  },
);

test('a client that has all of a complete stream, and asks for more, is told that there is none: 204', async () => {
  const { url } = await serve({ eventStore: new TestEventStore() });
  const { headers } = await initialize(url);
  const answer = await post(url, callBody('echo', { text: 'x' }), headers);
  const last = answer.events().at(-1)?.id;
  expect(last).toBeDefined();
  expect(await get(url, { ...headers, 'last-event-id': last })).toMatchObject({ status: 204, text: '' });
});
