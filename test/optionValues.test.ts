/** What each option takes, and what it says when it refuses: what was given, and what is allowed. */
import { describe, expect, test, vi } from 'vitest';
import { SimulatedClock } from 'xstate';
import { refusal, resolve } from './support/givenOptions.ts';

const MAX = 2_147_483_647;

const eventStore = { storeEvent: async () => 'id', replayEventsAfter: async () => 'stream' };

const NONSENSE = [
  ['0', 0, '0'],
  ['negative', -1, '-1'],
  ['-Infinity', Number.NEGATIVE_INFINITY, '-Infinity'],
  ['NaN', Number.NaN, 'NaN'],
  ['a string', '30m', '"30m"'],
  ['a digit as a string', '5', '"5"'],
  ['null', null, 'null'],
  ['true', true, 'true'],
  ['a bigint', 5n, '5n'],
  ['a symbol', Symbol('a'), 'Symbol(a)'],
  ['an object', {}, 'an object'],
  ['an array', [5], 'an array'],
  ['a function', () => 5, 'a function'],
] as const;

describe.each([
  ['sessionIdleTimeout', true],
  ['initializeTimeout', false],
  ['maxSessionLifetime', true],
  ['keepAliveInterval', true],
  ['requestBodyTimeout', false],
  ['resumeTimeout', false],
  ['shutdownTimeout', false],
] as const)('%s, a duration', (name, infinite) => {
  const allowed = `a positive number of milliseconds up to 2147483647${infinite ? ', or Infinity' : ''}`;
  const refused: readonly (readonly [string, unknown, string])[] = [
    ...NONSENSE,
    ['beyond the range of timers', MAX + 1, '2147483648'],
    ['just beyond it', MAX + 0.5, '2147483647.5'],
    ['very long', Number.MAX_SAFE_INTEGER, '9007199254740991'],
    ...(infinite ? [] : [['Infinity', Number.POSITIVE_INFINITY, 'Infinity'] as const]),
  ];

  test.each(refused)('refuses %s', (_, value, got) => {
    expect(refusal({ [name]: value })).toEqual({
      code: 'INVALID_OPTION',
      message: `${name} must be ${allowed}; got ${got}`,
    });
  });

  test.each([1, 0.5, 30_000, MAX, ...(infinite ? [Number.POSITIVE_INFINITY] : [])])('takes %s', (value) => {
    const needed = name === 'resumeTimeout' ? { eventStore } : {};
    expect(resolve({ ...needed, logger: () => {}, [name]: value })[name]).toBe(value);
  });
});

describe('retryInterval, a duration that may be 0', () => {
  const refused = [
    ...NONSENSE.filter(([what]) => what !== '0'),
    ['beyond the range of timers', MAX + 1, '2147483648'],
    ['Infinity', Number.POSITIVE_INFINITY, 'Infinity'],
  ] as const;

  test.each(refused)('refuses %s', (_, retryInterval, got) => {
    expect(refusal({ retryInterval })).toEqual({
      code: 'INVALID_OPTION',
      message: `retryInterval must be a number of milliseconds from 0 to 2147483647; got ${got}`,
    });
  });

  test.each([0, 0.5, 30_000, MAX])('takes %s', (retryInterval) => {
    expect(resolve({ eventStore, retryInterval }).retryInterval).toBe(retryInterval);
  });
});

describe('historySize, a whole number', () => {
  const refused = [
    ...NONSENSE.filter(([what]) => what !== '0'),
    ['a fraction', 1.5, '1.5'],
    ['what is no exact whole number', 2 ** 53, '9007199254740992'],
    ['Infinity', Number.POSITIVE_INFINITY, 'Infinity'],
  ] as const;

  test.each(refused)('refuses %s', (_, value, got) => {
    expect(refusal({ historySize: value })).toEqual({
      code: 'INVALID_OPTION',
      message: `historySize must be a whole number, 0 or more; got ${got}`,
    });
  });

  test.each([0, 1, 64, 10_000])('takes %s', (value) => {
    expect(resolve({ historySize: value }).historySize).toBe(value);
  });
});

describe.each([
  ['maxSessions', true],
  ['maxSessionsPerPrincipal', true],
  ['maxRequestBodySize', false],
  ['maxInitializeSize', false],
  ['maxStreamBuffer', false],
] as const)('%s, a count', (name, infinite) => {
  const allowed = `a positive whole number${infinite ? ', or Infinity' : ''}`;
  const refused: readonly (readonly [string, unknown, string])[] = [
    ...NONSENSE,
    ['a fraction', 1.5, '1.5'],
    ['what is no exact whole number', 2 ** 53, '9007199254740992'],
    ...(infinite ? [] : [['Infinity', Number.POSITIVE_INFINITY, 'Infinity'] as const]),
  ];

  test.each(refused)('refuses %s', (_, value, got) => {
    expect(refusal({ [name]: value })).toEqual({
      code: 'INVALID_OPTION',
      message: `${name} must be ${allowed}; got ${got}`,
    });
  });

  // A size may be larger than any timer.
  test.each([1, 10_000, 2 ** 40, ...(infinite ? [Number.POSITIVE_INFINITY] : [])])('takes %s', (value) => {
    expect(resolve({ [name]: value })[name]).toBe(value);
  });
});

