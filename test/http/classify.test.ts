/** What a body is, and what a list of messages comes to. */
import { describe, expect, test } from 'vitest';
import { classify, finishesCalls, hasDuplicateId } from '../../src/http/classify.ts';
import { cancellation, request, result } from '../transport/transportKit.ts';

const NOTE = { jsonrpc: '2.0', method: 'notifications/initialized' } as const;
const PARAMS = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'ann', version: '1' } };
const INITIALIZE = { jsonrpc: '2.0', id: 0, method: 'initialize', params: PARAMS };
const refused = (refusal: string, id: unknown = null) => ({ kind: 'refused', refusal, id });

describe('a body', () => {
  test.each([request(1), result(1), NOTE, cancellation(1)])('that is one message: %j', (message) => {
    expect(classify(message)).toEqual({ kind: 'messages', messages: [message], batch: false });
  });

  test('that is an initialize', () => {
    expect(classify(INITIALIZE)).toMatchObject({ kind: 'initialize', message: INITIALIZE });
  });

  test.each([1, 100])('that is a batch of %i', (size) => {
    const messages = Array.from({ length: size }, (_, id) => request(id));
    expect(classify(messages)).toEqual({ kind: 'messages', messages, batch: true });
  });

  test.each([
    ['a text', 'text', refused('invalidMessage')],
    ['a message that is none', { jsonrpc: '1.0', id: 7, method: 'x' }, refused('invalidMessage', 7)],
    ['an empty batch', [], refused('invalidMessage')],
    ['a batch with what is no message', [request(1), 'text'], refused('invalidMessage')],
    ['a batch of 101', Array.from({ length: 101 }, (_, id) => request(id)), refused('batchTooLarge')],
    ['an initialize in a batch', [request(1), INITIALIZE], refused('initializeInBatch')],
    ['an initialize without an id', { ...NOTE, method: 'initialize' }, refused('invalidMessage')],
    ['an initialize without parameters', request(7, 'initialize'), refused('invalidInitialize', 7)],
  ])('that is refused: %s', (_, body, expected) => {
    expect(classify(body)).toEqual(expected);
  });
});

test.each([
  ['a response', [result(1)], true],
  ['a cancellation', [cancellation(1)], true],
  ['both', [cancellation(1), result(1)], true],
  ['a request', [request(1)], false],
  ['another notification', [NOTE], false],
  ['a response beside a request', [result(1), request(2)], false],
])('calls in flight may be waiting for %s: %o', (_, messages, finishes) => {
  expect(finishesCalls(messages)).toBe(finishes);
});

test.each([
  ['ids of their own', [request(1), request(2)], false],
  ['one twice', [request(1), request(2), request(1)], true],
  ['a number and the same as a text', [request(1), request('1')], false],
  ['one that is in flight', [request(7)], true],
  ['responses, whose ids are the server’s', [result(7), result(1), result(1)], false],
  ['notifications, which have none', [NOTE, NOTE], false],
])('among messages an id is used twice, where they have %s: %o', (_, messages, twice) => {
  expect(hasDuplicateId(messages, (id) => id === 7)).toBe(twice);
});
