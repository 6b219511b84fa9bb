/** Every option: its default, what it takes, and what it says when it refuses. */
import { describe, expect, test, vi } from 'vitest';
import { SimulatedClock } from 'xstate';
import { SupervisorError } from '../src/errors.ts';
import { createSessionSupervisor } from '../src/index.ts';
import { OPTION_NAMES, type ResolvedOptions, resolveOptions, type SessionSupervisorOptions } from '../src/options.ts';

const server = () => ({ connect: async () => {}, close: async () => {} });

/** Resolves options of which some may be anything. */
function resolve(options: object): ResolvedOptions {
  return resolveOptions({ server, ...options } as SessionSupervisorOptions);
}

function refusal(options: object): { code: string; message: string } {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof SupervisorError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('It was accepted');
}

/** Users' code, flags and documents build on these. */
const NAMES = [
  'server',
  'sessionIdleTimeout',
  'initializeTimeout',
  'maxSessionLifetime',
  'maxSessions',
  'whenFull',
  'maxSessionsPerPrincipal',
  'principal',
  'eventStore',
  'enableJsonResponse',
  'retryInterval',
  'sessionIdGenerator',
  'stateless',
  'allowedHosts',
  'allowedOrigins',
  'cors',
  'keepAliveInterval',
  'maxRequestBodySize',
  'requestBodyTimeout',
  'maxStreamBuffer',
  'resumeTimeout',
  'shutdownTimeout',
  'clock',
  'inspect',
  'logger',
] as const;

const MAX = 2_147_483_647;

test('these are the options', () => {
  expect([...OPTION_NAMES].sort()).toEqual([...NAMES].sort());
  expect(Object.keys(resolve({})).sort()).toEqual([...NAMES].sort());
});

describe('defaults', () => {
  const DEFAULTS = {
    sessionIdleTimeout: 1_800_000,
    initializeTimeout: 60_000,
    maxSessionLifetime: Number.POSITIVE_INFINITY,
    maxSessions: 10_000,
    whenFull: 'evict-idle',
    maxSessionsPerPrincipal: Number.POSITIVE_INFINITY,
    eventStore: undefined,
    enableJsonResponse: false,
    retryInterval: undefined,
    stateless: false,
    allowedHosts: undefined,
    allowedOrigins: undefined,
    cors: undefined,
    keepAliveInterval: 15_000,
    maxRequestBodySize: 4_194_304,
    requestBodyTimeout: 30_000,
    maxStreamBuffer: 1_048_576,
    resumeTimeout: 300_000,
    shutdownTimeout: 10_000,
    inspect: undefined,
  };

  test.each(Object.entries(DEFAULTS))('%s: %s', (name, value) => {
    expect(resolve({})[name as keyof ResolvedOptions]).toBe(value);
    expect(resolve({ [name]: undefined })[name as keyof ResolvedOptions]).toBe(value);
  });

  test('an id for each session, unguessable', () => {
    const { sessionIdGenerator } = resolve({});
    const ids = new Set(Array.from({ length: 100 }, sessionIdGenerator));
    expect(ids.size).toBe(100);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test("the system's time", async () => {
    const { clock } = resolve({});
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
    const fired = new Promise((done) => clock.setTimeout(() => done('fired'), 1));
    clock.clearTimeout(clock.setTimeout(() => expect.unreachable(), 1));
    expect(await fired).toBe('fired');
  });

  test('a logger that says nothing', () => {
    for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) vi.spyOn(console, name);
    resolve({}).logger({ level: 'error', event: 'a.b', message: 'c' });
    for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) expect(console[name]).not.toHaveBeenCalled();
  });
});

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
  ['retryInterval', false],
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
    expect(resolve({ [name]: value })[name]).toBe(value);
  });
});

describe.each([
  ['maxSessions', true],
  ['maxSessionsPerPrincipal', true],
  ['maxRequestBodySize', false],
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

  test('is taken as it is', () => {
    const given = vi.fn();
    expect(resolve({ [name]: given })[name]).toBe(given);
    expect(given).not.toHaveBeenCalled();
  });
});

test('server is required', () => {
  for (const options of [{ server: undefined }, {}]) {
    expect(() => resolveOptions(options as SessionSupervisorOptions)).toThrow(
      new SupervisorError('INVALID_OPTION', 'server must be a function that builds an MCP server; got undefined'),
    );
  }
});

test.each([
  [undefined, 'undefined'],
  [null, 'null'],
  ['text', '"text"'],
  [() => server(), 'a function'],
])('the options must be an object, not %s', (options, got) => {
  expect(() => createSessionSupervisor(options as unknown as SessionSupervisorOptions)).toThrow(
    new SupervisorError('INVALID_OPTION', `The options must be an object; got ${got}`),
  );
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
});

