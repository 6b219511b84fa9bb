/** Names of streams: what is written is read again, and what a client makes up is refused or harmless. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatStreamName, parseStreamName } from '../../src/transport/streamName.ts';

const call = fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'binary', maxLength: 20 }));

test('a name is read as it was written', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.nat(), fc.nat(), fc.array(call, { maxLength: 3 }), (isGet, number, epoch, calls) => {
      const name = { epoch, isGet, number, calls: isGet ? [] : calls };
      const text = formatStreamName(name);
      expect(text).toMatch(/^[A-Za-z0-9.~-]+$/); // no '_', where event ids are cut
      expect(parseStreamName(text)).toEqual(JSON.parse(JSON.stringify(name)));
    }),
  );
});

test('a session of one incarnation has plain numbers', () => {
  expect(formatStreamName({ epoch: undefined, isGet: false, number: 7, calls: [1] })).toBe('7');
  expect(formatStreamName({ epoch: undefined, isGet: true, number: 7, calls: [] })).toBe('get7');
  expect(parseStreamName('7')).toEqual({ epoch: undefined, isGet: false, number: 7, calls: [] });
  expect(parseStreamName('get7')).toEqual({ epoch: undefined, isGet: true, number: 7, calls: [] });
});

test('calls that are too many for a name are not named', () => {
  // 188 characters, two brackets and two quotes are 256 characters of base64.
  const [most, text] = [188, 189].map((length) =>
    formatStreamName({ epoch: 1, isGet: false, number: 7, calls: ['x'.repeat(length)] }),
  ) as [string, string];
  expect(parseStreamName(most)?.calls).toEqual(['x'.repeat(188)]);
  expect(text).toBe('1.7');
  expect(parseStreamName(text)?.calls).toEqual([]);
});

test.each([
  '',
  'x',
  '-1',
  '01',
  '1.',
  '.1',
  '1.get',
  'get',
  '1.1~*',
  '1.1.1',
  `${'9'.repeat(17)}.1`,
  `${'1'.repeat(16)}`,
])('what is no name is refused: %j', (text) => {
  expect(parseStreamName(text)).toBeUndefined();
});

test.each(['~', '~x', '~bnVsbA', '~eyJhIjoxfQ', '~WzEsbnVsbCx7fV0'])(
  'calls that make no sense are none: %s',
  (text) => {
    expect(parseStreamName(`1.1${text}`)?.calls.every((id) => id === 1)).toBe(true);
  },
);
