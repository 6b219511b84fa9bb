/** Why a process could not be started: a code to branch on, and words that hold nothing secret. */
import { expect, test } from 'vitest';
import { spawnFailure } from '../../src/stdio/spawnFailure.ts';

const SPEC = { command: 'server', args: ['hunter2'], env: { TOKEN: 'hunter2' }, cwd: '/tmp' };

test.each([
  ['EAGAIN', 'SPAWN_UNAVAILABLE', 'there are too many processes'],
  ['EMFILE', 'SPAWN_UNAVAILABLE', 'this process has too many files open, `ulimit -n` says how many it may have'],
  ['ENFILE', 'SPAWN_UNAVAILABLE', 'the machine has too many files open'],
  ['ENOMEM', 'SPAWN_UNAVAILABLE', 'there is not enough memory'],
  ['ENOENT', 'COMMAND_NOT_FOUND', 'there is no such program, or none to interpret it'],
  ['EACCES', 'COMMAND_NOT_FOUND', 'it may not be executed'],
  ['ESOMETHING', 'COMMAND_NOT_FOUND', 'the system refuses it'],
])('%s is %s', (code, expected, why) => {
  const failure = spawnFailure(SPEC, Object.assign(new Error('spawn hunter2'), { code, spawnargs: ['hunter2'] }));
  expect(failure).toMatchObject({ code: expected, message: `The command "server" can't be started: ${why} (${code})` });
  expect(failure).not.toHaveProperty('cause');
});

test('a directory that is gone is no matter of what there is no room for', () => {
  const failure = spawnFailure({ ...SPEC, cwd: '/no/where' }, Object.assign(new Error('a'), { code: 'EAGAIN' }));
  expect(failure.code).toBe('SPAWN_UNAVAILABLE');
  expect(failure.message).not.toContain('/no/where');
});

test('what has no code is told of too', () => {
  expect(spawnFailure(SPEC, undefined).message).toContain('(unknown)');
});
