/** The lines of the log: levels, formats, colours, and foreign text that stays in its place. */
import { describe, expect, test } from 'vitest';
import { createJournal, type JournalOptions } from '../../src/cli/journal.ts';
import { SupervisorError } from '../../src/errors.ts';
import type { LogEntry } from '../../src/options.ts';

const OPENED: LogEntry = {
  level: 'info',
  event: 'session.opened',
  message: 'test 1.0.0; 1 open',
  sessionId: '0123456789abcdef',
};

function recorded(options: Partial<Omit<JournalOptions, 'out' | 'err'>> & { isTTY?: boolean } = {}) {
  const { isTTY = false, ...rest } = options;
  const stdout: string[] = [];
  const stderr: string[] = [];
  const journal = createJournal({
    format: 'text',
    quiet: false,
    verbose: false,
    env: {},
    now: () => new Date(2026, 0, 2, 3, 4, 5, 6).getTime(),
    ...rest,
    out: { isTTY, write: (text) => stdout.push(text) },
    err: { isTTY, write: (text) => stderr.push(text) },
  });
  return { journal, stdout, stderr };
}

const SAID: LogEntry = { level: 'info', event: 'child.stderr', message: 'x', sessionId: '0123456789abcdef', pid: 77 };

describe('what a server that is a process has written', () => {
  const FORGED = 'error: Session ended: crashed [01234567]';

  test('stands behind a mark that says so, and nothing of it comes before that', () => {
    const { journal, stdout } = recorded();
    journal.write({ ...SAID, message: FORGED });
    journal.write({ ...SAID, event: 'child.noise', message: `03:04:05.006  ${FORGED}\n03:04:05.006  ${FORGED}` });
    journal.write({ ...SAID, message: 'stderr 1 [76543210] | x', dropped: 12 });
    journal.write({ ...SAID, message: 'x', dropped: 1, pid: undefined, sessionId: undefined });
    expect(stdout).toEqual([
      `03:04:05.006  stderr 77 [01234567] | ${FORGED}\n`,
      `03:04:05.006  stdout 77 [01234567] | 03:04:05.006 ${FORGED} 03:04:05.006 ${FORGED}\n`,
      '03:04:05.006  stderr 77 [01234567] (12 lines dropped) | stderr 1 [76543210] | x\n',
      '03:04:05.006  stderr (1 line dropped) | x\n',
    ]);
  });

  test('last is told with its end, with --quiet too: the last lines of it, each behind the mark', () => {
    const { journal, stdout, stderr } = recorded({ quiet: true });
    const lines = Array.from({ length: 30 }, (_, n) => `line ${n}`);
    journal.write(SAID);
    journal.write({
      ...SAID,
      level: 'warn',
      event: 'child.exited',
      message: "The server's process exited with code 3",
      stderr: [...lines, FORGED, `\u001b[31m${FORGED}`].join('\n'),
    });
    expect(stdout).toEqual([]);
    expect(stderr.join('').split('\n')).toEqual([
      "03:04:05.006  warning: The server's process exited with code 3 [01234567]",
      ...[22, 23, 24, 25, 26, 27, 28, 29].map((n) => `  stderr 77 [01234567] | line ${n}`),
      `  stderr 77 [01234567] | ${FORGED}`,
      `  stderr 77 [01234567] | \\u{1b}[31m${FORGED}`,
      '',
    ]);
  });

  test('is what it is where lines are JSON', () => {
    const { journal, stdout } = recorded({ format: 'json' });
    journal.write({ ...SAID, message: FORGED });
    expect(JSON.parse(stdout[0] ?? '')).toMatchObject({ event: 'child.stderr', message: FORGED, pid: 77 });
  });
});

test('a word for whoever waits goes to stderr, whatever its level, unless that is not wanted', () => {
  const entry: LogEntry = { level: 'info', event: 'server.starting', message: 'starting x' };
  const [loud, quiet] = [recorded(), recorded({ quiet: true })];
  for (const { journal } of [loud, quiet]) journal.aside(entry);
  expect([loud.stdout, loud.stderr]).toEqual([[], ['03:04:05.006  starting x\n']]);
  expect([quiet.stdout, quiet.stderr]).toEqual([[], []]);
});

