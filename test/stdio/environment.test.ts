/** What a process gets of our environment: a pure function, so every platform is tried here. */
import { describe, expect, test } from 'vitest';
import { SupervisorError } from '../../src/errors.ts';
import { childEnvironment, type EnvironmentOptions } from '../../src/stdio/environment.ts';

const SECRET = 'hunter2';
const OURS = {
  HOME: '/home/a',
  LOGNAME: 'a',
  PATH: '/bin',
  SHELL: '/bin/sh',
  TERM: 'xterm',
  USER: 'a',
  LANG: 'de_DE.UTF-8',
  LC_ALL: 'C',
  LC_TIME: 'C',
  TZ: 'UTC',
  TMPDIR: '/tmp',
  API_TOKEN: SECRET,
  HTTP_PROXY: 'http://proxy',
  NODE_OPTIONS: '--inspect',
  LD_PRELOAD: 'a.so',
  'BASH_FUNC_x%%': '() { :; }',
};
const { API_TOKEN: _, HTTP_PROXY: __, NODE_OPTIONS: ___, LD_PRELOAD: ____, 'BASH_FUNC_x%%': _____, ...SAFE } = OURS;

const of = (options: EnvironmentOptions, ours: Record<string, string | undefined> = OURS) =>
  childEnvironment(options, ours, 'linux');

describe('the environment of a process', () => {
  test('is the safe list by default: a secret of ours is absent', () => {
    expect(of({})).toEqual(SAFE);
  });

  test('has more by name, as far as we have it', () => {
    expect(of({ inherit: ['API_TOKEN', 'MISSING'] })).toEqual({ ...SAFE, API_TOKEN: SECRET });
  });

  test('has more by value, which wins', () => {
    const env = { HOME: '/srv', API_TOKEN: 'other', EMPTY: '' };
    expect(of({ env, inherit: ['API_TOKEN'] })).toEqual({ ...SAFE, ...env });
  });

  test('is all of ours when asked for', () => {
    const { 'BASH_FUNC_x%%': _, ...all } = OURS;
    expect(of({ inherit: 'all' })).toEqual(all);
  });

  test('has no function of a shell, but by its name', () => {
    const ours = { HOME: '() { evil; }', PATH: '/bin' };
    expect(of({}, ours)).toEqual({ PATH: '/bin' });
    expect(of({ inherit: ['HOME'] }, ours)).toEqual(ours);
    expect(of({ env: { F: '() { :; }' } }, ours)).toEqual({ PATH: '/bin', F: '() { :; }' });
  });

  test('has what is called __proto__ as anything else', () => {
    const env = JSON.parse('{"__proto__":"a"}');
    expect(Object.entries(of({ env }, {}))).toEqual([['__proto__', 'a']]);
  });

  test('changes nothing of ours', () => {
    const ours = Object.freeze({ ...OURS });
    expect(of({ env: { HOME: 'b' }, inherit: 'all' }, ours)['HOME']).toBe('b');
    expect(ours.HOME).toBe('/home/a');
  });

  test('on Windows does not tell Path from PATH', () => {
    const ours = { Path: 'C:\\bin', SystemRoot: 'C:\\Windows', Secret: SECRET, '=C:': 'C:\\' };
    expect(childEnvironment({}, ours, 'win32')).toEqual({ Path: 'C:\\bin', SystemRoot: 'C:\\Windows' });
    expect(childEnvironment({ env: { PATH: 'D:' }, inherit: ['SECRET'] }, ours, 'win32')).toEqual({
      PATH: 'D:',
      SystemRoot: 'C:\\Windows',
      Secret: SECRET,
    });
  });

  test.each<[string, EnvironmentOptions, RegExp]>([
    ['an empty name', { env: { '': SECRET } }, /^env: "" is no name/],
    ['a name with =', { inherit: [`TOKEN=${SECRET}`] }, /^inherit: "TOKEN=…" is no name/],
    ['a name with NUL', { env: { 'A\0': SECRET } }, /^env: "A\\u0000" is no name/],
    ['a value with NUL', { env: { TOKEN: `${SECRET}\0` } }, /^env: the value of TOKEN must be/],
    [
      'a value that is no string',
      { env: { TOKEN: [SECRET] as unknown as string } },
      /^env: the value of TOKEN must be/,
    ],
  ])('refuses %s, and names no value', (_, options, message) => {
    let thrown: unknown;
    try {
      of(options);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(SupervisorError);
    expect(thrown).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringMatching(message) });
    expect(String(thrown)).not.toContain(SECRET);
  });
});
