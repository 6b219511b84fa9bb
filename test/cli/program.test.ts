/** The command line: every flag, what it means to the supervisor, and what is refused. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_IDLE_TIMEOUT, DEFAULT_MODERN, DEFAULT_SHUTDOWN_TIMEOUT } from '../../src/cli/defaults.ts';
import { CommandFailure, EXIT_USAGE } from '../../src/cli/failure.ts';
import { parseArguments } from '../../src/cli/program.ts';
import { shortIdleTimeout, toSupervisorOptions } from '../../src/cli/supervisorOptions.ts';
import { createMemoryEventStore, createMemorySessionStore } from '../../src/index.ts';
import { OPTION_NAMES, resolveOptions } from '../../src/options.ts';
import { flagsOf } from './flags.ts';

const server = () => Promise.reject(new Error('no server is built here'));
const ANYWHERE = { host: '0.0.0.0', address: '0.0.0.0', port: 4321 };

function refusalOf(...argv: string[]): CommandFailure {
  try {
    parseArguments(argv, '1.2.3');
  } catch (error) {
    if (error instanceof CommandFailure) return error;
    throw error;
  }
  throw new Error(`${argv.join(' ')} was accepted`);
}

const OWN_HEADERS = { origins: ['https://a.example'], headers: ['X-Api-Key', 'traceparent'] };

describe('flags', () => {
  test('none at all: the defaults of the command, everything else left to the supervisor', () => {
    const invocation = parseArguments(['./server.js'], '1.2.3');
    expect(invocation).toEqual({
      kind: 'serve',
      module: './server.js',
      flags: { port: 3000, host: '127.0.0.1', path: '/mcp', logFormat: 'text' },
    });
    expect(toSupervisorOptions(flagsOf(), ANYWHERE)).toEqual({});
  });

  test('the defaults that the command speaks of are the supervisor’s', () => {
    const { sessionIdleTimeout, shutdownTimeout, modern } = resolveOptions({ server });
    expect([DEFAULT_IDLE_TIMEOUT, DEFAULT_SHUTDOWN_TIMEOUT, DEFAULT_MODERN]).toEqual([
      sessionIdleTimeout,
      shutdownTimeout,
      modern,
    ]);
  });

  test.each([
    ['--session-idle-timeout 30m', { sessionIdleTimeout: 1_800_000 }],
    ['--session-idle-timeout infinity', { sessionIdleTimeout: Number.POSITIVE_INFINITY }],
    ['--initialize-timeout 5s', { initializeTimeout: 5_000 }],
    ['--max-session-lifetime 12h', { maxSessionLifetime: 43_200_000 }],
    ['--max-sessions 5', { maxSessions: 5 }],
    ['--when-full reject', { whenFull: 'reject' }],
    ['--max-sessions-per-principal 3', { maxSessionsPerPrincipal: 3 }],
    ['--stateless', { stateless: true }],
    ['--shutdown-timeout 1s', { shutdownTimeout: 1_000 }],
    ['--history-size 0', { historySize: 0 }],
    ['--park-after 5m --session-store memory', { parkAfter: 300_000 }],
    ['--max-parked-sessions 7 --session-store memory', { maxParkedSessions: 7 }],
    ['--restore-timeout 3s --session-store memory', { restoreTimeout: 3_000 }],
    ['--max-state-size 1kb', { maxStateSize: 1_024 }],
    ['--modern off', { modern: 'off' }],
    ['--modern serve --max-modern-requests 8', { modern: 'serve', maxModernRequests: 8 }],
    ['--modern serve --max-modern-requests-per-principal 2', { modern: 'serve', maxModernRequestsPerPrincipal: 2 }],
    ['--json-response', { enableJsonResponse: true }],
    ['--keep-alive-interval infinity', { keepAliveInterval: Number.POSITIVE_INFINITY }],
    ['--max-request-body-size 64kb', { maxRequestBodySize: 65_536 }],
    ['--max-initialize-size 16kb', { maxInitializeSize: 16_384 }],
    ['--request-body-timeout 10s', { requestBodyTimeout: 10_000 }],
    ['--max-stream-buffer 2mb', { maxStreamBuffer: 2_097_152 }],
    ['--allowed-hosts a.example,b.example:8080', { allowedHosts: ['a.example', 'b.example:8080'] }],
    ['--allowed-origins https://a.example', { allowedOrigins: ['https://a.example'] }],
    ['--cors https://a.example', { cors: ['https://a.example'] }],
    ['--cors *', { cors: '*' }],
    ['--cors * --cors-headers x-api-key', { cors: { origins: '*', headers: ['x-api-key'] } }],
    ['--cors https://a.example --cors-headers X-Api-Key,traceparent', { cors: OWN_HEADERS }],
  ])('%s', (line, expected) => {
    const options = toSupervisorOptions(flagsOf(...line.split(' ')), ANYWHERE);
    expect(options).toEqual(expected);
    // Without it some would have no effect, and are refused.
    const sessionStore = line.includes('--session-store') ? createMemorySessionStore() : undefined;
    expect(() => resolveOptions({ sessionStore, ...options, server })).not.toThrow();
  });

  test('every option of the supervisor is a flag, unless a command line can’t express it', () => {
    const [sessions, requests, hosts] = [
      '--session-idle-timeout 1m --initialize-timeout 5s --max-session-lifetime 1h --max-sessions 5 --when-full reject' +
        ' --max-sessions-per-principal 3 --shutdown-timeout 1s --history-size 8 --session-store memory --park-after 30s' +
        ' --max-parked-sessions 9 --restore-timeout 1s --max-state-size 1kb --modern serve --max-modern-requests 8' +
        ' --max-modern-requests-per-principal 2 --node a --peer-listen 127.0.0.1:0 --cluster-secret-file package.json',
      '--json-response --resumable --resume-timeout 1s --retry-interval 2s --keep-alive-interval 1s' +
        ' --max-request-body-size 1kb --max-initialize-size 1kb --request-body-timeout 1s --max-stream-buffer 1kb',
      '--allowed-hosts a --allowed-origins http://a --cors http://a',
    ];
    const all = flagsOf(...`${sessions} ${requests} ${hosts}`.split(' '));
    // It excludes what speaks of sessions.
    const stores = { sessionStore: createMemorySessionStore(), eventStore: createMemoryEventStore() };
    const { clusterSecretFile, ...others } = all;
    expect(clusterSecretFile).toEqual(['package.json']);
    // What a cluster takes has a test of its own: `clusterOptions.test.ts`.
    const named = [...Object.keys(toSupervisorOptions(others, ANYWHERE, stores)), 'cluster', 'stateless'];
    const inexpressible = ['server', 'principal', 'sessionIdGenerator', 'clock', 'inspect', 'logger'];
    expect([...named, ...inexpressible].sort()).toEqual([...OPTION_NAMES].sort());
  });

  test('--stateless has what bounds a call', () => {
    const line = '--stateless --max-sessions 5 --initialize-timeout 5s --shutdown-timeout 1s --json-response';
    expect(flagsOf(...line.split(' '))).toMatchObject({ stateless: true, maxSessions: 5 });
  });

  test('what --resumable keeps can be bounded, and clients told when to come back', () => {
    const line = '--resumable --resume-timeout 1m --retry-interval';
    const stores = { eventStore: createMemoryEventStore() };
    const options = (retry: string) => toSupervisorOptions(flagsOf(...line.split(' '), retry), ANYWHERE, stores);
    expect(options('2s')).toMatchObject({ resumeTimeout: 60_000, retryInterval: 2_000 });
    expect(options('0s')).toMatchObject({ retryInterval: 0 });
    expect(() => resolveOptions({ ...options('2s'), server })).not.toThrow();
  });

  test('-p is --port', () => {
    expect(flagsOf('-p', '8080')).toMatchObject({ port: 8_080 });
    expect(flagsOf('-p8080')).toMatchObject({ port: 8_080 });
  });
});

test.each([
  ['memory', { kind: 'memory' }],
  ['.sessions', { kind: 'directory', path: '.sessions' }],
  ['./memory', { kind: 'directory', path: './memory' }],
  ['/var/lib/mcp: 1', { kind: 'directory', path: '/var/lib/mcp: 1' }],
])('--session-store %s', (text, expected) => {
  expect(flagsOf('--session-store', text).sessionStore).toEqual(expected);
});

test('the sessions are shown where that is asked for, on any free port unless one is named', () => {
  expect(flagsOf()).not.toHaveProperty('inspect');
  expect(flagsOf('--inspect')).toMatchObject({ inspect: 0 });
  expect(flagsOf('--inspect', '8081', '--port', '0')).toMatchObject({ inspect: 8_081, port: 0 });
  expect(flagsOf('--inspect-allow-terminate')).toMatchObject({ inspect: 0, inspectAllowTerminate: true });
  const both = flagsOf('--inspect-allow-terminate', '--inspect', '8081');
  expect(both).toMatchObject({ inspect: 8_081, inspectAllowTerminate: true });
});

test.each([
  '--inspect ./server.js',
  './server.js --inspect',
  '--inspect ./server.js --port 1',
  '--port 1 --inspect ./server.js',
  '--inspect=9000 ./server.js',
  '--inspect 9000 ./server.js',
  './server.js --inspect 9000',
  '--inspect --port 1 ./server.js',
])('%s: only a number is the port of the inspector', (line) => {
  const invocation = parseArguments(line.split(' '), '1.2.3');
  expect(invocation).toMatchObject({ kind: 'serve', module: './server.js' });
  expect(invocation).toMatchObject({ flags: { inspect: line.includes('9000') ? 9_000 : 0 } });
});

test('an idle timeout below a second is warned of', () => {
  const warned = (...argv: string[]) => shortIdleTimeout(flagsOf(...argv));
  expect(warned('--session-idle-timeout', '999ms')).toBe(
    '--session-idle-timeout 999ms ends sessions between two requests of most clients',
  );
  expect(warned('--session-idle-timeout', '1s')).toBeUndefined();
  expect(warned('--session-idle-timeout', 'infinity')).toBeUndefined();
  expect(warned()).toBeUndefined();
});

describe('wrong usage', () => {
  test.each([
    [[], "missing required argument 'module'"],
    [['./a.js', './b.js'], 'too many arguments. Expected 1 argument but got 2.'],
    [['./a.js', '--max-session', '5'], "unknown option '--max-session' (Did you mean --max-sessions?)"],
    [['./a.js', '--port'], "option '--port <port>' argument missing"],
    [
      ['./a.js', '--session-idle-timeout', '30'],
      "option '--session-idle-timeout <duration>' argument '30' is invalid. A duration needs a unit: 30ms, 30s, 30m or 30h.",
    ],
    [
      ['./a.js', '--when-full', 'panic'],
      "option '--when-full <policy>' argument 'panic' is invalid. Allowed choices are evict-idle, reject.",
    ],
    [
      ['./a.js', '--stateless', '--session-idle-timeout', '5m'],
      "option '--session-idle-timeout <duration>' cannot be used with option '--stateless'",
    ],
    [
      ['./a.js', '--stateless', '--inspect-allow-terminate'],
      "option '--inspect [port]' cannot be used with option '--stateless'",
    ],
    [['./a.js', '--stateless', '--inspect'], "option '--inspect [port]' cannot be used with option '--stateless'"],
    [
      ['--inspect=x', './a.js'],
      "option '--inspect [port]' argument 'x' is invalid. Not a port: \"x\". Ports are 0 (a free one) to 65535.",
    ],
    [['./a.js', '-p'], "option '--port <port>' argument missing"],
    ...[
      ['--max-session-lifetime <duration>', '1h'],
      ['--when-full <policy>', 'reject'],
      ['--max-sessions-per-principal <count>', '5'],
      ['--history-size <count>', '8'],
      ['--retry-interval <duration>', '1s'],
      ['--resumable'],
      ['--session-store <store>', '.sessions'],
      ['--max-state-size <size>', '1kb'],
    ].map(([flag = '', ...value]): [string[], string] => [
      ['./a.js', '--stateless', flag.replace(/ .*/, ''), ...value],
      `option '${flag}' cannot be used with option '--stateless'`,
    ]),
    [
      ['./a.js', '--max-modern-requests', '5'],
      "option '--max-modern-requests <count>' has no effect without option '--modern serve'",
    ],
    [
      ['./a.js', '--modern', 'off', '--max-modern-requests-per-principal', '5'],
      "option '--max-modern-requests-per-principal <count>' has no effect without option '--modern serve'",
    ],
    [
      ['--modern', 'serve', '--', 'node'],
      "option '--modern serve' cannot be used with a command: a process speaks one revision, and is a session's",
    ],
    ...[[], ['--stateless']].map((others): [string[], string] => [
      ['./a.js', ...others, '--resume-timeout', '1s'],
      "option '--resume-timeout <duration>' has no effect without option '--resumable'",
    ]),
    ...['--park-after <duration>', '--max-parked-sessions <count>', '--restore-timeout <duration>'].map(
      (flag): [string[], string] => [
        ['./a.js', flag.replace(/ .*/, ''), flag.endsWith('<count>') ? '5' : '1m'],
        `option '${flag}' has no effect without option '--session-store <store>'`,
      ],
    ),
    ...[[], ['--session-idle-timeout', '2m']].map((more): [string[], string] => [
      ['./a.js', '--session-store', 'memory', '--park-after', '30m', ...more],
      `option '--park-after <duration>' has to be less than --session-idle-timeout (${more[1] ?? '30m'}), ` +
        'which ends a session that is idle for so long',
    ]),
    ...['', ' ', 'https://a.example', 'file:///tmp'].map((text): [string[], string] => [
      ['./a.js', '--session-store', text],
      `option '--session-store <store>' argument '${text}' is invalid. ` +
        `Not a session store: "${text}". Give memory, a directory, or redis://….`,
    ]),
    [
      ['./a.js', '--cors-headers', 'x-api-key'],
      "option '--cors-headers <names>' has no effect without option '--cors <origins>'",
    ],
    [
      ['./a.js', '--cors', '*', '--cors-headers', 'x-a;b'],
      "option '--cors-headers <names>' argument 'x-a;b' is invalid. Not the name of a header: \"x-a;b\".",
    ],
    [['./a.js', '--quiet', '--verbose'], "option '--quiet' cannot be used with option '--verbose'"],
  ])('%j', (argv, message) => {
    const failure = refusalOf(...argv);
    expect(failure.message).toBe(message);
    expect(failure.exitCode).toBe(EXIT_USAGE);
  });
});

test('--version and --help only print, in short as well', () => {
  for (const flag of ['--version', '-v']) {
    expect(parseArguments([flag], '1.2.3')).toEqual({ kind: 'print', text: '1.2.3\n' });
  }
  for (const argv of [['--help'], ['-h'], ['./a.js', '-h']]) {
    const text = expect.stringContaining('--session-idle-timeout <duration>');
    expect(parseArguments(argv, '1.2.3')).toMatchObject({ kind: 'print', text });
  }
  const text = expect.stringContaining('--slow-call <call>');
  expect(parseArguments(['model-test', '-h'], '1.2.3')).toMatchObject({ kind: 'print', text });
});
