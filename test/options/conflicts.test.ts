/** Options that would have no effect beside others: refused, with words that say what to do. */
import { describe, expect, test } from 'vitest';
import { SupervisorError } from '../../src/errors.ts';
import {
  createMemoryDirectory,
  createMemoryEventStore,
  createMemorySessionStore,
  createSessionSupervisor,
} from '../../src/index.ts';
import { OPTION_NAMES, type ResolvedOptions, type SessionSupervisorOptions } from '../../src/options.ts';
import { refusal, resolve, server } from '../support/givenOptions.ts';

type Given = Partial<Record<keyof ResolvedOptions, unknown>>;

const eventStore = createMemoryEventStore();
const sessionStore = createMemorySessionStore();
/** As that of `./lmdb`. */
const oneProcess = Object.assign(createMemorySessionStore(), { exclusive: true });

/** A value of each option that is right by itself. */
const VALUES: Record<keyof ResolvedOptions, unknown> = {
  server,
  sessionIdleTimeout: 60_000,
  initializeTimeout: 1_000,
  maxSessionLifetime: 3_600_000,
  maxSessions: 10,
  whenFull: 'reject',
  maxSessionsPerPrincipal: 2,
  principal: () => 'ada',
  eventStore,
  enableJsonResponse: true,
  retryInterval: 500,
  sessionIdGenerator: () => 'id',
  stateless: true,
  allowedHosts: ['localhost'],
  allowedOrigins: ['https://app.example'],
  cors: ['https://app.example'],
  keepAliveInterval: 1_000,
  maxRequestBodySize: 1_000,
  maxInitializeSize: 1_000,
  requestBodyTimeout: 1_000,
  maxStreamBuffer: 1_000,
  resumeTimeout: 1_000,
  shutdownTimeout: 1_000,
  historySize: 1,
  sessionStore,
  parkAfter: 1_000,
  maxParkedSessions: 10,
  restoreTimeout: 1_000,
  maxStateSize: 1_000,
  cluster: {
    directory: createMemoryDirectory(),
    node: 'a',
    listen: { host: '127.0.0.1', port: 0 },
    url: undefined,
    secrets: ['sixteen bytes long'],
    leaseTime: 500,
    network: undefined,
  },
  modern: 'serve',
  maxModernRequests: 10,
  maxModernRequestsPerPrincipal: 2,
  clock: { setTimeout, clearTimeout, now: Date.now },
  inspect: () => {},
  logger: () => {},
};

/** What has no effect: the option, the ones that make it so, and how the refusal begins. */
const MOOT: readonly (readonly [option: keyof ResolvedOptions, beside: Given, words: string])[] = [
  ['sessionIdleTimeout', { stateless: true }, 'sessionIdleTimeout and stateless exclude one another: '],
  ['maxSessionLifetime', { stateless: true }, 'maxSessionLifetime and stateless exclude one another: '],
  ['maxSessionsPerPrincipal', { stateless: true }, 'maxSessionsPerPrincipal and stateless exclude one another: '],
  ['whenFull', { stateless: true }, 'whenFull and stateless exclude one another: '],
  ['eventStore', { stateless: true }, 'eventStore and stateless exclude one another: '],
  ['resumeTimeout', { stateless: true }, 'resumeTimeout and stateless exclude one another: '],
  ['retryInterval', { stateless: true }, 'retryInterval and stateless exclude one another: '],
  ['sessionIdGenerator', { stateless: true }, 'sessionIdGenerator and stateless exclude one another: '],
  ['historySize', { stateless: true }, 'historySize and stateless exclude one another: '],
  ['sessionStore', { stateless: true }, 'sessionStore and stateless exclude one another: '],
  ['parkAfter', { stateless: true }, 'parkAfter and stateless exclude one another: '],
  ['maxParkedSessions', { stateless: true }, 'maxParkedSessions and stateless exclude one another: '],
  ['restoreTimeout', { stateless: true }, 'restoreTimeout and stateless exclude one another: '],
  ['maxStateSize', { stateless: true }, 'maxStateSize and stateless exclude one another: '],
  ['cluster', { stateless: true }, 'cluster and stateless exclude one another: '],
  ['cluster', {}, 'cluster has no effect without a sessionStore: '],
  ['cluster', { sessionStore: oneProcess }, 'cluster and this sessionStore exclude one another: '],
  ['parkAfter', {}, 'parkAfter has no effect without a sessionStore: '],
  ['maxParkedSessions', {}, 'maxParkedSessions has no effect without a sessionStore: '],
  ['restoreTimeout', {}, 'restoreTimeout has no effect without a sessionStore: '],
  ['parkAfter', { sessionStore, sessionIdleTimeout: 1_000 }, 'parkAfter has no effect unless it is less than '],
  ['maxStreamBuffer', { stateless: true, enableJsonResponse: true }, 'maxStreamBuffer has no effect beside stateless'],
  ['resumeTimeout', { eventStore, enableJsonResponse: true }, 'resumeTimeout and enableJsonResponse exclude one '],
  ['resumeTimeout', {}, 'resumeTimeout has no effect without an eventStore: '],
  ['maxModernRequests', {}, "maxModernRequests has no effect unless modern is 'serve': "],
  ['maxModernRequestsPerPrincipal', {}, "maxModernRequestsPerPrincipal has no effect unless modern is 'serve': "],
  ['whenFull', { maxSessions: Number.POSITIVE_INFINITY }, 'whenFull has no effect while maxSessions is Infinity: '],
];