describe('text', () => {
  test('a lifecycle event: time, what, which session, and the rest', () => {
    const { journal, stdout } = recorded();
    journal.write(OPENED);
    expect(stdout).toEqual(['03:04:05.006  opened      01234567  test 1.0.0; 1 open\n']);
  });

  test('an error names its class, its message, its cause and where it was thrown, in one line on stderr', () => {
    const { journal, stdout, stderr } = recorded();
    const error = new TypeError('no such\nthing', { cause: new Error('disk full') });
    journal.write({ level: 'error', event: 'http.failed', message: 'it failed', sessionId: '0123456789abcdef', error });
    expect(stdout).toEqual([]);
    expect(stderr).toHaveLength(1);
    expect(stderr[0]).toMatch(
      /^03:04:05\.006 {2}error: it failed: TypeError: no such thing \(test\/cli\/journal\.test\.ts:\d+\); cause: disk full \(.*\) \[01234567\]\n$/,
    );
  });

  test('why a store failed is told, though it is an error of ours', () => {
    const { journal, stderr } = recorded();
    for (const code of ['STORE_FAILED', 'EVENT_STORE_FAILED'] as const) {
      const error = new SupervisorError(code, 'The store failed', { cause: 'disk full' });
      journal.write({ level: 'warn', event: 'store.failed', message: 'a stream goes on without it', error });
    }
    const told = 'warning: a stream goes on without it: The store failed; cause: disk full\n';
    expect(stderr.map((line) => line.slice(14))).toEqual([told, told]);
  });

  test('a thrown thing that is no error is told as well', () => {
    const { journal, stderr } = recorded();
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    for (const error of ['a string', { code: 7 }, null, loop]) {
      journal.write({ level: 'warn', event: 'http.failed', message: 'it failed', error });
    }
    expect(stderr.map((line) => line.slice(14))).toEqual([
      'warning: it failed: a string\n',
      'warning: it failed: {"code":7}\n',
      'warning: it failed: null\n',
      'warning: it failed: [object Object]\n',
    ]);
  });

  test('what a client calls itself forges no line', () => {
    const { journal, stdout } = recorded();
    journal.write({ ...OPENED, message: 'evil\n03:04:05.007  terminated', sessionId: 'a\u001b[2Jbcdefgh' });
    expect(stdout).toEqual(['03:04:05.006  opened      a\\u{1b}[2Jbcd  evil 03:04:05.007 terminated\n']);
  });

  test('colours on a terminal only, and not with NO_COLOR', () => {
    const onTerminal = recorded({ isTTY: true });
    onTerminal.journal.write(OPENED);
    const withNoColor = recorded({ isTTY: true, env: { NO_COLOR: '1' } });
    withNoColor.journal.write(OPENED);
    const withEmptyNoColor = recorded({ isTTY: true, env: { NO_COLOR: '' } });
    withEmptyNoColor.journal.write(OPENED);
    expect(onTerminal.stdout.join()).toContain('\u001b[32m');
    expect(withNoColor.stdout.join()).not.toContain('\u001b');
    expect(withEmptyNoColor.stdout).toEqual(onTerminal.stdout);
  });
});

describe('json', () => {
  test('one object a line, with the whole id', () => {
    const { journal, stdout } = recorded({ format: 'json', isTTY: true });
    journal.write({ ...OPENED, client: { name: 'a\nb' }, big: 7n });
    expect(stdout).toHaveLength(1);
    expect(stdout[0]?.match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(stdout[0] ?? '')).toEqual({
      time: new Date(2026, 0, 2, 3, 4, 5, 6).toISOString(),
      ...OPENED,
      client: { name: 'a\nb' },
      big: '7',
    });
  });

  test('an error is an object; its stack comes with --verbose only', () => {
    const error = Object.assign(new RangeError('too far'), { code: 'FAR' });
    const entry: LogEntry = { level: 'error', event: 'http.failed', message: 'it failed', error };
    const plain = recorded({ format: 'json' });
    plain.journal.write(entry);
    const verbose = recorded({ format: 'json', verbose: true });
    verbose.journal.write(entry);
    expect(JSON.parse(plain.stderr[0] ?? '').error).toEqual({ name: 'RangeError', message: 'too far', code: 'FAR' });
    expect(JSON.parse(verbose.stderr[0] ?? '').error.stack).toBe(error.stack);
  });

  test('long texts are cut, wherever they are', () => {
    const { journal, stderr } = recorded({ format: 'json', verbose: true });
    const long = 'x'.repeat(100_000);
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    for (const more of [{ list: [{ long }] }, { error: new Error(long) }, loop]) {
      journal.write({ level: 'warn', event: 'http.failed', message: long, ...more });
    }
    expect(stderr).toHaveLength(3);
    for (const line of stderr) {
      expect(line.length).toBeLessThan(13_000);
      expect(JSON.parse(line).message).toBe(`${'x'.repeat(4_000)}…`);
    }
  });

  test('an entry that refers to itself still gives a line', () => {
    const { journal, stdout } = recorded({ format: 'json' });
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    journal.write({ ...OPENED, loop });
    expect(JSON.parse(stdout[0] ?? '')).toMatchObject({ event: 'session.opened', message: OPENED.message });
  });

  test('the greeting is an entry', () => {
    const { journal, stdout } = recorded({ format: 'json' });
    journal.greet(['hello'], { level: 'info', event: 'server.listening', message: 'listens' });
    expect(stdout.map((line) => JSON.parse(line).event)).toEqual(['server.listening']);
  });
});

describe('levels', () => {
  const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

  test.each([
    [{}, ['info', 'warn', 'error']],
    [{ quiet: true }, ['warn', 'error']],
    [{ verbose: true }, ['debug', 'info', 'warn', 'error']],
  ])('%j', (options, expected) => {
    const { journal, stdout, stderr } = recorded({ format: 'json', ...options });
    for (const level of LEVELS) journal.write({ level, event: 'store.failed', message: level });
    expect([...stdout, ...stderr].map((line) => JSON.parse(line).level)).toEqual(expected);
  });

  test('--quiet greets nobody', () => {
    const { journal, stdout } = recorded({ quiet: true });
    journal.greet(['hello'], { level: 'info', event: 'server.listening', message: 'listens' });
    expect(stdout).toEqual([]);
  });
});
