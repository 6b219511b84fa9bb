/** The flags of a node, and the option `cluster` that they make. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toClusterOptions } from '../../src/cli/clusterOptions.ts';
import { createMemoryDirectory, createMemorySessionStore } from '../../src/index.ts';
import { resolveOptions } from '../../src/options.ts';
import { server } from '../support/givenOptions.ts';
import { flagsOf } from './flags.ts';

const directory = createMemoryDirectory();

function secretFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'secrets');
  writeFileSync(file, text);
  return file;
}

const NODE = ['--session-store', 'memory', '--node', 'a', '--peer-listen'];

test('make the option, with the directory of the session store', () => {
  const file = secretFile('the first secret of all\n\nthe second one of all\n');
  const flags = flagsOf(...NODE, '[::1]:7000', '--peer-url', 'http://10.0.0.7:7000', '--cluster-secret-file', file);
  const cluster = toClusterOptions(flags, { directory });
  expect(cluster).toEqual({
    directory,
    node: 'a',
    listen: { host: '::1', port: 7_000 },
    url: 'http://10.0.0.7:7000',
    secrets: ['the first secret of all', 'the second one of all'],
  });
  expect(() => resolveOptions({ server, sessionStore: createMemorySessionStore(), cluster })).not.toThrow();
});

test('of two files each has a secret: the first one signs, and neither is dropped', () => {
  const files = ['the new secret of all\n', 'the old secret of all'].map(secretFile);
  const given = files.flatMap((file) => ['--cluster-secret-file', file]);
  const cluster = toClusterOptions(flagsOf(...NODE, '127.0.0.1:0', ...given), { directory });
  expect(cluster?.secrets).toEqual(['the new secret of all', 'the old secret of all']);
  const three = flagsOf(...NODE, '127.0.0.1:0', ...given, '--cluster-secret-file', secretFile('a third secret of all'));
  expect(() => toClusterOptions(three, { directory })).toThrow('there have to be one or two different lines');
});

test('without --node there is no cluster', () => {
  expect(toClusterOptions(flagsOf(), { directory })).toBe(undefined);
});

test('a session store of one process is refused, with one that is for several', () => {
  const flags = flagsOf(...NODE, '127.0.0.1:0', '--cluster-secret-file', secretFile('the first secret of all'));
  expect(() => toClusterOptions(flags, {})).toThrow(/needs a session store .* redis:/);
});

test.each(['0.0.0.0:7000', '[::]:7000'])('%s is where nobody is reached, and needs a URL', (address) => {
  const file = secretFile('the first secret of all');
  const flags = flagsOf(...NODE, address, '--cluster-secret-file', file);
  expect(() => toClusterOptions(flags, { directory })).toThrow("say by '--peer-url <url>'");
  const reached = flagsOf(...NODE, address, '--cluster-secret-file', file, '--peer-url', 'http://10.0.0.7:7000');
  expect(toClusterOptions(reached, { directory })?.url).toBe('http://10.0.0.7:7000');
});

describe('the file of secrets', () => {
  test.each([
    ['', 'there have to be one or two different lines'],
    ['a secret of all nodes\na secret of all nodes', 'there have to be one or two different lines'],
    [
      'one of three secrets\ntwo of three secrets\nthree of three secrets',
      'there have to be one or two different lines',
    ],
    ['too short', 'each line has to have 16 bytes or more'],
    ['x'.repeat(65_537), 'that is too large'],
  ])('%#: %s', (text, why) => {
    const flags = flagsOf(...NODE, '127.0.0.1:0', '--cluster-secret-file', secretFile(text));
    expect(() => toClusterOptions(flags, { directory })).toThrow(why);
  });

  test('that is not there', () => {
    const flags = flagsOf(...NODE, '127.0.0.1:0', '--cluster-secret-file', '/no/such/file');
    expect(() => toClusterOptions(flags, { directory })).toThrow('cannot use the secrets in /no/such/file');
  });
});

describe.each([
  [['--node', 'a'], "'--node <name>' has no effect without option '--session-store <store>'"],
  [['--node', 'a', '--session-store', 'memory'], "without option '--peer-listen <host:port>'"],
  [[...NODE, '127.0.0.1:0'], "without option '--cluster-secret-file <file>'"],
  [['--peer-listen', '127.0.0.1:0'], "'--peer-listen <host:port>' has no effect without option '--node <name>'"],
  [['--peer-url', 'http://a:1'], "'--peer-url <url>' has no effect without option '--node <name>'"],
  [['--cluster-secret-file', 'a'], "'--cluster-secret-file <file>' has no effect without option '--node <name>'"],
  [['--node', 'a.b'], 'Not a name of a node'],
  [['--node', 'a', '--peer-listen', '7000'], 'Not host:port'],
  [['--node', 'a', '--peer-listen', 'a:70000'], 'Not a port'],
  [['--node', 'a', '--peer-url', '10.0.0.7:7000'], 'Not where a node is reached'],
  [['--node', 'a', '--peer-url', 'http://10.0.0.7/path'], 'Not where a node is reached'],
])('%j', (line, words) => {
  test('is refused', () => {
    expect(() => flagsOf(...line)).toThrow(words);
  });
});
