/** The command line: every flag, what it means to the supervisor, and what is refused. */
import { describe, expect, test } from 'vitest';
import { CommandFailure, EXIT_USAGE } from '../../src/cli/failure.ts';
import { type Flags, parseArguments } from '../../src/cli/program.ts';
import {
  DEFAULT_IDLE_TIMEOUT,
  DEFAULT_SHUTDOWN_TIMEOUT,
  toSupervisorOptions,
  uncheckedHosts,
} from '../../src/cli/supervisorOptions.ts';
import { OPTION_NAMES, resolveOptions } from '../../src/options.ts';

const server = () => Promise.reject(new Error('no server is built here'));
const LOOPBACK = { host: '127.0.0.1', port: 4321 };
const ANYWHERE = { host: '0.0.0.0', port: 4321 };

function flagsOf(...argv: string[]): Flags {
  const invocation = parseArguments(['./server.js', ...argv], '1.2.3');
  if (invocation.kind !== 'serve') throw new Error(`parsed as ${invocation.kind}`);
  return invocation.flags;
}

function refusalOf(...argv: string[]): CommandFailure {
  try {
    parseArguments(argv, '1.2.3');
  } catch (error) {
    if (error instanceof CommandFailure) return error;
    throw error;
  }
  throw new Error(`${argv.join(' ')} was accepted`);
}

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
    const { sessionIdleTimeout, shutdownTimeout } = resolveOptions({ server });
    expect([DEFAULT_IDLE_TIMEOUT, DEFAULT_SHUTDOWN_TIMEOUT]).toEqual([sessionIdleTimeout, shutdownTimeout]);
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
    ['--json-response', { enableJsonResponse: true }],
    ['--retry-interval 2s', { retryInterval: 2_000 }],
    ['--keep-alive-interval infinity', { keepAliveInterval: Number.POSITIVE_INFINITY }],
    ['--max-request-body-size 64kb', { maxRequestBodySize: 65_536 }],
    ['--request-body-timeout 10s', { requestBodyTimeout: 10_000 }],
    ['--max-stream-buffer 2mb', { maxStreamBuffer: 2_097_152 }],
    ['--resume-timeout 1m', { resumeTimeout: 60_000 }],
    ['--allowed-hosts a.example,b.example:8080', { allowedHosts: ['a.example', 'b.example:8080'] }],
    ['--allowed-origins https://a.example', { allowedOrigins: ['https://a.example'] }],
    ['--cors https://a.example', { cors: ['https://a.example'] }],
    ['--cors *', { cors: '*' }],
  ])('%s', (line, expected) => {
    const options = toSupervisorOptions(flagsOf(...line.split(' ')), ANYWHERE);
    expect(options).toEqual(expected);
    expect(() => resolveOptions({ ...options, server })).not.toThrow();
  });

  test('every option of the supervisor is a flag, unless a command line can’t express it', () => {
    const all = flagsOf(
      ...'--initialize-timeout 5s --max-session-lifetime 1h --max-sessions 5 --when-full reject'.split(' '),
      ...'--max-sessions-per-principal 3 --stateless --shutdown-timeout 1s --json-response --retry-interval 2s'.split(
        ' ',
      ),
      ...'--keep-alive-interval 1s --max-request-body-size 1kb --request-body-timeout 1s --max-stream-buffer 1kb'.split(
        ' ',
      ),
      ...'--resume-timeout 1s --history-size 8'.split(' '),
      ...'--allowed-hosts a --allowed-origins http://a --cors http://a'.split(' '),
    );
    // These exclude --stateless.
    const named = [...Object.keys(toSupervisorOptions(all, ANYWHERE)), 'sessionIdleTimeout', 'eventStore'];
    const inexpressible = ['server', 'principal', 'sessionIdGenerator', 'clock', 'inspect', 'logger'];
    expect([...named, ...inexpressible].sort()).toEqual([...OPTION_NAMES].sort());
  });
});

test('--resumable keeps events in memory, one store for each supervisor', () => {
  const flags = flagsOf('--resumable');
  const [first, second] = [1, 2].map(() => toSupervisorOptions(flags, ANYWHERE).eventStore);
  expect(first).toMatchObject({ events: 0, bytes: 0 });
  expect(first).not.toBe(second);
  expect(() => resolveOptions({ eventStore: first, server })).not.toThrow();
});

