/** What a server asks in a later incarnation: its ids name the epoch, and nothing said of another epoch's reaches it. */
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Questions } from '../../src/transport/questions.ts';

const request = (id: string | number, progressToken?: string | number): JSONRPCMessage => ({
  jsonrpc: '2.0',
  id,
  method: 'elicitation/create',
  params: { message: 'x', ...(progressToken === undefined ? {} : { _meta: { progressToken, other: 1 } }) },
});
const answer = (id: unknown) => ({ jsonrpc: '2.0', id, result: { action: 'accept' } }) as JSONRPCMessage;
const progress = (progressToken: unknown) =>
  ({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } }) as JSONRPCMessage;

const ids = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.constantFrom('7.0', '0', '"0"', '__proto__', -0));

const idOf = (message: JSONRPCMessage | undefined) => (message as { id?: string | number } | undefined)?.id;

test('an answer reaches the question that it is for, whatever the ids, and none of another epoch', () => {
  fc.assert(
    fc.property(ids, fc.integer({ min: 2 }), fc.integer({ min: 2 }), (id, epoch, other) => {
      const asked = new Questions({ epoch, first: false }).asked(request(id));
      const name = idOf(asked);
      expect(asked).toEqual({ ...request(id), id: name });
      expect(name).toBe(`${epoch}.${JSON.stringify(id)}`);
      expect(idOf(new Questions({ epoch, first: false }).heard(answer(name)))).toBe(JSON.parse(JSON.stringify(id)));
      if (other !== epoch) expect(new Questions({ epoch: other, first: false }).heard(answer(name))).toBeUndefined();
      const before = new Questions({ epoch: 1, first: true });
      const first = idOf(before.asked(request(id)));
      expect(idOf(before.heard(answer(first)))).toBe(typeof first === 'number' ? first : id);
      expect(new Questions({ epoch, first: false }).heard(answer(first))).toBeUndefined();
    }),
  );
});

test('the first incarnation’s server and its client use the same ids, but for those that look like a later one’s', () => {
  const questions = new Questions({ epoch: 1, first: true });
  for (const id of [0, 7, 'a', '0', '.', 'x.1']) {
    expect(idOf(questions.asked(request(id)))).toBe(id);
    expect(idOf(questions.heard(answer(id)))).toBe(id);
  }
  expect(idOf(questions.asked(request('7.0')))).toBe('1."7.0"');
  expect(idOf(questions.heard(answer('1."7.0"')))).toBe('7.0');
  expect(questions.heard(answer('7.0'))).toBeUndefined();
});

test('it knows whether something is open', () => {
  const questions = new Questions({ epoch: 1, first: true });
  expect(questions.none).toBe(true);
  for (const id of [1, 2, 3, 4]) questions.asked(request(id));
  questions.heard(answer(1));
  questions.asked({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } });
  questions.unsent(request(3) as JSONRPCRequest);
  expect(questions.none).toBe(false);
  questions.heard(answer(4));
  expect(questions.none).toBe(true);
});

test.each(['2.', '2.x', '2. 1', '2.1 ', '2.01', '2.1e0', '2.{"a":1}', '2.null', '2.true', '3.1', '21', '.1'])(
  'a name that is none of ours is dropped: %s',
  (name) => {
    const questions = new Questions({ epoch: 2, first: false });
    expect(questions.heard(answer(name))).toBeUndefined();
    expect(questions.heard(progress(name))).toBeUndefined();
  },
);

test('an error that is about no request, and messages that are about none, go through', () => {
  const questions = new Questions({ epoch: 2, first: false });
  for (const message of [
    { jsonrpc: '2.0', error: { code: -32700, message: 'Parse error' } },
    { jsonrpc: '2.0', method: 'notifications/roots/list_changed' },
    { jsonrpc: '2.0', method: 'notifications/progress' },
    { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'x' } },
  ] as JSONRPCMessage[]) {
    expect(questions.heard(message)).toBe(message);
  }
  for (const params of [{ level: 'info', data: 1 }, { requestId: 3 }]) {
    const told = { jsonrpc: '2.0', method: 'notifications/message', params } as const;
    expect(questions.asked(told)).toBe(told);
  }
});

test('progress comes back under the id that it was asked for with; the rest of the parameters stays', () => {
  const questions = new Questions({ epoch: 2, first: false });
  const asked = questions.asked(request(0, 0));
  expect(asked).toMatchObject({ id: '2.0', params: { message: 'x', _meta: { progressToken: '2.0', other: 1 } } });
  expect(questions.heard(progress('2.0'))).toEqual(progress(0));
  expect(questions.heard(progress(0))).toBeUndefined(); // of the question 0 of the incarnation before
});

test('a progress token of the author’s own is left as it is, as long as its request runs', () => {
  const questions = new Questions({ epoch: 2, first: false });
  expect(questions.asked(request(0, 'mine'))).toMatchObject({ params: { _meta: { progressToken: 'mine' } } });
  expect(questions.heard(progress('mine'))).toEqual(progress('mine'));
  expect(questions.heard(answer('2.0'))).toMatchObject({ id: 0 });
  expect(questions.heard(progress('mine'))).toBeUndefined();

  questions.asked(request(1, 'other'));
  questions.asked({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
  expect(questions.heard(progress('other'))).toBeUndefined();
});

test('at most 256 tokens of the author’s own are remembered; the oldest go first', () => {
  const questions = new Questions({ epoch: 2, first: false });
  for (let n = 0; n <= 256; n++) questions.asked(request(n, `t${n}`));
  expect(questions.heard(progress('t0'))).toBeUndefined();
  expect(questions.heard(progress('t1'))).toBeDefined();
  expect(questions.heard(progress('t256'))).toBeDefined();
  // Requests without a token, or with the usual one, take no room.
  for (let n = 1_000; n <= 1_256; n++) {
    questions.asked(request(n));
    questions.asked(request(n, n));
  }
  expect(questions.heard(progress('t1'))).toBeDefined();
});

test('the server’s cancellation names the question as the client knows it', () => {
  const questions = new Questions({ epoch: 2, first: false });
  const cancelled = {
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: 3, reason: 'r' },
  } as const;
  expect(questions.asked(cancelled)).toEqual({ ...cancelled, params: { requestId: '2.3', reason: 'r' } });
  const ofNothing = { jsonrpc: '2.0', method: 'notifications/cancelled', params: {} } as const;
  expect(questions.asked(ofNothing)).toBe(ofNothing);
});
