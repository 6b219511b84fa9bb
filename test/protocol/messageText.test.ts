/** The text of a message: kept as it came, changed where an id is another, copied by nobody. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { keepText, keepTexts, lineOf, textOf, translated } from '../../src/protocol/messageText.ts';

/** A message as it is parsed from a text, which it keeps. */
function parsed(text: string): JSONRPCMessage {
  const message = JSON.parse(text) as JSONRPCMessage;
  keepText(message, text);
  return message;
}

/** What JSON.parse and JSON.stringify would change. */
const ODD =
  '{"n":[1.0,1e2,-0,1E400,12345678901234567890],"2":"b","1":"a","\\u0061":1,"a":2,"path":"\\/x","s":"}\\"{\\\\"}';

describe('case 20: a message', () => {
  test('that keeps its text is written as it came', () => {
    const text = `{ "jsonrpc":"2.0", "method":"m", "params":${ODD} }`;
    expect(textOf(parsed(text))).toBe(text);
    expect(lineOf(parsed(text))).toBe(text);
  });

  test('without one is written anew', () => {
    expect(textOf({ jsonrpc: '2.0', method: 'm' })).toBe('{"jsonrpc":"2.0","method":"m"}');
  });

  test('case 19: is one line, whatever breaks it', () => {
    expect(lineOf(parsed('{\r\n "jsonrpc": "2.0",\n "method": "m",\r "params": {"n": 1.0}\n}'))).toBe(
      '{   "jsonrpc": "2.0",  "method": "m",  "params": {"n": 1.0} }',
    );
  });

  test('that is a copy has no text of the original', () => {
    const copy = { ...parsed(`{"jsonrpc":"2.0","id":1,"result":${ODD}}`), id: 2 } as JSONRPCMessage;
    expect(JSON.parse(textOf(copy))).toMatchObject({ id: 2 });
  });

  test.each([
    [
      '{"jsonrpc":"2.0","id":1,"method":"m","params":#}',
      { id: 'a"b' },
      '{"jsonrpc":"2.0","id":"a\\"b","method":"m","params":#}',
    ],
    [
      '{"id" : 7 , "params":#,"jsonrpc":"2.0","method":"m"}',
      { id: 8 },
      '{"id" : 8 , "params":#,"jsonrpc":"2.0","method":"m"}',
    ],
    ['{"jsonrpc":"2.0","id":0,"result":#,"id":1}', { id: 2 }, '{"jsonrpc":"2.0","id":0,"result":#,"id":2}'],
    ['{"jsonrpc":"2.0","result":#,"\\u0069d":1}', { id: 2 }, '{"jsonrpc":"2.0","result":#,"\\u0069d":2}'],
    ['{"result":{"id":1,"x":#},"jsonrpc":"2.0","id":1}', { id: 2 }, '{"result":{"id":1,"x":#},"jsonrpc":"2.0","id":2}'],
  ])('given another id keeps the rest: %s', (text, change, expected) => {
    const message = parsed(text.replace('#', ODD));
    const changed = { ...message, ...change } as JSONRPCMessage;
    expect(textOf(translated(changed, message))).toBe(expected.replace('#', ODD));
  });

  test('given another token, in both places, keeps the rest', () => {
    const text = (id: unknown, token: unknown) =>
      `{"jsonrpc":"2.0","id":${id},"method":"m","params":{"a":${ODD},"_meta":{"x":1.0,"progressToken":${token}}}}`;
    const message = parsed(text('1', '1'));
    const changed = JSON.parse(text('"2.1"', '"2.1"')) as JSONRPCMessage;
    expect(textOf(translated(changed, message))).toBe(text('"2.1"', '"2.1"'));
  });

  test.each(['requestId', 'progressToken'])('given another %s keeps the rest', (name) => {
    const text = (value: string) => `{"jsonrpc":"2.0","method":"n","params":{"${name}":${value},"odd":${ODD}}}`;
    const message = parsed(text('3'));
    expect(textOf(translated(JSON.parse(text('"x"')) as JSONRPCMessage, message))).toBe(text('"x"'));
  });

  test('that is the same message, or had no text, is left alone', () => {
    const message = parsed('{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}');
    expect(translated(message, message)).toBe(message);
    const plain: JSONRPCMessage = { jsonrpc: '2.0', id: 1, result: {} };
    expect(textOf(translated({ ...plain, id: 2 }, plain))).toBe('{"jsonrpc":"2.0","id":2,"result":{}}');
    expect(translated(undefined, message)).toBeUndefined();
  });
});

test('case 21: each message of a batch keeps its part of the text', () => {
  const texts = [
    `{"jsonrpc":"2.0","method":"m","params":${ODD}}`,
    '{ "jsonrpc":"2.0", "id":1.0, "method":"[,]" }',
    `{"jsonrpc":"2.0","id":2,"result":{"a":[[],{}, ${ODD}]}}`,
  ];
  const body = ` [ ${texts.join(' ,\n ')} ] `;
  const messages = JSON.parse(body) as JSONRPCMessage[];
  keepTexts(messages, body, true);
  expect(messages.map(textOf)).toEqual(texts);
});
