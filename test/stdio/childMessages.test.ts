/** What a line of a process's stdout is taken for. */
import { expect, test } from 'vitest';
import { textOf } from '../../src/protocol/messageText.ts';
import { hear } from '../../src/stdio/childMessages.ts';

const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{}}';
const NEXT = '{"jsonrpc":"2.0","id":2,"result":{ }}';

/** What is in it, each message as its text. */
function heard(line: string) {
  const { messages, ...rest } = hear(line);
  return { texts: messages.map(textOf), ...rest };
}

const NOTHING = { texts: [], noise: undefined, spoiled: [], refused: [] };

test.each([
  ['a message', ANSWER, { texts: [ANSWER] }],
  [
    'one with a CR between its tokens',
    '{"jsonrpc":"2.0",\r"id":1,"result":{}}',
    { texts: ['{"jsonrpc":"2.0", "id":1,"result":{}}'] },
  ],
  ['a batch', `[${ANSWER}, ${NEXT}]`, { texts: [ANSWER, NEXT] }],
  ['a warning before a message', `careful! ${ANSWER}`, { texts: [ANSWER], noise: 'careful! ' }],
  ['words', 'listening', { noise: 'listening' }],
  ['a number', '5', { noise: '5' }],
  ['an empty batch', '[]', { noise: '[]' }],
])('%s', (_, line, expected) => {
  expect(heard(line)).toEqual({ ...NOTHING, ...expected });
});

test.each([
  ['a result and a method', '{"jsonrpc":"2.0","id":"a","result":{},"method":"x"}', ['a']],
  ['a member too many', '{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"m"},"extra":1}', [3]],
  ['no version', '{"id":3,"result":{}}', [3]],
  ['a result that is no object', '{"jsonrpc":"2.0","id":3,"result":5}', [3]],
  ['more levels than we read', `{"jsonrpc":"2.0","id":3,"result":{"deep":${'['.repeat(600)}${']'.repeat(600)}}}`, [3]],
  ['NaN', '{"jsonrpc": "2.0", "id": 3, "result": {"v": NaN}}', [3]],
  ['a comma at its end', '{"id":"x","result":{},}', ['x']],
  ['a raw CR in a string', '{"jsonrpc":"2.0","id":3,"result":{"text":"a\rb"}}', [3]],
  ['an id that nobody could have used', '{"jsonrpc":"2.0","id":true,"result":5}', []],
])('an answer with %s is spoiled, and its call is known', (_, line, spoiled) => {
  expect(heard(line)).toEqual({ ...NOTHING, noise: line, spoiled });
});

test.each([
  ['a member too many', '{"jsonrpc":"2.0","id":"q","method":"ping","extra":1}', ['q']],
  ['parameters in a list', '{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}', [7]],
  ['a _meta that is no object', '{"jsonrpc":"2.0","id":7,"method":"ping","params":{"_meta":5}}', [7]],
  ['an id beyond what a number holds', '{"jsonrpc":"2.0","id":12345678901234567890,"method":"ping"}', []],
  ['no id', '{"jsonrpc":"2.0","method":"ping","extra":1}', []],
])('a request with %s is refused', (_, line, refused) => {
  expect(heard(line)).toEqual({ ...NOTHING, noise: line, refused });
});

test('what is good in a batch counts, and what is not is known', () => {
  const line = `[${ANSWER},5,{"id":4,"result":1},{"jsonrpc":"2.0","id":9,"method":"m","x":1},${NEXT}]`;
  expect(heard(line)).toEqual({ texts: [ANSWER, NEXT], noise: line, spoiled: [4], refused: [9] });
});

test('an id within the text of something that is no JSON is nobody’s', () => {
  for (const line of ['{"result":{"id":3,"v":NaN},"id":4}', 'see {"id":3,', '{"jsonrpc":"2.0","id":3,"method":"x",}']) {
    expect(heard(line)).toEqual({ ...NOTHING, noise: line });
  }
});
