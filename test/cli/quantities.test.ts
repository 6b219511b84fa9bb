/** Durations, sizes, counts, ports, paths and lists, as a command line writes them. */
import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  parseCount,
  parseDuration,
  parseDurationOrInfinity,
  parseDurationOrZero,
  parseHeaderNames,
  parseList,
  parseOrigins,
  parsePath,
  parsePort,
  parseSize,
  parseWholeNumber,
} from '../../src/cli/quantities.ts';
import { formatDuration, plural, printable } from '../../src/cli/wording.ts';

/** The message of what a parser refuses. */
function refusal(parse: (text: string) => unknown, text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.message;
    throw error;
  }
  throw new Error(`${JSON.stringify(text)} was accepted`);
}

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['1.5h', 5_400_000],
    ['0.5ms', 0.5],
    [' 5 S ', 5_000],
    ['596h', 2_145_600_000],
  ])('%j is %d ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
    expect(parseDurationOrInfinity(text)).toBe(expected);
  });

  test('zero is one only where it means at once', () => {
    expect(['0ms', '0s', '0.0s', '00m', '5s'].map(parseDurationOrZero)).toEqual([0, 0, 0, 0, 5_000]);
    expect(refusal(parseDurationOrZero, '0')).toBe('A duration needs a unit: 0ms, 0s, 0m or 0h.');
    expect(refusal(parseDuration, '0s')).toBe('A duration must be more than zero.');
  });

  test('a bare number is refused, and the units are named', () => {
    expect(refusal(parseDuration, '30')).toBe('A duration needs a unit: 30ms, 30s, 30m or 30h.');
    expect(refusal(parseDurationOrInfinity, '1.5')).toBe('A duration needs a unit: 1.5ms, 1.5s, 1.5m or 1.5h.');
  });

  test.each(['', 's', '-5s', '5d', '5 s m', '1h30m', '1e3s', 'NaN', '٣s'])('%j is refused', (text) => {
    expect(refusal(parseDuration, text)).toBe(
      `Not a duration: ${JSON.stringify(text)}. Write it as 500ms, 30s, 30m or 2h.`,
    );
  });

  test('zero is refused', () => {
    expect(refusal(parseDuration, '0s')).toBe('A duration must be more than zero.');
  });

  test('what Node’s timers can’t wait for is refused, because they would fire at once', () => {
    expect(refusal(parseDuration, '597h')).toBe('A duration may be at most 596h.');
  });

  test('infinity is one only where it makes sense', () => {
    expect(parseDurationOrInfinity('infinity')).toBe(Number.POSITIVE_INFINITY);
    expect(parseDurationOrInfinity('Infinity')).toBe(Number.POSITIVE_INFINITY);
    expect(refusal(parseDuration, 'infinity')).toMatch(/^Not a duration/);
  });

  test.each([
    [0, '0ms'],
    [40.4, '40ms'],
    [999, '999ms'],
    [1_000, '1s'],
    [2_549, '2.5s'],
    [59_970, '1m'],
    [61_000, '1m 1s'],
    [1_800_000, '30m'],
    [7_325_000, '2h 2m'],
    [90_000_000, '1d 1h'],
    [86_400_000, '1d'],
    [Number.POSITIVE_INFINITY, 'for ever'],
  ])('%d ms reads %j', (milliseconds, expected) => {
    expect(formatDuration(milliseconds)).toBe(expected);
  });
});

describe('sizes', () => {
  test.each([
    ['512b', 512],
    ['64kb', 65_536],
    ['4MB', 4_194_304],
    ['1.5kb', 1_536],
  ])('%j is %d bytes', (text, expected) => {
    expect(parseSize(text)).toBe(expected);
  });

  test.each([
    ['4', 'A size needs a unit: 4b, 4kb or 4mb.'],
    ['0kb', 'A size must be more than zero.'],
    ['0.3b', 'Not a whole number of bytes: "0.3b".'],
    ['4gb', 'Not a size: "4gb". Write it as 512b, 64kb or 4mb.'],
    ['-4mb', 'Not a size: "-4mb". Write it as 512b, 64kb or 4mb.'],
  ])('%j is refused', (text, message) => {
    expect(refusal(parseSize, text)).toBe(message);
  });
});