describe.each(['enableJsonResponse', 'stateless'] as const)('%s, a flag', (name) => {
  test.each([
    [1, '1'],
    ['true', '"true"'],
    ['', '""'],
    [null, 'null'],
    [{}, 'an object'],
  ])('refuses %s', (value, got) => {
    expect(refusal({ [name]: value })).toEqual({
      code: 'INVALID_OPTION',
      message: `${name} must be a boolean; got ${got}`,
    });
  });

  test.each([true, false])('takes %s', (value) => {
    expect(resolve({ [name]: value })[name]).toBe(value);
  });
});

describe.each(['server', 'principal', 'sessionIdGenerator', 'logger'] as const)('%s, a function', (name) => {
  test.each([
    ['text', '"text"'],
    [1, '1'],
    [null, 'null'],
    [{ call: () => {} }, 'an object'],
    [[() => {}], 'an array'],
  ])('refuses %s', (value, got) => {
    expect(refusal({ [name]: value })).toEqual({
      code: 'INVALID_OPTION',
      message: `${name} must be a function; got ${got}`,
    });
  });

  test('is taken, and not called', () => {
    const given = vi.fn();
    const { [name]: taken } = resolve({ [name]: given });
    if (name !== 'logger') expect(taken).toBe(given);
    expect(given).not.toHaveBeenCalled();
  });
});

describe('whenFull', () => {
  test.each(['evict-idle', 'reject'])('takes %s', (value) => {
    expect(resolve({ whenFull: value }).whenFull).toBe(value);
  });

  test.each([
    ['evict', '"evict"'],
    ['', '""'],
    [true, 'true'],
    [null, 'null'],
  ])('refuses %s', (value, got) => {
    expect(refusal({ whenFull: value })).toEqual({
      code: 'INVALID_OPTION',
      message: `whenFull must be 'evict-idle' or 'reject'; got ${got}`,
    });
  });
});

describe('eventStore', () => {
  const storeEvent = async () => 'id';
  const replayEventsAfter = async () => 'stream';

  test('takes what keeps the contract', () => {
    class Store {
      storeEvent = storeEvent;
      async replayEventsAfter() {
        return 'stream';
      }
    }
    const store = new Store();
    expect(resolve({ eventStore: store }).eventStore).toBe(store);
  });

  test.each([
    [{ storeEvent }, 'an object'],
    [{ replayEventsAfter }, 'an object'],
    [{ storeEvent, replayEventsAfter: 'x' }, 'an object'],
    [null, 'null'],
    ['redis://localhost', '"redis://localhost"'],
    [true, 'true'],
  ])('refuses %o', (value, got) => {
    expect(refusal({ eventStore: value })).toEqual({
      code: 'INVALID_OPTION',
      message: `eventStore must be an object with storeEvent(), replayEventsAfter(); got ${got}`,
    });
  });
});

describe('allowedHosts', () => {
  test.each([[[]], [['localhost']], [['a.example', 'b.example:8080', '[::1]']]])('takes %o', (value) => {
    expect(resolve({ allowedHosts: value }).allowedHosts).toEqual(value);
  });

  test.each([
    ['localhost', '"localhost"'],
    [['localhost', ''], 'an array'],
    [[1], 'an array'],
    [{}, 'an object'],
    [null, 'null'],
  ])('refuses %o', (value, got) => {
    expect(refusal({ allowedHosts: value })).toEqual({
      code: 'INVALID_OPTION',
      message: `allowedHosts must be an array of non-empty strings; got ${got}`,
    });
  });

  test.each([
    'http://localhost:3000',
    '*',
    '*.example.com',
    ' localhost',
    'localhost/mcp',
    'localhost:port',
    '::1',
    'user@localhost',
    'bücher.example',
    'a.example,b.example',
  ])('refuses %s, which no request is ever sent to', (host) => {
    expect(refusal({ allowedHosts: ['localhost', host] })).toEqual({
      code: 'INVALID_OPTION',
      message:
        'allowedHosts must be host names such as localhost, mcp.example:8080 or [::1], without a scheme, a path or a ' +
        `wildcard; got ${JSON.stringify(host)}`,
    });
  });
});

