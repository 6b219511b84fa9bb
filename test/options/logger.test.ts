/** Where the log goes when nobody listens, and what a logger that fails costs: nothing but a warning. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createSessionSupervisor, type SessionSupervisor } from '../../src/index.ts';
import { type LogEntry, type Logger, listenedTo, warnProcess } from '../../src/options/logger.ts';
import { Gates } from '../support/gates.ts';
import { buildTestServer } from '../support/testServer.ts';
import { initializeBody } from '../support/wire.ts';

const TYPE = 'McpSessionSupervisorWarning';
const entry = (level: LogEntry['level'], event: LogEntry['event'] = 'store.failed', more = {}): LogEntry => ({
  level,
  event,
  message: 'What happened',
  ...more,
});

type Warning = readonly [message: string, options: { readonly type: string; readonly code: string; detail?: string }];

/** Sends an initialize. */
const open = (supervisor: SessionSupervisor): Promise<Response> =>
  supervisor.fetch(
    new Request('http://localhost/', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify(initializeBody()),
    }),
  );

let emitWarning: ReturnType<typeof vi.fn>;
const warnings = (): readonly Warning[] => emitWarning.mock.calls as unknown as readonly Warning[];

beforeEach(() => {
  emitWarning = vi.spyOn(process, 'emitWarning').mockReturnValue() as unknown as typeof emitWarning;
});

describe('without a logger', () => {
  test('warnings and errors become warnings of the process, once for each event', () => {
    const log = warnProcess();
    for (const event of ['store.failed', 'store.failed', 'listener.failed', 'store.failed'] as const)
      log(entry('error', event));
    log(entry('warn', 'clock.failed'));
    expect(warnings().map(([message, { type, code }]) => [message, type, code])).toEqual([
      ['What happened', TYPE, 'store.failed'],
      ['What happened', TYPE, 'listener.failed'],
      ['What happened', TYPE, 'clock.failed'],
    ]);
    expect(warnings()[0]?.[1].detail).toContain('"logger"');
  });

  test('an error that throws when it is looked at costs no warning', () => {
    const no = () => {
      throw new Error('no');
    };
    warnProcess()(entry('error', 'store.failed', { error: new Proxy({}, { get: no, getPrototypeOf: no }) }));
    expect(warnings().map(([message]) => message)).toEqual(['What happened']);
    expect(warnings()[0]?.[1].detail).toContain('it throws when it is looked at');
  });

  test.each(['debug', 'info'] as const)('%s entries go nowhere', (level) => {
    warnProcess()(entry(level));
    expect(warnings()).toEqual([]);
  });

  test('the error is told with its stack', () => {
    warnProcess()(entry('error', 'store.failed', { error: new TypeError('broken') }));
    expect(warnings()[0]?.[1].detail).toMatch(/^TypeError: broken\n +at /);
  });

  test.each([['text'], [null], [Symbol('s')], [{ toString: () => 'an object' }], [0]])(
    'an error may be %o',
    (error) => {
      warnProcess()(entry('error', 'store.failed', { error }));
      expect(warnings()[0]?.[1].detail).toContain(String(error));
    },
  );

  test('and with why it came to it', () => {
    const why = new Error('The package lmdb is not installed', { cause: 'ENOENT' });
    warnProcess()(entry('error', 'store.failed', { error: new Error('The store failed', { cause: why }) }));
    const detail = warnings()[0]?.[1].detail;
    expect(detail).toMatch(/\ncause: The package lmdb is not installed\ncause: ENOENT\n/);
  });

  test('nothing that a client could have sent moves a cursor, forges a line or reorders what is read', () => {
    const hostile = 'a\u001b[2Jb\u202ec\u2028d';
    warnProcess()({ level: 'error', event: 'store.failed', message: hostile, error: new Error(hostile) });
    const safe = 'a\\u{1b}[2Jb\\u{202e}c\\u{2028}d';
    expect(warnings()[0]?.[0]).toBe(safe);
    expect(warnings()[0]?.[1].detail).toContain(`Error: ${safe}\n`);
  });

  test('an error that can not be told, and a process that can not warn, hurt nobody', () => {
    const unspeakable = Object.create(null);
    expect(() => warnProcess()(entry('error', 'store.failed', { error: unspeakable }))).not.toThrow();
    emitWarning.mockImplementation(() => {
      throw new Error('no');
    });
    expect(() => warnProcess()(entry('error'))).not.toThrow();
  });

  test('a factory that fails is told of, and so is a short idle timeout', async () => {
    const factory = () => {
      throw new Error('no database');
    };
    const supervisor = createSessionSupervisor({ server: factory, sessionIdleTimeout: 30 });
    expect(warnings().map(([, { code }]) => code)).toEqual(['option.doubtful']);
    for (const { status } of [await open(supervisor), await open(supervisor)]) expect(status).toBe(500);
    const told = warnings().filter(([, { detail = '' }]) => detail.includes('no database'));
    expect(told).toHaveLength(1);
    await supervisor.drain();
  });
});

describe('with a logger', () => {
  test('everything goes there, and nothing to the process', () => {
    const log: LogEntry[] = [];
    const listened = listenedTo((given) => void log.push(given));
    const entries = (['debug', 'info', 'warn', 'error'] as const).map((level) => entry(level));
    for (const given of entries) listened(given);
    expect(log).toEqual(entries);
    expect(warnings()).toEqual([]);
  });

  const failing: readonly (readonly [string, Logger])[] = [
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['rejects', async () => Promise.reject(new Error('disk full'))],
  ];

  test.each(failing)('that %s: the process is told once', async (_, logger) => {
    const listened = listenedTo(logger);
    for (let n = 0; n < 3; n++) expect(() => listened(entry('info'))).not.toThrow();
    await vi.waitFor(() => expect(warnings()).toHaveLength(1), { timeout: 1_000 });
    expect(warnings()[0]?.[1]).toMatchObject({ type: TYPE, code: 'logger.failed' });
    expect(warnings()[0]?.[1].detail).toContain('disk full');
  });

  test.each(failing)('that %s: a request is answered all the same', async (_, logger) => {
    const supervisor = createSessionSupervisor({ logger, server: (session) => buildTestServer(session, new Gates()) });
    const answer = await open(supervisor);
    expect(answer.status).toBe(200);
    await answer.text();
    await supervisor.drain();
  });
});