describe.each(['allowedOrigins', 'cors'] as const)('%s, exact origins', (name) => {
  test.each([
    [[]],
    [['http://localhost:3000']],
    [['https://a.example', 'https://b.example:8443', 'http://[::1]:3000']],
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

describe('an option that does not exist', () => {
  test.each([
    ['sesionIdleTimeout', 'sessionIdleTimeout'],
    ['sessionIdleTimeoutMs', 'sessionIdleTimeout'],
    ['SessionIdleTimeout', 'sessionIdleTimeout'],
    ['session_idle_timeout', 'sessionIdleTimeout'],
    ['maxSession', 'maxSessions'],
    ['jsonResponse', 'enableJsonResponse'],
    ['retryinterval', 'retryInterval'],
    ['allowedHost', 'allowedHosts'],
    ['sever', 'server'],
    ['idleTimeout', 'sessionIdleTimeout'],
    ['idle', 'sessionIdleTimeout'],
    ['sessionTimeout', 'sessionIdleTimeout'],
    ['keepAlive', 'keepAliveInterval'],
    ['hosts', 'allowedHosts'],
    ['store', 'eventStore'],
    ['createServer', 'server'],
  ])('%s: did you mean %s?', (name, nearest) => {
    expect(refusal({ [name]: 1 })).toEqual({
      code: 'UNKNOWN_OPTION',
      message: `There is no option ${name}; did you mean ${nearest}?`,
    });
  });

  test.each(['qqqqqqqqqqqqqqqqqqqq', 'timeout', 'x', ''])(
    '%s, like none or like many: all of them are named',
    (name) => {
      expect(refusal({ [name]: 1 })).toEqual({
        code: 'UNKNOWN_OPTION',
        message: `There is no option ${name}; there are: ${OPTION_NAMES.join(', ')}`,
      });
    },
  );

  test.each(['toString', 'constructor', '__proto__', 'hasOwnProperty'])('%s is none either', (name) => {
    const options = Object.defineProperty({}, name, { value: 1, enumerable: true });
    expect(() => resolveOptions(Object.assign(options, { server }) as SessionSupervisorOptions)).toThrow(
      `There is no option ${name}`,
    );
  });

  test('is refused even without a value', () => {
    expect(refusal({ idleTimeOut: undefined }).code).toBe('UNKNOWN_OPTION');
  });
});

describe('stateless', () => {
  test.each([1_000, Number.POSITIVE_INFINITY])('excludes sessionIdleTimeout: %s', (sessionIdleTimeout) => {
    expect(refusal({ stateless: true, sessionIdleTimeout })).toEqual({
      code: 'CONFLICTING_OPTIONS',
      message:
        'sessionIdleTimeout and stateless exclude one another: a stateless server has no sessions that could be idle',
    });
  });

  test('does not mind that it is undefined, nor does its absence', () => {
    expect(resolve({ stateless: true, sessionIdleTimeout: undefined }).stateless).toBe(true);
    expect(resolve({ stateless: false, sessionIdleTimeout: 1_000 }).sessionIdleTimeout).toBe(1_000);
  });
});

describe('the default principal', () => {
  const { principal } = resolve({});
  const of = (extra?: Record<string, unknown>, clientId = 'app') =>
    principal({ headers: {}, authInfo: { token: 'secret', clientId, scopes: [], ...(extra && { extra }) } });

  test('is nobody without authentication, whatever the headers say', () => {
    expect(principal({ headers: { authorization: 'Bearer x', 'x-user': 'a' }, authInfo: undefined })).toBeUndefined();
  });

  test('is the subject at its issuer, whatever the client', () => {
    const alice = of({ iss: 'https://a.example', sub: 'alice' });
    expect(alice).toBe('["https://a.example","alice"]');
    expect(of({ iss: 'https://a.example', sub: 'alice', more: 1 }, 'other app')).toBe(alice);
    expect(of({ iss: 'https://b.example', sub: 'alice' })).not.toBe(alice);
    expect(of({ iss: 'https://a.example', sub: 'bob' })).not.toBe(alice);
  });

  test('is the subject where no issuer is known', () => {
    expect(of({ sub: 'alice' })).toBe('["alice"]');
    expect(of({ sub: 'alice', iss: 1 })).toBe('["alice"]');
  });

  test('is the client where no subject is known', () => {
    expect([of(), of({}), of({ iss: 'https://a.example' }), of({ sub: 1 })]).toEqual(['app', 'app', 'app', 'app']);
  });

  test('can not be had by putting issuer and subject together otherwise', () => {
    expect(of({ iss: 'a', sub: 'b","c' })).not.toBe(of({ iss: 'a","b', sub: 'c' }));
    expect(of({ iss: 'ab', sub: 'c' })).not.toBe(of({ iss: 'a', sub: 'bc' }));
  });

  test('never holds the token', () => {
    expect([of(), of({ sub: 'alice' })].join()).not.toContain('secret');
  });
});

test('the options are read once: what is given later changes nothing', () => {
  const options: SessionSupervisorOptions = { server, maxSessions: 5 };
  const resolved = resolveOptions(options);
  options.maxSessions = 6;
  expect(resolved.maxSessions).toBe(5);
});

test('a refusal is an error of its own kind, with a code', () => {
  expect(() => createSessionSupervisor({ server, maxSessions: 0 })).toThrow(SupervisorError);
  expect(() => createSessionSupervisor({ server, maxSessions: 0 })).toThrow(
    expect.objectContaining({ name: 'SupervisorError', code: 'INVALID_OPTION' }),
  );
});
