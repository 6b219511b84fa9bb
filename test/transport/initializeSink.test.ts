/** The answer of an initialize over HTTP: what waits for it, and what becomes of it. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import type { Answer } from '../../src/transport/answer.ts';
import { HttpInitialize } from '../../src/transport/initializeSink.ts';
import { FakeExchange } from './fakeExchange.ts';
import { message } from './streamKit.ts';
import { request } from './transportKit.ts';

function given() {
  const did: string[] = [];
  const settled: JSONRPCMessage[] = [];
  const plain = (): Answer => {
    did.push('plain');
    const settle = (_: unknown, response: JSONRPCMessage) => {
      did.push('settled');
      settled.push(response);
    };
    return { settle } as unknown as Answer;
  };
  const inSession = (): Answer => expect.unreachable();
  const opening = { opened: () => undefined, refused: () => void did.push('refused') };
  return { did, settled, sink: new HttpInitialize(0, new FakeExchange(), { plain, inSession }, opening) };
}

test('64 notifications wait for it, and no request', () => {
  const { sink } = given();
  for (let n = 0; n < 64; n++) expect(sink.send(message(n))).toBe(true);
  expect(sink.send(message(64))).toBe(false);
  expect(given().sink.send(request('q', 'roots/list'))).toBe(false);
});

test('an error is answered, and then the session is refused; one without an id can not be answered', () => {
  const [named, nameless] = [given(), given()];
  const error = { code: 1, message: 'no' };
  expect(named.sink.answer({ jsonrpc: '2.0', id: 0, error })).toBeUndefined();
  expect(nameless.sink.answer({ jsonrpc: '2.0', error })).toBeUndefined();
  expect([named.did, nameless.did]).toEqual([['plain', 'settled', 'refused'], ['refused']]);
});

test('one that is no JSON is answered with an error, and told of', () => {
  const { did, settled, sink } = given();
  expect(() => sink.answer({ jsonrpc: '2.0', id: 0, result: { n: 1n } })).toThrow(TypeError);
  const error = { code: -32603, message: 'Internal error: the answer is not JSON' };
  expect([did, settled]).toEqual([['plain', 'settled', 'refused'], [{ jsonrpc: '2.0', id: 0, error }]]);
});

test('a result that comes too late is nobody’s', () => {
  const { did, sink } = given();
  expect(sink.answer({ jsonrpc: '2.0', id: 0, result: {} })).toBeUndefined();
  expect(did).toEqual([]);
});
