/** The option `cluster`: what it takes, and what it refuses in which words. */
import { describe, expect, test } from 'vitest';
import { createMemoryDirectory, createMemorySessionStore, createSessionSupervisor } from '../../src/index.ts';
import type { LogEntry } from '../../src/options.ts';
import { refusal, resolve, server } from '../support/givenOptions.ts';

const directory = createMemoryDirectory();
const sessionStore = createMemorySessionStore();
const given = {
  directory,
  node: 'node-1_A',
  listen: { host: '127.0.0.1', port: 0 },
  secrets: ['sixteen bytes long'],
};
const cluster = (changed: object) => ({ sessionStore, cluster: { ...given, ...changed } });

test('defaults: leases of 5 s, HTTP, the address that is bound', () => {
  expect(resolve(cluster({})).cluster).toEqual({ ...given, leaseTime: 5_000, url: undefined, network: undefined });
});

describe('is taken', () => {
  test.each([
    { node: 'a' },
    { node: 'x'.repeat(32) },
    { secrets: ['sixteen bytes lo', 'another one of 16'] },
    { secrets: [new Uint8Array(16)] },
    { leaseTime: 100 },
    { leaseTime: 600_000 },
    { url: 'https://10.0.0.7:8443' },
    { listen: { host: '0.0.0.0', port: 7_000 }, url: 'http://10.0.0.7:7000' },
    { listen: { host: '10.0.0.7', port: 7_000, tls: { key: 'PEM', cert: Buffer.from('PEM'), ca: 'PEM' } } },
    { network: { listen() {}, send() {} } },
  ])('%o', (changed) => {
    expect(resolve(cluster(changed)).cluster).toBeDefined();
  });
});

describe('is refused', () => {
  test.each<[changed: object, words: string]>([
    [{ directory: undefined }, 'cluster.directory must be an object with join()'],
    [{ directory: {} }, 'cluster.directory must be an object with join()'],
    [{ node: undefined }, 'cluster.node must be 1 to 32 letters, digits, - and _'],
    [{ node: '' }, 'cluster.node must be 1 to 32 letters'],
    [{ node: 'a.b' }, 'cluster.node must be 1 to 32 letters'],
    [{ node: 'x'.repeat(33) }, 'cluster.node must be 1 to 32 letters'],
    [{ listen: undefined }, 'cluster.listen must be an object'],
    [{ listen: { port: 1 } }, 'cluster.listen.host must be a name or an address to bind'],
    [{ listen: { host: '127.0.0.1', port: '1' } }, 'cluster.listen.port must be a whole number'],
    [{ listen: { host: '127.0.0.1', port: 65_536 } }, 'cluster.listen.port must be a whole number'],
    [{ listen: { host: '127.0.0.1', port: 1, tls: {} } }, 'cluster.listen.tls.key must be PEM'],
    [{ listen: { host: '0.0.0.0', port: 1 } }, 'cluster.url must be given where cluster.listen binds all addresses'],
    [{ listen: { host: '::', port: 1 } }, 'cluster.url must be given where'],
    [{ url: '10.0.0.7:80' }, 'cluster.url must be http://host:port'],
    [{ url: 'http://10.0.0.7/path' }, 'cluster.url must be http://host:port'],
    [{ url: 'http://me:secret@10.0.0.7' }, 'cluster.url must be http://host:port'],
    [{ secrets: 'sixteen bytes long' }, 'cluster.secrets must be an array of one or two'],
    [{ secrets: [] }, 'cluster.secrets must be an array of one or two'],
    [{ secrets: ['too short'] }, 'cluster.secrets must be an array of one or two'],
    [
      { secrets: ['sixteen bytes long', 'sixteen bytes long'] },
      'cluster.secrets must be an array of one or two different',
    ],
    [{ secrets: ['1', '2', '3'].map((s) => s.repeat(16)) }, 'cluster.secrets must be an array of one or two'],
    [{ leaseTime: 99 }, 'cluster.leaseTime must be a number of milliseconds from 100 to 600000'],
    [{ leaseTime: Number.POSITIVE_INFINITY }, 'cluster.leaseTime must be a number of milliseconds'],
    [{ network: {} }, 'cluster.network must be an object with listen()'],
  ])('%o', (changed, words) => {
    const { code, message } = refusal(cluster(changed));
    expect(code).toBe('INVALID_OPTION');
    expect(message.startsWith(words), message).toBe(true);
    expect(message).not.toContain('sixteen');
  });

  test('a member that there is not, with the one that was meant', () => {
    expect(refusal(cluster({ leasetime: 5 }))).toEqual({
      code: 'UNKNOWN_OPTION',
      message: 'There is no option leasetime; did you mean leaseTime?',
    });
    expect(refusal(cluster({ listen: { ...given.listen, hostname: 'x' } })).code).toBe('UNKNOWN_OPTION');
  });

  test('what is no object', () => {
    for (const value of [null, 'a', true, []])
      expect(refusal({ sessionStore, cluster: value }).code).toBe('INVALID_OPTION');
  });
});

describe('is doubted', () => {
  const doubts = (options: object) => {
    const log: LogEntry[] = [];
    resolve({ ...options, logger: (entry: LogEntry) => log.push(entry) });
    return log.map(({ event, option, message }) => [event, option, message]);
  };

  test('leases that a pause outlasts, and those that no request waits for', () => {
    expect(doubts(cluster({ leaseTime: 999 }))).toEqual([
      ['option.doubtful', 'cluster', expect.stringContaining('cluster.leaseTime is 999 ms')],
    ]);
    expect(doubts({ ...cluster({}), restoreTimeout: 5_000 })).toEqual([
      ['option.doubtful', 'cluster', expect.stringContaining('restoreTimeout is 5000')],
    ]);
    expect(doubts(cluster({ leaseTime: 1_000 }))).toEqual([]);
  });
});

test('without it ids are as they were, and stats say nothing of a cluster', async () => {
  const supervisor = createSessionSupervisor({ server, sessionStore });
  expect(supervisor.stats()).not.toHaveProperty('cluster');
  await supervisor.drain();
});
