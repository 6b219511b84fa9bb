/** Framing of stdout: lines out of chunks that are cut anywhere, within a bound. */
import { describe, expect, test } from 'vitest';
import { Lines, MAX_LINE } from '../../src/stdio/lines.ts';
import { heap } from '../support/left.ts';

/** What is told of chunks, and of the end after them. */
function told(chunks: readonly (string | Buffer)[], limit?: number): unknown[] {
  const heard: unknown[] = [];
  const lines = new Lines({ line: (text) => heard.push(text), overflowed: (bytes) => heard.push({ bytes }) }, limit);
  for (const chunk of chunks) lines.push(Buffer.from(chunk));
  heard.push('—');
  lines.end();
  return heard;
}

describe('lines of stdout', () => {
  test('characters of 2, 3 and 4 bytes survive a cut at every byte', () => {
    const text = '{"é":"€𝄞 — 日本"}';
    const bytes = Buffer.from(`${text}\n`);
    for (let at = 0; at <= bytes.length; at++) {
      expect(told([bytes.subarray(0, at), bytes.subarray(at)])).toEqual([text, '—']);
    }
    expect(told([...bytes].map((byte) => Buffer.from([byte])))).toEqual([text, '—']);
  });

  test.each<[string, string, unknown[]]>([
    ['CRLF ends a line', '{"a":1}\r\n{"b":2}\r\n', ['{"a":1}', '{"b":2}', '—']],
    ['a CR alone is part of it, for who knows whether it is JSON', '{"a":\r1}\n', ['{"a":\r1}', '—']],
    ['U+2028, U+2029 and U+0085 are text', '{"a":"\u2028\u2029\u0085"}\n', ['{"a":"\u2028\u2029\u0085"}', '—']],
    ['other separators of old are text', 'a\u000bb\u000cc\n', ['a\u000bb\u000cc', '—']],
    ['blank lines are none', '\n\r\n  \t\n{}\n\n', ['{}', '—']],
    ['many lines are in one chunk', '1\n2\n3\n4\n', ['1', '2', '3', '4', '—']],
    ['a BOM is gone at the beginning', '\uFEFF{"a":1}\n', ['{"a":1}', '—']],
    ['a BOM elsewhere is text', '1\n\uFEFF2\n', ['1', '\uFEFF2', '—']],
    ['what is glued before a message is left to the reader', 'warning: {"a":1}\n', ['warning: {"a":1}', '—']],
    ['a batch is a line', '[{"a":1},{"b":2}]\n', ['[{"a":1},{"b":2}]', '—']],
    ['an unfinished line is one at the end', '1\n{"a":', ['1', '—', '{"a":']],
    ['there is none at the end after a line break', '1\n', ['1', '—']],
    ['nothing is nothing', '', ['—']],
  ])('%s', (_, text, expected) => {
    expect(told([text])).toEqual(expected);
    expect(told([...Buffer.from(text)].map((byte) => Buffer.from([byte])))).toEqual(expected);
  });

  test('invalid UTF-8 becomes U+FFFD and spoils no other line', () => {
    expect(told([Buffer.from([0x61, 0xff, 0x0a, 0xe2, 0x82, 0x0a]), 'b\n'])).toEqual(['a\uFFFD', '\uFFFD', 'b', '—']);
  });

  test('one line comes in 1 000 chunks', () => {
    const part = 'é'.repeat(777);
    expect(told([...Array<string>(1_000).fill(part), '\n'])).toEqual([part.repeat(1_000), '—']);
  });

  test.each([1, 7, 64, 1_000])('a line at the limit is one, and one byte more is none, in chunks of %d', (size) => {
    const cut = (text: string) => {
      const bytes = Buffer.from(text);
      return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
    };
    const limit = 500;
    expect(told(cut(`${'x'.repeat(limit)}\nnext\n`), limit)).toEqual(['x'.repeat(limit), 'next', '—']);
    expect(told(cut(`before\n${'x'.repeat(limit + 1)}\nnext\n`), limit)).toEqual(['before', { bytes: limit }, '—']);
    expect(told(cut('x'.repeat(limit)), limit)).toEqual(['—', 'x'.repeat(limit)]);
    expect(told(cut('x'.repeat(limit + 1)), limit)).toEqual([{ bytes: limit }, '—']);
  });

  test('a line without an end is given up at 10 MiB, and nothing of it is kept', () => {
    const heard: number[] = [];
    const lines = new Lines({ line: () => heard.push(-1), overflowed: (bytes) => heard.push(bytes) });
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 0; n < 160; n++) lines.push(chunk);
    expect(heard).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(3 * MAX_LINE);
    for (let n = 0; n < 1_000; n++) lines.push(chunk);
    expect(heard).toEqual([MAX_LINE]);
  });

  test('a line of single bytes costs no more memory than its length', async () => {
    const heard: string[] = [];
    const lines = new Lines({ line: (text) => heard.push(text), overflowed: () => {} });
    const kept = async () => (await heap()) + process.memoryUsage().arrayBuffers;
    const before = await kept();
    for (let n = 0; n < 200_000; n++) lines.push(Buffer.from('x'));
    expect((await kept()) - before).toBeLessThan(2 * 1024 * 1024);
    lines.push(Buffer.from('\n'));
    expect(heard[0]?.length).toBe(200_000);
  });

  test('8 MB in chunks of 64 kB are no matter of their square', () => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const read = (chunks: number) => {
      const lines = new Lines({ line: () => {}, overflowed: () => {} });
      const begun = process.cpuUsage();
      for (let n = 0; n < chunks; n++) lines.push(chunk);
      lines.end();
      return process.cpuUsage(begun).user;
    };
    read(128);
    const short = Math.min(...[1, 2, 3].map(() => read(16)));
    const long = Math.min(...[1, 2, 3].map(() => read(128)));
    expect(long).toBeLessThan(Math.max(short, 1_000) * 40);
  });
});