describe.each(['allowedOrigins', 'cors'] as const)('%s, exact origins', (name) => {
  test.each([
    [[]],
    [['http://localhost:3000']],
    [['https://a.example', 'https://b.example:8443', 'http://[::1]:3000']],
    [['chrome-extension://abcdefghijklmnop', 'vscode-webview://1a2b-3c', 'tauri://localhost', 'app://obsidian.md:1']],
  ])('takes %o', (value) => {
    expect(resolve({ [name]: value })[name]).toEqual(value);
  });

  test.each([
    'http://localhost:3000/',
    'https://a.example/path',
    'https://a.example:443',
    'HTTPS://a.example',
    'a.example',
    'localhost:3000',
    'chrome-extension://abc/',
    'chrome-extension://abc/popup.html',
    'Chrome-Extension://abc',
    'vscode-webview://',
    'tauri://user@localhost',
    'file:///tmp',
    'data:text/html,x',
    'null',
    '*',
  ])('refuses %s among them, and says so', (origin) => {
    expect(refusal({ [name]: ['https://fine.example', origin] })).toEqual({
      code: 'INVALID_OPTION',
      message:
        `${name} must be exact origins such as http://localhost:3000, without a path or a trailing slash; ` +
        `got ${JSON.stringify(origin)}`,
    });
  });

  test.each([
    ['https://a.example', '"https://a.example"'],
    [[1], 'an array'],
    [true, 'true'],
    [null, 'null'],
  ])('refuses %o', (value, got) => {
    expect(refusal({ [name]: value })).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(new RegExp(`^${name} must be .*; got ${got.replaceAll('/', '\\/')}$`)),
    });
  });
});

test("cors takes '*', allowedOrigins does not", () => {
  expect(resolve({ cors: '*' }).cors).toBe('*');
  expect(refusal({ allowedOrigins: '*' }).code).toBe('INVALID_OPTION');
});

describe("cors with headers of one's own", () => {
  test.each([
    { origins: '*', headers: ['x-api-key'] },
    { origins: ['https://a.example'], headers: ['X-Api-Key', 'traceparent'] },
  ])('takes %o', (value) => {
    expect(resolve({ cors: value }).cors).toEqual(value);
  });

  test("without headers there are none of one's own", () => {
    expect(resolve({ cors: { origins: '*' } }).cors).toEqual({ origins: '*', headers: [] });
  });

  test.each([
    [{}, 'cors must be origins, or { origins, headers }; got an object'],
    [{ headers: ['a'] }, 'cors must be origins, or { origins, headers }; got an object'],
    [{ origins: '*', credentials: true }, 'cors must be origins, or { origins, headers }; got an object'],
    [{ origins: ['https://a.example/'] }, /^cors\.origins must be exact origins .*; got "https:\/\/a\.example\/"$/],
    [{ origins: '*', headers: 'x-a' }, 'cors.headers must be an array of non-empty strings; got "x-a"'],
    [{ origins: '*', headers: ['*'] }, 'cors.headers must be names of headers; got "*"'],
    [{ origins: '*', headers: ['a, b'] }, 'cors.headers must be names of headers; got "a, b"'],
  ])('refuses %o', (value, message) => {
    const refused = refusal({ cors: value });
    expect(refused.code).toBe('INVALID_OPTION');
    expect(refused.message).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });
});

describe('clock', () => {
  test('takes one that tells the time, as it is', () => {
    const clock = new SimulatedClock();
    expect(resolve({ clock }).clock).toBe(clock);
  });

  test("takes XState's own kind, which tells no time: the system's time is told", () => {
    const calls: unknown[] = [];
    const given = {
      kept: 'this',
      setTimeout(fn: () => void, ms: number) {
        calls.push(['set', this.kept, fn, ms]);
        return 'handle';
      },
      clearTimeout(handle: unknown) {
        calls.push(['clear', this.kept, handle]);
      },
    };
    const { clock } = resolve({ clock: given });
    const fn = () => {};
    clock.clearTimeout(clock.setTimeout(fn, 5));
    expect(calls).toEqual([
      ['set', 'this', fn, 5],
      ['clear', 'this', 'handle'],
    ]);
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
  });

  test.each([
    [{ setTimeout }, 'an object'],
    [{ now: Date.now }, 'an object'],
    [Date.now, 'a function'],
    [1, '1'],
    [null, 'null'],
  ])('refuses %o', (value, got) => {
    expect(refusal({ clock: value })).toEqual({
      code: 'INVALID_OPTION',
      message: `clock must be an object with setTimeout(), clearTimeout(); got ${got}`,
    });
  });
});

describe('inspect', () => {
  test('takes a callback or an observer', () => {
    const callback = () => {};
    const observer = { next: () => {} };
    expect(resolve({ inspect: callback }).inspect).toBe(callback);
    expect(resolve({ inspect: observer }).inspect).toBe(observer);
  });

  test.each([
    [{}, 'an object'],
    [true, 'true'],
    [null, 'null'],
  ])('refuses %o', (value, got) => {
    expect(refusal({ inspect: value })).toEqual({
      code: 'INVALID_OPTION',
      message: `inspect must be a function or an object with next(); got ${got}`,
    });
  });
});