test('the sessions are shown where that is asked for, on any free port unless one is named', () => {
  expect(flagsOf()).not.toHaveProperty('inspect');
  expect(flagsOf('--inspect')).toMatchObject({ inspect: 0 });
  expect(flagsOf('--inspect', '8081', '--port', '0')).toMatchObject({ inspect: 8_081, port: 0 });
  expect(flagsOf('--inspect-allow-terminate')).toMatchObject({ inspect: 0, inspectAllowTerminate: true });
  const both = flagsOf('--inspect-allow-terminate', '--inspect', '8081');
  expect(both).toMatchObject({ inspect: 8_081, inspectAllowTerminate: true });
});

describe('who may ask', () => {
  test('on loopback: loopback names, and loopback origins of the port', () => {
    expect(toSupervisorOptions(flagsOf(), LOOPBACK)).toEqual({
      allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
      allowedOrigins: ['http://localhost:4321', 'http://127.0.0.1:4321', 'http://[::1]:4321'],
    });
  });

  test.each([
    ['localhost', 'localhost'],
    ['::1', '[::1]'],
    ['127.0.0.5', '127.0.0.5'],
  ])('%s is loopback, and among the names', (host, name) => {
    const { allowedHosts, allowedOrigins } = toSupervisorOptions(flagsOf(), { host, port: 4321 });
    expect(allowedHosts).toContain(name);
    expect(allowedOrigins).toContain(`http://${name}:4321`);
  });

  test('the origin of port 80 is written without it', () => {
    const { allowedOrigins } = toSupervisorOptions(flagsOf(), { host: '127.0.0.1', port: 80 });
    expect(allowedOrigins).toContain('http://localhost');
  });

  test('origins of --cors may ask as well', () => {
    const { allowedOrigins } = toSupervisorOptions(flagsOf('--cors', 'https://a.example'), LOOPBACK);
    expect(allowedOrigins).toEqual([
      'http://localhost:4321',
      'http://127.0.0.1:4321',
      'http://[::1]:4321',
      'https://a.example',
    ]);
    expect(toSupervisorOptions(flagsOf('--cors', '*'), LOOPBACK).allowedOrigins).toBeUndefined();
  });

  test('flags that say otherwise win, and * turns a check off', () => {
    const argv = ['--allowed-hosts', 'a.example', '--allowed-origins', 'https://a.example'];
    expect(toSupervisorOptions(flagsOf(...argv), LOOPBACK)).toEqual({
      allowedHosts: ['a.example'],
      allowedOrigins: ['https://a.example'],
    });
    expect(toSupervisorOptions(flagsOf('--allowed-hosts', '*', '--allowed-origins', '*'), LOOPBACK)).toEqual({});
  });
});

test('a host that other machines reach is warned of, unless its names are given', () => {
  const warning = '0.0.0.0 is not loopback, and without --allowed-hosts any Host header is accepted';
  expect(uncheckedHosts(flagsOf('--host', '0.0.0.0'))).toBe(warning);
  expect(uncheckedHosts(flagsOf('--host', '0.0.0.0', '--allowed-hosts', 'a.example'))).toBeUndefined();
  expect(uncheckedHosts(flagsOf('--host', '0.0.0.0', '--allowed-hosts', '*'))).toBeUndefined();
  expect(uncheckedHosts(flagsOf())).toBeUndefined();
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
    [['./a.js', '--stateless', '--resumable'], "option '--resumable' cannot be used with option '--stateless'"],
    [['./a.js', '--stateless', '--inspect'], "option '--inspect [port]' cannot be used with option '--stateless'"],
    [
      ['--inspect', './a.js'],
      "option '--inspect [port]' argument './a.js' is invalid. Not a port: \"./a.js\". Ports are 0 (a free one) to 65535.",
    ],
    [['./a.js', '--quiet', '--verbose'], "option '--quiet' cannot be used with option '--verbose'"],
  ])('%j', (argv, message) => {
    const failure = refusalOf(...argv);
    expect(failure.message).toBe(message);
    expect(failure.exitCode).toBe(EXIT_USAGE);
  });
});

test('--version and --help only print', () => {
  expect(parseArguments(['--version'], '1.2.3')).toEqual({ kind: 'print', text: '1.2.3\n' });
  const help = parseArguments(['--help'], '1.2.3');
  expect(help).toMatchObject({ kind: 'print', text: expect.stringContaining('--session-idle-timeout <duration>') });
});
