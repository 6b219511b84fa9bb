/** 14. Requests with the same JSON-RPC id, when streams are resumed: each gets its own answer, or a clear refusal. */
import { expect, test } from 'vitest';
import { createMemoryEventStore } from '../../../src/index.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { get, initialize, post } from '../../support/wire.ts';
import { drive, driveBody, openStreams, serveDriven, takeAll } from '../resumption/drivenCalls.ts';

async function served() {
  const driven = await serveDriven({ eventStore: createMemoryEventStore() });
  return { driven, ...(await initialize(driven.url)) };
}

test('an id whose call lost its client is free: the first call ends with an error, the second has its own answer', async () => {
  const { driven, headers, sessionId } = await served();
  const { stream, primed, call } = await drive(driven, headers, 'first', 7);
  stream.destroy();
  await openStreams(driven, sessionId, 0);
  const second = await drive(driven, headers, 'second', 7);
  const resumed = await get(driven.url, { ...headers, 'last-event-id': primed });
  const message = 'Request superseded: its id was used again';
  expect(resumed.messages()).toEqual([{ jsonrpc: '2.0', id: 7, error: { code: -32000, message } }]);
  await call.notify(1);
  call.answer();
  await second.call.notify(2);
  second.call.answer();
  expect(await takeAll(second.stream)).toEqual([2, 'answered 7']);
  expect(second.stream.waiting.at(-1)?.data).toContain('second');
});

test('an id whose client is there and waits is refused', async () => {
  const { driven, headers } = await served();
  const first = await drive(driven, headers, 'first', 7);
  const refused = await post(driven.url, driveBody('second', 7), headers);
  expect(refused.status).toBe(400);
  expect(refused.json()).toMatchObject({ id: 7, error: { code: -32600 } });
  first.call.answer();
  expect(await takeAll(first.stream)).toEqual(['answered 7']);
});

test('an id that was used before: each stream has the answer of its own call', async () => {
  const { driven, headers, sessionId } = await served();
  const first = await drive(driven, headers, 'first', 7);
  first.stream.destroy();
  await openStreams(driven, sessionId, 0);
  first.call.answer();
  await becomesIdle(driven, sessionId);
  const second = await drive(driven, headers, 'second', 7);
  second.stream.destroy();
  await openStreams(driven, sessionId, 0);
  second.call.answer();
  await becomesIdle(driven, sessionId);
  for (const [{ primed }, text] of [
    [first, 'first'],
    [second, 'second'],
  ] as const) {
    const answer = await get(driven.url, { ...headers, 'last-event-id': primed });
    expect(answer.messages()).toMatchObject([{ id: 7, result: { content: [{ text }] } }]);
  }
});

test('an id whose call was cancelled is free, and what its handler says late goes nowhere', async () => {
  const { driven, headers } = await served();
  const first = await drive(driven, headers, 'first', 7);
  const params = { requestId: 7, reason: 'again' };
  const cancelled = await post(driven.url, { jsonrpc: '2.0', method: 'notifications/cancelled', params }, headers);
  expect(cancelled.status).toBe(202);
  const second = await drive(driven, headers, 'second', 7);
  await first.call.notify(1);
  first.call.answer();
  await second.call.notify(2);
  second.call.answer();
  expect(await takeAll(first.stream)).toEqual(['answered 7']);
  expect(JSON.parse(first.stream.waiting[0]?.data ?? '')).toMatchObject({
    id: 7,
    error: { message: 'Request cancelled' },
  });
  expect(await takeAll(second.stream)).toEqual([2, 'answered 7']);
  expect(second.stream.waiting.at(-1)?.data).toContain('second');
});
