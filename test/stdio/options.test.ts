/** The options of a server that is a command: what is refused, by which code, and without a secret in the words. */
import { describe, expect, test } from 'vitest';
import { type StdioServerOptions, stdioServer } from '../../src/stdio/index.ts';
import { initializeBody, post } from '../support/wire.ts';
import { serveProcesses } from './simulatedProcesses.ts';

const refusal = (options: object): { code: string; message: string } => {
  try {
    stdioServer({ command: 'x', ...options } as StdioServerOptions);
  } catch (error) {
    return error as never;
  }
  throw new Error('It was taken');
};

describe('refused at once', () => {
  test.each([
    [{ command: 'a\0b' }, 'INVALID_OPTION', /^command must be a text that is not empty and has no NUL/],
    [{ command: '' }, 'INVALID_OPTION', /^command must be/],
    [{ args: ['secret\0'] }, 'INVALID_OPTION', /^args must be an array of strings without NUL; got an array$/],
    [{ args: ['a', 1] }, 'INVALID_OPTION', /^args must be/],
    [{ cwd: 'a\0b' }, 'INVALID_OPTION', /^cwd must be/],
    [{ env: 'secret' }, 'INVALID_OPTION', /^env must be an object of variables, or a function .*; got "string"$/],
    [{ env: ['secret'] }, 'INVALID_OPTION', /^env must be/],
    [{ env: new Map([['A', 'secret']]) }, 'INVALID_OPTION', /^env must be/],
    [{ warm: 1_025 }, 'INVALID_OPTION', /^warm must be a whole number from 0 to 1024; got 1025$/],
    [{ warm: -1 }, 'INVALID_OPTION', /^warm must be/],
    [{ maxRestarts: 2 }, 'CONFLICTING_OPTIONS', /^maxRestarts has no effect while restart is 'temporary'/],
    [{ restart: 'temporary', maxSeconds: 2 }, 'CONFLICTING_OPTIONS', /^maxSeconds has no effect while restart/],
    [{ restart: 'always' }, 'INVALID_OPTION', /^restart must be 'temporary' or 'transient' or 'permanent'/],
  ])('%j: %s', (options, code, message) => {
    const refused = refusal(options);
    expect([refused.code, refused.message]).toEqual([code, expect.stringMatching(message)]);
    expect(refused.message).not.toContain('secret');
  });

  test('and not what is allowed', () => {
    const env = Object.assign(Object.create(null), { A: '1' });
    expect(stdioServer({ command: 'x', env, warm: 1_024, restart: 'transient', maxRestarts: 0 })).toBeTypeOf(
      'function',
    );
  });
});

describe('refused when a session asks', () => {
  test.each([
    ['a text', 'secret'],
    ['an array', ['secret']],
    ['null', null],
    ['a map', new Map([['A', 'secret']])],
    ['a promise of a number', Promise.resolve(7)],
    ['a variable that is no text', { A: 1 }],
    ['a name that none can have', { 'A=secret': '1' }],
  ])('a function for env that returns %s', async (_, value) => {
    const { url, log, launcher } = await serveProcesses({ env: () => value as never });
    expect((await post(url, initializeBody())).status).toBe(500);
    const told = log.find(({ error }) => error !== undefined);
    expect(told?.error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringMatching(/^env\b/) });
    expect(String(told?.error)).not.toContain('secret');
    expect(launcher.processes).toEqual([]);
  });
});
