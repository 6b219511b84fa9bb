/** The flags of the operator's listener: what they mean, and what is refused. */
import { describe, expect, test } from 'vitest';
import { EXIT_USAGE } from '../../src/cli/failure.ts';
import { flagsOf } from './flags.ts';

test.each([
  ['127.0.0.1:9464', { host: '127.0.0.1', port: 9_464 }],
  ['[::1]:0', { host: '::1', port: 0 }],
  ['localhost:80', { host: 'localhost', port: 80 }],
  ['/run/mcp/admin.sock', { path: '/run/mcp/admin.sock' }],
  ['./admin.sock', { path: './admin.sock' }],
  ['./a:1', { path: './a:1' }],
])('--admin %s', (place, expected) => {
  expect(flagsOf('--admin', place).admin).toEqual(expected);
});

test('the others go with it', () => {
  const line = '--admin x:1 --admin-token-file t --admin-allow-changes --admin-allowed-hosts a,b --admin-inspector';
  expect(flagsOf(...line.split(' '))).toMatchObject({
    adminTokenFile: 't',
    adminAllowChanges: true,
    adminAllowedHosts: ['a', 'b'],
    adminInspector: true,
  });
  expect(flagsOf('--drain-delay', '5s')).toMatchObject({ drainDelay: 5_000 });
  expect(flagsOf('--drain-delay', '0s')).toMatchObject({ drainDelay: 0 });
});

describe('refused', () => {
  test.each([
    ['--admin 9464', /Not where to listen: "9464"\. Give 127\.0\.0\.1:9464, or the path of a unix socket with a slash/],
    ['--admin :9464', /Not where to listen: ":9464"/],
    ['--admin admin.sock', /Not where to listen: "admin\.sock"/],
    ['--admin a:70000', /Not a port: "70000"/],
    ['--admin-token-file t', /'--admin-token-file <file>' has no effect without option '--admin <place>'/],
    ['--admin-allow-changes', /'--admin-allow-changes' has no effect without option '--admin <place>'/],
    ['--admin-allowed-hosts a', /'--admin-allowed-hosts <names>' has no effect without option '--admin <place>'/],
    ['--admin-inspector', /'--admin-inspector' has no effect without option '--admin <place>'/],
    ['--admin a:1 --admin-allowed-hosts *', /Names, not \*: any name would let any page of the web ask/],
    ['--admin a:1 --admin-inspector --stateless', /cannot be used with option '--stateless'/],
    [
      '--admin a:1 --admin-inspector --quiet',
      /'--admin-inspector' needs option '--admin-token-file <file>' where --quiet/,
    ],
    ['--admin a:1 --admin-allow-changes --quiet', /needs option '--admin-token-file <file>' where --quiet/],
    ['--drain-delay infinity', /'--drain-delay <duration>' argument 'infinity' is invalid/],
  ])('%s', (line, message) => {
    expect(() => flagsOf(...line.split(' '))).toThrow(
      expect.objectContaining({ exitCode: EXIT_USAGE, message: expect.stringMatching(message) }),
    );
  });
});
