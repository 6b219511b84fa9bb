/** The options: which there are, their defaults, and how they go together. Values have a file of their own. */
import { describe, expect, test, vi } from 'vitest';
import { SupervisorError } from '../src/errors.ts';
import { createSessionSupervisor } from '../src/index.ts';
import {
  type LogEntry,
  OPTION_NAMES,
  type ResolvedOptions,
  resolveOptions,
  type SessionSupervisorOptions,
} from '../src/options.ts';
import { refusal, resolve, server } from './support/givenOptions.ts';

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
  'maxInitializeSize',
  'requestBodyTimeout',
  'maxStreamBuffer',
  'resumeTimeout',
  'shutdownTimeout',
  'sessionStore',
  'parkAfter',
  'maxParkedSessions',
  'restoreTimeout',
  'cluster',
  'modern',
  'maxModernRequests',
  'maxModernRequestsPerPrincipal',
  'maxStateSize',
  'historySize',
  'clock',
  'inspect',
  'logger',
] as const;

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
    sessionStore: undefined,
    cluster: undefined,
    parkAfter: Number.POSITIVE_INFINITY,
    maxParkedSessions: 1_000_000,
    restoreTimeout: 10_000,
    modern: 'refuse',
    maxStateSize: 65_536,
    historySize: 64,
    inspect: undefined,
  };

  test('of what only modern: serve has', () => {
    const { maxModernRequests, maxModernRequestsPerPrincipal } = resolve({});
    expect([maxModernRequests, maxModernRequestsPerPrincipal]).toEqual([1_024, Number.POSITIVE_INFINITY]);
  });

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

  test('a logger that writes nothing of itself', () => {
    for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) vi.spyOn(console, name);
    vi.spyOn(process, 'emitWarning').mockReturnValue();
    resolve({}).logger({ level: 'error', event: 'store.failed', message: 'c' });
    for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) expect(console[name]).not.toHaveBeenCalled();
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

describe('an option that does not exist', () => {
  test.each([
    ['sesionIdleTimeout', 'sessionIdleTimeout'],
    ['sessionIdleTimeoutMs', 'sessionIdleTimeout'],
    ['SessionIdleTimeout', 'sessionIdleTimeout'],
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
    ['eventstor', 'eventStore'],
    ['sessionstor', 'sessionStore'],
    ['parkafter', 'parkAfter'],
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

describe('an option of the SDK under another name', () => {
  test.each([
    ['onsessioninitialized', /session\.opened/],
    ['onsessionclosed', /session\.terminated/],
    ['onSessionClosed', /session\.terminated/],
    ['enableDnsRebindingProtection', /allowedHosts and allowedOrigins/],
    ['keepAliveMs', /keepAliveInterval/],
    ['supportedProtocolVersions', /nothing to set/],
    ['onclose', /session\.terminated/],
    ['onerror', /logger/],
    ['onmessage', /inspect/],
    ['sessionId', /sessionIdGenerator/],
    ['era', /said by modern/],
    ['legacy', /said by modern/],
  ])('%s: ours is named', (name, ours) => {
    const { code, message } = refusal({ [name]: () => {} });
    expect(code).toBe('UNKNOWN_OPTION');
    expect(message).toContain(`There is no option ${name}; `);
    expect(message).toMatch(ours);
  });
});

describe('an option of another session manager', () => {
  test.each([
    ['session_idle_timeout', /did you mean sessionIdleTimeout\? It is in milliseconds/],
    ['event_store', /eventStore/],
    ['json_response', /enableJsonResponse/],
    ['retry_interval', /retryInterval/],
    ['security_settings', /allowedHosts and allowedOrigins/],
    ['max_sessions', /maxSessions/],
    ['max_request_body_size', /maxRequestBodySize/],
    ['app', /server builds/],
    ['onConnect', /session\.opened/],
    ['maxBodySize', /maxRequestBodySize/],
    ['eventStoreMaxEvents', /createMemoryEventStore/],
    ['keepAliveTimeout', /server\.keepAliveTimeout/],
    ['connectionTimeout', /initializeTimeout/],
    ['requestTimeout', /signal/],
    ['stateful', /the default/],
    ['authenticate', /principal/],
    ['apiKey', /principal/],
    ['ping', /keepAliveInterval/],
    ['streamKeepalive', /keepAliveInterval/],
    ['health', /route of your own/],
    ['httpStream', /listen\(port\)/],
    ['port', /listen\(port\)/],
  ])('%s: ours is named', (name, ours) => {
    const { code, message } = refusal({ [name]: 1 });
    expect(code).toBe('UNKNOWN_OPTION');
    expect(message).toContain(`There is no option ${name}; `);
    expect(message).toMatch(ours);
  });
});

describe('a short sessionIdleTimeout', () => {
  const told = (sessionIdleTimeout: number | undefined): readonly LogEntry[] => {
    const log: LogEntry[] = [];
    resolve({ sessionIdleTimeout, logger: (entry: LogEntry) => log.push(entry) });
    return log;
  };

  test.each([1, 30, 999.5])('of %s ms is warned of, and taken', (value) => {
    expect(told(value)).toEqual([
      { level: 'warn', event: 'option.doubtful', option: 'sessionIdleTimeout', message: expect.any(String) },
    ]);
    expect(told(value)[0]?.message).toContain(`sessionIdleTimeout is ${value} ms`);
  });

  test.each([1_000, Number.POSITIVE_INFINITY, undefined])('is none of %s ms', (value) => {
    expect(told(value)).toEqual([]);
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
    expect(alice).toBe('"https://a.example"\nalice');
    expect(of({ iss: 'https://a.example', sub: 'alice', more: 1 }, 'other app')).toBe(alice);
    expect(of({ iss: 'https://b.example', sub: 'alice' })).not.toBe(alice);
    expect(of({ iss: 'https://a.example', sub: 'bob' })).not.toBe(alice);
  });

  test('is the subject where no issuer is known', () => {
    expect(of({ sub: 'alice' })).toBe('\nalice');
    expect(of({ sub: 'alice' }, '')).toBe('\nalice');
  });

  test('is the client where no subject is known', () => {
    expect([of(), of({}), of({ iss: 'https://a.example' })]).toEqual(['app', 'app', 'app']);
  });

  test('is nobody where authInfo is null', () => {
    expect(principal({ headers: {}, authInfo: null as never })).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['the payload of a token', { sub: 'alice', iss: 'https://a.example' }],
    ['nothing that is known', {}],
    ['a client that is empty', { clientId: '' }],
    ['a client that is a number', { clientId: 1 }],
    ['a subject that is a number', { clientId: 'app', extra: { sub: 1 } }],
    ['a subject that is empty', { clientId: 'app', extra: { sub: '' } }],
    ['a subject that is null', { clientId: 'app', extra: { sub: null } }],
    ['an issuer that is a number', { clientId: 'app', extra: { iss: 1, sub: 'alice' } }],
    ['an issuer that is empty', { clientId: 'app', extra: { iss: '', sub: 'alice' } }],
    ['an extra that is text', { clientId: 'app', extra: 'alice' }],
    ['text', 'alice'],
    ['a list', ['alice']],
    ['a flag', false],
    ['a function', () => 'alice'],
  ])('can not be told from %s', (_, authInfo) => {
    expect(() => principal({ headers: {}, authInfo: authInfo as never })).toThrow(/set the option principal/);
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