/** What an option needs beside it. */
const NEEDS: Partial<Record<keyof ResolvedOptions, Given>> = {
  resumeTimeout: { eventStore },
  parkAfter: { sessionStore },
  maxParkedSessions: { sessionStore },
  restoreTimeout: { sessionStore },
  cluster: { sessionStore },
  maxModernRequests: { modern: 'serve' },
  maxModernRequestsPerPrincipal: { modern: 'serve' },
};

describe.each(MOOT)('%s beside %o', (option, beside, words) => {
  test('is refused, and the message says what to do', () => {
    const { code, message } = refusal({ ...beside, [option]: VALUES[option] });
    expect(code).toBe('CONFLICTING_OPTIONS');
    expect(message.startsWith(words), message).toBe(true);
    expect(message).toMatch(/; (?:leave one of the two out|leave it out|give .*, or leave \w+ out)$/);
    expect(() =>
      createSessionSupervisor({ server, ...beside, [option]: VALUES[option] } as SessionSupervisorOptions),
    ).toThrow(SupervisorError);
  });

  test('does not count when it is undefined', () => {
    expect(resolve({ ...beside, [option]: undefined })).toBeDefined();
  });

  test('is taken without what makes it moot', () => {
    const without = Object.fromEntries(Object.keys(beside).map((name) => [name, undefined]));
    expect(resolve({ ...without, ...NEEDS[option], [option]: VALUES[option] })[option]).toEqual(VALUES[option]);
  });
});

test('a value that is off counts as one: it was given, and would do nothing', () => {
  for (const option of ['sessionIdleTimeout', 'maxSessionLifetime', 'maxSessionsPerPrincipal']) {
    expect(refusal({ stateless: true, [option]: Number.POSITIVE_INFINITY }).code).toBe('CONFLICTING_OPTIONS');
  }
  expect(refusal({ stateless: true, historySize: 0 }).code).toBe('CONFLICTING_OPTIONS');
});

test('maxSessions bounds the calls of a stateless server, Infinity included', () => {
  expect(resolve({ stateless: true, maxSessions: 5 }).maxSessions).toBe(5);
  expect(resolve({ stateless: true, maxSessions: Number.POSITIVE_INFINITY }).stateless).toBe(true);
});

test('stateless: false excludes nothing', () => {
  const all = { ...VALUES, stateless: false, enableJsonResponse: false };
  expect(resolve(all)).toMatchObject({ sessionIdleTimeout: 60_000, eventStore, resumeTimeout: 1_000 });
});

// Every other pair goes together: whoever adds an option has to say here beside which it has no effect.
const PAIRS = OPTION_NAMES.flatMap((a, index) => OPTION_NAMES.slice(index + 1).map((b) => [a, b] as const));

test.each(PAIRS)('%s and %s', (a, b) => {
  const given: Given = { ...NEEDS[a], ...NEEDS[b], [a]: VALUES[a], [b]: VALUES[b] };
  const moot = MOOT.some(
    ([option, beside]) =>
      given[option] !== undefined &&
      Object.keys(beside).length > 0 &&
      Object.entries(beside).every(([name, value]) => given[name as keyof Given] === value),
  );
  if (moot) expect(refusal(given).code).toBe('CONFLICTING_OPTIONS');
  else expect(resolve(given)[a]).toBeDefined();
});
