/** The command with a command behind it: real processes, one for each session. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EXIT_USAGE } from '../../src/cli/failure.ts';
import { parseArguments } from '../../src/cli/program.ts';
import { useCommand } from '../cli/command.ts';
import { until } from '../support/until.ts';
import { call, del, initialize } from '../support/wire.ts';

const command = useCommand();
const SERVER = fileURLToPath(new URL('../cli/fixtures/stdioServer.js', import.meta.url));

/** Serves the fixture; resolves when it listens. */
async function serve(...flags: string[]) {
  const running = command.run(['--port', '0', ...flags, '--', process.execPath, SERVER]);
  return { running, url: await running.url() };
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('the command line', () => {
  test('after -- stands a program with its arguments, whatever they look like', () => {
    const parsed = parseArguments(['--max-sessions', '3', '--', 'npx', '-y', '--port', '--', 'x'], '1.2.3');
    expect(parsed).toMatchObject({
      kind: 'serveCommand',
      command: ['npx', '-y', '--port', '--', 'x'],
      flags: { maxSessions: 3 },
    });
  });

  test('--inspect takes no port from behind --', () => {
    expect(parseArguments(['--inspect', '--', '9000'], '1.2.3')).toMatchObject({
      command: ['9000'],
      flags: { inspect: 0 },
    });
  });

  test('variables are given one by one', () => {
    const flags = ['--env', 'A', '--env', 'B=1=2', '--env-file', '.env', '--inherit-env', '--cwd', '/tmp'];
    const more = [
      '--restart',
      'transient',
      '--max-restarts',
      '5',
      '--max-seconds',
      '60',
      '--warm',
      '2',
      '--show-stderr',
    ];
    expect(parseArguments([...flags, ...more, '--', 'x'], '1.2.3')).toMatchObject({
      flags: {
        env: [
          { name: 'A', value: undefined },
          { name: 'B', value: '1=2' },
        ],
        envFile: '.env',
        inheritEnv: true,
        cwd: '/tmp',
        restart: 'transient',
        maxRestarts: 5,
        maxSeconds: 60,
        warm: 2,
        showStderr: true,
      },
    });
  });

  test.each([
    [['--'], 'there is no command after --'],
    [['./module.js', '--', 'x'], 'give a module (./module.js) or a command after --, not both'],
    [['--stateless', '--', 'x'], "option '--stateless' cannot be used with a command: each session is a process"],
    [
      ['npx', '-y', 'a-server', 'secret-argument'],
      'npx is a program: write its command after --, as mcp-session-supervisor [options] -- npx …',
    ],
    [
      ['--port', '0', '--env', 'A', 'node', 'server.py'],
      'node is a program: write its command after --, as mcp-session-supervisor [options] -- node …',
    ],
    [
      [process.execPath, '-p', 'secret-argument'],
      `${process.execPath} is a program: write its command after --, as mcp-session-supervisor [options] -- ${process.execPath} …`,
    ],
    [['./server.js', '-y'], "unknown option '-y'"],
    [['no-such-program', '-y'], "unknown option '-y'"],
    [['--prot', '3', 'npx', '-y'], "unknown option '--prot' (Did you mean --port?)"],
    [
      ['--', 'npx -y a-server secret-argument'],
      `"npx …" after -- is one word, and no program is called so: write its words one by one (-- npx …), or a shell's line as -- sh -c '…'`,
    ],
    [['./module.js', '--warm', '2'], "option '--warm' has no effect without a command after --"],
    [['./module.js', '--env', 'A=secret'], "option '--env' has no effect without a command after --"],
    [
      ['--max-restarts', '2', '--', 'x'],
      "option '--max-restarts <count>' has no effect without option '--restart <policy>'",
    ],
  ])('%j: %s', (argv, message) => {
    expect(() => parseArguments(argv, '1.2.3')).toThrow(expect.objectContaining({ message, exitCode: EXIT_USAGE }));
  });
});

test('each session has a process, which ends with it, and with the command', async () => {
  const { running, url } = await serve();
  expect(running.lines(/ server /)[0]).toMatch(/tiny 1\.0\.0/);
  expect(running.lines(/ processes /)[0]).toBe('  processes     one for each session, at most 64 (--max-sessions)');
  const [first, second] = [await initialize(url), await initialize(url)];
  const pidOf = async (sessionId: string) => (await call(url, sessionId, 'env')).messages()[0]?.result.pid as number;
  const pids = [await pidOf(first.sessionId), await pidOf(second.sessionId)] as [number, number];
  expect(pids.map(isAlive)).toEqual([true, true]);
  await del(url, first.headers);
  await until(() => !isAlive(pids[0]));
  expect(isAlive(pids[1])).toBe(true);
  running.kill('SIGTERM');
  expect(await running.exited()).toEqual({ code: 0, signal: null });
  await until(() => !isAlive(pids[1]));
});

test('case 67: a process has the safe variables and those of the flags; no value is printed', async () => {
  const file = join(command.directory, 'variables.env');
  await writeFile(file, 'FROM_FILE=f1le\nBOTH=f1le2\n');
  const { running, url } = await serve(
    '--env',
    'GIVEN=g1ven',
    '--env',
    'BOTH=g1ven2',
    '--env',
    'VITEST',
    '--env',
    'ABSENT',
    '--env-file',
    file,
    '--cwd',
    '/tmp',
    '--verbose',
  );
  const { sessionId } = await initialize(url);
  const { env, cwd } = (await call(url, sessionId, 'env')).messages()[0]?.result ?? {};
  expect(env).toMatchObject({
    GIVEN: 'g1ven',
    BOTH: 'g1ven2',
    FROM_FILE: 'f1le',
    VITEST: 'true',
    PATH: process.env['PATH'],
  });
  expect([cwd, 'ABSENT' in env, 'VITEST_POOL_ID' in env]).toEqual(['/tmp', false, false]);
  await running.errorLine(/--env ABSENT: there is no such variable here/).catch(() => running.line(/--env ABSENT/));
  expect(running.stdout + running.stderr).not.toMatch(/g1ven|f1le/);
});

test('a process that dies ends its session with the reason; one that is restarted does not', async () => {
  const { running, url } = await serve('--restart', 'transient', '--show-stderr');
  const { sessionId } = await initialize(url);
  const lost = (await call(url, sessionId, 'die', { code: 7 })).messages()[0]?.error;
  expect(lost?.message).toBe("the server's process exited with code 7; its last words: last words");
  const answer = await call(url, sessionId, 'echo', { text: 'x' }, 2);
  expect(answer.messages()[0]?.result.args).toEqual({ text: 'x' });
  const gone = (await call(url, sessionId, 'die', { code: 0 }, 3)).messages()[0]?.error;
  expect(gone?.message).toMatch(/^Session ended: closed: the server's process exited with code 0/);
  expect((await call(url, sessionId, 'echo', {}, 4)).status).toBe(404);
  expect(running.stdout).toContain('last words');
});

describe('a command that can’t be served', () => {
  test('for want of -- is told how it is written, where its name alone stands for a module', async () => {
    const running = command.run(['--port', '0', 'npx']);
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    expect(running.stderr).toMatch(
      /^mcp-session-supervisor: cannot find the module npx: [^\n]*; npx is a program: write its command after --, as [^\n]* -- npx …\n$/,
    );
  });

  test('a program whose name has a blank is one all the same', async () => {
    const path = join(command.directory, 'a server');
    await writeFile(path, '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    expect(parseArguments(['--', path], '1.2.3')).toMatchObject({ command: [path] });
    expect(parseArguments(['--cwd', command.directory, '--', './a server'], '1.2.3')).toMatchObject({
      kind: 'serveCommand',
    });
  });

  test('case 1: is told in one line, with exit code 1', async () => {
    const running = command.run(['--port', '0', '--', 'no-such-program', 'secret-argument']);
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    expect(running.stderr).toMatch(/^mcp-session-supervisor: [^\n]*"no-such-program" can't be started: [^\n]*\n$/);
    expect(running.stderr).not.toContain('secret-argument');
  });

  test('case 2: is told with what it said last', async () => {
    const running = command.run(['--port', '0', '--', 'sh', '-c', 'echo no licence >&2; exit 3']);
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    expect(running.stderr).toMatch(/exited with code 3; its last words: no licence\n$/);
  });

  describe('nor with a file of variables that is not there', () => {
    const flags = ['--port', '0', '--env-file', '/no/such/file', '--', 'true'];

    test('which is told as wrong usage', async () => {
      const running = command.run(flags, { node: ['--'] });
      expect(await running.exited()).toEqual({ code: EXIT_USAGE, signal: null });
      expect(running.stderr).toBe(
        'mcp-session-supervisor: cannot read the file of --env-file /no/such/file (ENOENT)\n',
      );
    });

    test('and by a Node that looks for it itself, as Node 20 does, in its words', async () => {
      const running = command.run(flags);
      const { code } = await running.exited();
      expect([EXIT_USAGE, 9]).toContain(code);
      expect(running.stderr).toMatch(code === 9 ? /^\S*node: \/no\/such\/file: not found\n$/ : /--env-file/);
    });
  });

  test('a file of variables that is given by -E is for the server alone: what it says to Node is not for us', async () => {
    const file = join(command.directory, 'node.env');
    await writeFile(file, 'NODE_OPTIONS=--no-such-flag\nNAMED=x\n');
    const flags = ['--port', '0', '-E', file, '--env', 'NAMED'];
    const running = command.run([...flags, '--', 'sh', '-c', 'echo "$NODE_OPTIONS $NAMED" >&2; exit 3']);
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    expect(running.stderr).toMatch(/exited with code 3; its last words: --no-such-flag x\n$/);
    expect(running.stdout + running.stderr).not.toContain('no such variable');
  });
});

test('case 62: with --warm a session has a process that was there before it', async () => {
  const { url } = await serve('--warm', '1');
  const { sessionId } = await initialize(url);
  expect((await call(url, sessionId, 'env')).messages()[0]?.result.pid).toBeGreaterThan(0);
});
