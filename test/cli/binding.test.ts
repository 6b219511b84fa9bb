/** What the address that was bound decides: which hosts and origins the command accepts. */
import { describe, expect, test } from 'vitest';
import { toSupervisorOptions, uncheckedHosts } from '../../src/cli/supervisorOptions.ts';
import { flagsOf } from './flags.ts';

const LOOPBACK = { host: '127.0.0.1', address: '127.0.0.1', port: 4321 };

describe('who may ask', () => {
  test('on loopback: loopback names, and loopback origins of the port', () => {
    expect(toSupervisorOptions(flagsOf(), LOOPBACK)).toEqual({
      allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
      allowedOrigins: ['http://localhost:4321', 'http://127.0.0.1:4321', 'http://[::1]:4321'],
    });
  });

  test.each([
    ['localhost', '127.0.0.1', 'localhost', 'http://localhost:4321'],
    ['localhost', '::1', 'localhost', 'http://localhost:4321'],
    ['::1', '::1', '[::1]', 'http://[::1]:4321'],
    ['127.0.0.5', '127.0.0.5', '127.0.0.5', 'http://127.0.0.5:4321'],
    ['127.1', '127.0.0.1', '127.1', 'http://127.0.0.1:4321'],
    ['2130706433', '127.0.0.1', '2130706433', 'http://127.0.0.1:4321'],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.1', '[::ffff:7f00:1]', 'http://[::ffff:7f00:1]:4321'],
    ['my-laptop', '127.0.1.1', 'my-laptop', 'http://127.0.1.1:4321'],
  ])('%s is loopback where it is bound as %s, and among the names', (host, address, name, origin) => {
    const binding = { host, address, port: 4321 };
    const { allowedHosts, allowedOrigins } = toSupervisorOptions(flagsOf(), binding);
    expect(allowedHosts).toContain(name);
    expect(allowedOrigins).toContain(origin);
    expect(uncheckedHosts(flagsOf(), binding)).toBeUndefined();
  });

  test.each([
    ['0.0.0.0', '0.0.0.0', '0.0.0.0'],
    ['0', '0.0.0.0', '0 (0.0.0.0)'],
    ['::', '::', '::'],
    ['', '::', 'no host (::)'],
    ['localhost', '192.0.2.1', 'localhost (192.0.2.1)'],
    ['127.0.0.1.example', '192.0.2.1', '127.0.0.1.example (192.0.2.1)'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1%eth0', 'fe80::1%eth0'],
  ])('%j is not where it is bound as %s: a warning', (host, address, told) => {
    const binding = { host, address, port: 4321 };
    expect(toSupervisorOptions(flagsOf(), binding)).toEqual({});
    const warning = `${told} is not loopback, and without --allowed-hosts any Host header is accepted`;
    expect(uncheckedHosts(flagsOf(), binding)).toBe(warning);
    expect(uncheckedHosts(flagsOf('--allowed-hosts', 'a.example'), binding)).toBeUndefined();
    expect(uncheckedHosts(flagsOf('--allowed-hosts', '*'), binding)).toBeUndefined();
  });

  test('the origin of port 80 is written without it', () => {
    const { allowedOrigins } = toSupervisorOptions(flagsOf(), { ...LOOPBACK, port: 80 });
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
    const withHeaders = flagsOf('--cors', 'https://a.example', '--cors-headers', 'x-api-key');
    expect(toSupervisorOptions(withHeaders, LOOPBACK).allowedOrigins).toEqual(allowedOrigins);
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