describe('counts and ports', () => {
  test('a count is a positive whole number or infinity', () => {
    expect(parseCount('1')).toBe(1);
    expect(parseCount('infinity')).toBe(Number.POSITIVE_INFINITY);
    for (const text of ['0', '-1', '1.5', '1e3', 'many', '', '99999999999999999999']) {
      expect(refusal(parseCount, text)).toBe(`Not a positive whole number: ${JSON.stringify(text)}.`);
    }
  });

  test('a whole number may be zero, and has an end', () => {
    expect([parseWholeNumber('0'), parseWholeNumber(' 12 ')]).toEqual([0, 12]);
    for (const text of ['-1', '1.5', '1e3', 'infinity', '', '99999999999999999999']) {
      expect(refusal(parseWholeNumber, text)).toBe(`Not a whole number: ${JSON.stringify(text)}.`);
    }
  });

  test('a port is 0 to 65535', () => {
    expect(parsePort('0')).toBe(0);
    expect(parsePort('65535')).toBe(65_535);
    for (const text of ['65536', '-1', '3000.5', '0x50', '']) expect(refusal(parsePort, text)).toMatch(/^Not a port/);
  });
});

describe('paths and lists', () => {
  test('a path is what requests will name', () => {
    expect(parsePath('/')).toBe('/');
    expect(parsePath('/a/b')).toBe('/a/b');
    expect(refusal(parsePath, 'mcp')).toBe('A path starts with a slash: "/mcp".');
    for (const text of ['/mcp?x', '/mcp#x', '/a/../b', '/ä'])
      expect(refusal(parsePath, text)).toMatch(/^Not a plain path/);
  });

  test('a list is separated by commas; * stands for all', () => {
    expect(parseList('a, b')).toEqual(['a', 'b']);
    expect(parseList('*')).toBe('*');
    expect(refusal(parseList, 'a,*')).toBe('* stands for all, so it stands alone.');
    for (const text of ['', 'a,,b', ',']) expect(refusal(parseList, text)).toMatch(/is empty/);
  });

  test('origins are exact', () => {
    expect(parseOrigins('https://app.example,http://localhost:6274')).toEqual([
      'https://app.example',
      'http://localhost:6274',
    ]);
    expect(parseOrigins('*')).toBe('*');
    for (const text of ['chrome-extension://abcdef', 'vscode-webview://0', 'tauri://localhost']) {
      expect(parseOrigins(text)).toEqual([text]);
    }
    for (const text of [
      'chrome-extension://a/',
      'tauri://',
      'file:///a',
      'app.example',
      'https://app.example/',
      'https://app.example:443',
      'null',
    ]) {
      expect(refusal(parseOrigins, text)).toMatch(/^Not an exact origin/);
    }
  });
});

test('names of headers are what a header can be called, and none is a wildcard', () => {
  expect(parseHeaderNames('x-api-key, traceparent')).toEqual(['x-api-key', 'traceparent']);
  for (const text of ['*', 'x a', 'x:', 'x-ä']) {
    expect(refusal(parseHeaderNames, text)).toBe(`Not the name of a header: ${JSON.stringify(text)}.`);
  }
  expect(refusal(parseHeaderNames, 'a,')).toMatch(/is empty/);
});

describe('words', () => {
  test('one of something, two of them', () => {
    expect([plural(0, 'call'), plural(1, 'call'), plural(2, 'call')]).toEqual(['0 calls', '1 call', '2 calls']);
  });

  test('foreign text stays in its line and moves no cursor', () => {
    expect(printable('evil\r\n12:00:00  opened')).toBe('evil 12:00:00 opened');
    expect(printable('\u001b[2Jgone\u0000\u202etxt')).toBe('\\u{1b}[2Jgone\\u{0}\\u{202e}txt');
    expect(printable('half \ud800 a pair')).toBe('half \\u{d800} a pair');
  });

  test('long foreign text is cut', () => {
    expect(printable('x'.repeat(1_000_000), 10)).toBe('xxxxxxxxx…');
    expect(printable('x'.repeat(10), 10)).toBe('xxxxxxxxxx');
  });
});
