/** Whatever an entry holds: nothing in it acts on a terminal, and nothing in it looks like another entry. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createJournal } from '../../src/cli/journal.ts';
import type { LogEntry } from '../../src/options.ts';

/** C0 and C1, marks and overrides of direction, invisible characters, separators of lines and paragraphs. */
const HOSTILE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;
/** What `styleText` adds, and nothing else does. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this is about
const COLOURS = /\u001b\[\d+m/g;
const TIME = /^\d\d:\d\d:\d\d\.\d{3} {2}/;

const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...'\u0000\u0007\b\t\n\r\u001b\u007f\u0085\u009b\u061c\u200b\u200e\u200f\u2028\u2029\ufeff',
        ...'\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ud800\udfff',
        '\u001b[2J\u001b]0;title\u0007',
        '\n03:04:05.007  terminated  01234567  drained',
        '\n    at file://elsewhere/x.js:1:1',
        '\n    at f (file:///%00/x.js:1:1)',
        '\u{e0001}',
        '"\\',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

const hostileError = fc
  .record({ name: hostileText, message: hostileText, stack: fc.option(hostileText), code: hostileText })
  .chain((members) =>
    fc.constantFrom(Error, TypeError, SyntaxError).map((Kind) => {
      const { stack, ...others } = members;
      const error = Object.assign(new Kind(members.message, { cause: members.code }), others);
      if (stack !== null) error.stack = `${members.name}: ${members.message}\n${stack}`;
      return error;
    }),
  );

const entries = fc
  .record(
    {
      level: fc.constantFrom('debug', 'info', 'warn', 'error'),
      event: fc.oneof(
        hostileText,
        fc.constantFrom('session.opened', 'session.active', 'session.idle', 'session.terminated'),
      ),
      message: hostileText,
      sessionId: hostileText,
      reason: hostileText,
      error: fc.oneof(hostileError, hostileText, fc.object({ key: hostileText, values: [hostileText] })),
      client: fc.record({ name: hostileText, version: hostileText }),
      url: hostileText,
      more: fc.dictionary(hostileText, fc.oneof(hostileText, hostileError, fc.bigInt())),
    },
    { requiredKeys: ['level', 'event', 'message'] },
  )
  .map((entry) => entry as LogEntry);

const looks = fc.record({ verbose: fc.boolean(), isTTY: fc.boolean() });

function written(format: 'text' | 'json', verbose: boolean, isTTY: boolean, entry: LogEntry): string {
  let text = '';
  const sink = { isTTY, write: (chunk: string) => (text += chunk) };
  const journal = createJournal({
    format,
    quiet: false,
    verbose,
    out: sink,
    err: sink,
    env: {},
    now: () => new Date(2026, 0, 2, 3, 4, 5, 6).getTime(),
  });
  journal.write(entry);
  journal.greet([entry.message], entry);
  return text;
}

describe('any entry', () => {
  test('as text: lines without control or direction characters, one of them an entry', () => {
    fc.assert(
      fc.property(entries, looks, (entry, { verbose, isTTY }) => {
        const text = written('text', verbose, isTTY, entry).replace(COLOURS, '');
        const lines = text.split('\n').slice(0, -1);
        for (const line of lines) expect(line).not.toMatch(HOSTILE);
        const [greeting, ...log] = lines.reverse();
        expect(greeting).not.toBeUndefined();
        if (entry.level === 'debug' && !verbose) expect(log).toEqual([]);
        else expect(log.filter((line) => TIME.test(line))).toHaveLength(1);
        if (!verbose) expect(lines.length).toBeLessThan(3);
      }),
      { numRuns: 500 },
    );
  });

  test('as JSON: lines without control or direction characters, which parse to what was meant', () => {
    fc.assert(
      fc.property(entries, looks, (entry, { verbose, isTTY }) => {
        const lines = written('json', verbose, isTTY, entry).split('\n').slice(0, -1);
        expect(lines).toHaveLength(entry.level === 'debug' && !verbose ? 0 : 2);
        for (const line of lines) {
          expect(line).not.toMatch(HOSTILE);
          expect(JSON.parse(line)).toMatchObject({ event: entry.event, message: entry.message });
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('an error of somebody else', () => {
  const told = (error: unknown): string =>
    written('text', false, false, { level: 'error', event: 'http.failed', message: 'it failed', error });

  test('whose cause is itself is told', () => {
    const error = new Error('round');
    error.cause = error;
    expect(told(error)).toMatch(/error: it failed: round \(/);
  });

  test('that throws when it is looked at is told', () => {
    const error = Object.defineProperty(new Error('yes'), 'message', {
      get: () => {
        throw new Error('no');
      },
    });
    expect(told(error)).toContain('error: it failed: an error that cannot be told\n');
  });

  test('whose message names a place is still told where it was thrown', () => {
    const error = new Error('see\n    at file://elsewhere/x.js:1:1');
    expect(told(error)).toMatch(/ at file:\/\/elsewhere\/x\.js:1:1 \(test\/cli\/journalProperty\.test\.ts:\d+\)\n/);
  });

  test('whose stack names a place that is no path of this machine is told with it', () => {
    const error = new Error('lost');
    error.stack = 'Error: lost\n    at file://elsewhere/x.js:1:1';
    expect(told(error)).toContain('error: it failed: lost (file://elsewhere/x.js:1)\n');
  });

  test('with a message of a megabyte costs no time', () => {
    const begun = performance.now();
    told(new Error('\n'.repeat(1_000_000)));
    told(new Error('\n    at ('.repeat(100_000)));
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
