/** What the protocol asks of the answers to a POST: how they are sent, when they end, and what a disconnect means. */
import { expect, test } from 'vitest';
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

test.each([
  [undefined, 1_000],
  [700, 700],
  [0, 0],
])('a connection that the server closes says by retry when to come back (retryInterval: %s)', async (given, retry) => {
  const { url } = await serve({ eventStore: new TestEventStore(), retryInterval: given });
  const { sessionId, headers } = await initialize(url);
  const listening = await openStream(url, { headers });
  expect(await listening.next()).toEqual({ id: expect.any(String), data: '', ...(given !== undefined && { retry }) });
  await call(url, sessionId, 'closeStream', { via: 'standalone' });
  expect(await listening.next()).toEqual({ retry, data: '' });
  expect(await withTimeout(listening.closed, { what: 'the stream to end' })).toBe(true);

  const closed = await post(url, callBody('closeStream', {}, 2), headers);
  expect(closed.events()).toMatchObject([{ id: expect.any(String) }, { retry, data: '' }]);
  // A client that does not wait for so long is served all the same.
  const early = await openStream(url, { headers: { ...headers, 'last-event-id': closed.events()[0]?.id } });
  expect(await early.message()).toMatchObject({ id: 2, result: { content: [{ text: 'closed' }] } });
  early.destroy();
});

test('a client that has all of a complete stream, and asks for more, is told that there is none: 204', async () => {
  const { url } = await serve({ eventStore: new TestEventStore() });
  const { headers } = await initialize(url);
  const answer = await post(url, callBody('echo', { text: 'x' }), headers);
  const last = answer.events().at(-1)?.id;
  expect(last).toBeDefined();
  expect(await get(url, { ...headers, 'last-event-id': last })).toMatchObject({ status: 204, text: '' });
});
