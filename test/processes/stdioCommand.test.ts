/** The command with a command behind it: real processes, one for each session. */
import { readFileSync } from 'node:fs';
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
    ...(
      [
        ['always', ' (always is permanent here)'],
        ['never', ' (never is temporary here)'],
        ['on-failure', ' (on-failure is transient here)'],
        ['sometimes', ''],
        ['toString', ''],
      ] as const
    ).map(([policy, meant]): [string[], string] => [
      ['--restart', policy, '--', 'x'],
      `option '--restart <policy>' argument '${policy}' is invalid. Allowed choices are temporary, transient, permanent${meant}.`,
    ]),
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
  expect(running.lines(/ processes /)[0]).toBe(
    '  processes     one for each session, at most 64 (--max-sessions), and 128 with those that are ending',
  );
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
  const line = expect.stringMatching(/^[\d:.]+ {2}stderr \d+ \[[\da-f]{8}\] \| last words$/);
  expect(running.lines(/last words/)).toEqual([line, line]);
  await running.line(/The server's process was started again \[/);
  // What --quiet leaves: why it died, and what it said last.
  const [warning, words] = running.stderr.split('\n');
  expect(warning).toMatch(/^[\d:.]+ {2}warning: The server's process exited with code 7 \[[\da-f]{8}\]$/);
  expect(words).toMatch(/^ {2}stderr \d+ \[[\da-f]{8}\] \| last words$/);
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

  test('nor one that writes what is no message and ends', async () => {
    const running = command.run(['--port', '0', '--', 'echo', 'hi', 'there']);
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    expect(running.stderr).toBe(
      "mcp-session-supervisor: the server of echo … can't be started: The server's process exited with code 0 and did not answer initialize: it is no MCP server that speaks stdio; to stdout it wrote what is no message: hi there\n",
    );
  });

  test('nor one that sends back what it is sent', async () => {
    const running = command.run(['--port', '0', '--', 'cat']);
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    expect(running.stderr).toBe(
      "mcp-session-supervisor: the server of cat can't be started: the server's process asks to be initialized itself: it is no MCP server, or only sends back what it is sent\n",
    );
  });

  test('nor one that never answers: that is told as soon as --initialize-timeout is over, with what it wrote', async () => {
    const mute = ['sh', '-c', 'echo no licence >&2; trap "" TERM; exec sleep 300'];
    const running = command.run(['--port', '0', '--initialize-timeout', '1500ms', '--', ...mute]);
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    const [waiting, failure, ...more] = running.stderr.split('\n');
    expect(waiting).toMatch(
      /^[\d:.]+ {2}starting sh …: waiting for it to answer initialize, which may take 1\.5s \(--initialize-timeout\)$/,
    );
    expect(failure).toMatch(
      /^mcp-session-supervisor: the server of sh … can't be started: .*; to stderr it wrote: no licence$/,
    );
    expect(more).toEqual(['']);
    expect(running.stdout).toBe('');
  });

  test('is waited for, and that is told after a while; a signal ends it with a word', async () => {
    const running = command.run(['--port', '0', '--', 'sleep', '300']);
    await running.errorLine(/ starting sleep …: /);
    running.kill('SIGTERM');
    expect(await running.exited()).toEqual({ code: 143, signal: null });
    expect(running.stderr).toMatch(/^[\d:.]+ {2}SIGTERM: stopped before sleep was ready$/m);
  });

  test('is waited for in one object per line, or in silence', async () => {
    const json = command.run(['--port', '0', '--log-format', 'json', '--', 'sleep', '300']);
    const quiet = command.run(['--port', '0', '--quiet', '--', 'sleep', '300']);
    expect(JSON.parse(await json.errorLine(/starting/))).toMatchObject({ level: 'info', event: 'server.starting' });
    for (const running of [json, quiet]) running.kill('SIGINT');
    expect(await json.exited()).toEqual({ code: 130, signal: null });
    const told = json.stderr.trim().split('\n');
    expect(told.map((line) => JSON.parse(line).event).slice(-2)).toEqual(['server.starting', 'command.stopped']);
    await quiet.exited();
    // What other tests have killed just now may have left processes, of which everybody warns.
    expect(quiet.stdout + quiet.stderr.replaceAll(/^.*Of a supervisor that has died.*\n/gm, '')).toBe('');
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

  test('nor with a file of variables that has a line which is none, whose number is told and nothing else', async () => {
    const file = join(command.directory, 'wrong.env');
    await writeFile(file, '\uFEFFA=1\nsecret\nB=2\n');
    const running = command.run(['--port', '0', '-E', file, '--', 'true']);
    expect(await running.exited()).toEqual({ code: EXIT_USAGE, signal: null });
    expect(running.stderr).toBe(
      `mcp-session-supervisor: the file of --env-file ${file}, line 2: it is no NAME=value, and no comment that begins with #\n`,
    );
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

describe('case 62: with --warm', () => {
  test('the command listens at once, says what it starts, and a session has a process that was there before it', async () => {
    const { running, url } = await serve('--warm', '30', '--max-sessions', '30');
    expect(running.lines(/ processes /)[0]).toBe(
      '  processes     one for each session, at most 30 (--max-sessions), and 60 with those that are ending; 30 kept ready besides, which are being started now',
    );
    const started = performance.now();
    const { sessionId } = await initialize(url);
    expect((await call(url, sessionId, 'env')).messages()[0]?.result.pid).toBeGreaterThan(0);
    // The spares take their second each, four at a time.
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('a spare that is killed right before its session comes costs its client nothing', async () => {
    const { running, url } = await serve('--warm', '2');
    const all = join('/proc', String(running.child.pid), 'task', String(running.child.pid), 'children');
    const spares = () =>
      readFileSync(all, 'utf8')
        .split(' ')
        .filter((pid) => pid !== '' && commandLine(pid).includes(SERVER))
        .map(Number);
    const [first] = await until(() => (spares().length === 2 ? spares() : undefined));
    process.kill(first as number, 'SIGKILL');
    const { sessionId } = await initialize(url);
    expect((await call(url, sessionId, 'env')).messages()[0]?.result.pid).not.toBe(first);
  });

  test('there are no more spares than sessions', async () => {
    for (const [flags, most] of [
      [['--warm', '65'], 64],
      [['--warm', '4', '--max-sessions', '3'], 3],
    ] as const) {
      const running = command.run(['--port', '0', ...flags, '--', 'true']);
      expect(await running.exited()).toEqual({ code: EXIT_USAGE, signal: null });
      expect(running.stderr).toBe(
        `mcp-session-supervisor: option '--warm <count>' may be ${most} at most, as many as there may be sessions (--max-sessions)\n`,
      );
    }
  });
});

/** Of a process that may have ended meanwhile: then it is empty. */
function commandLine(pid: string): string {
  try {
    return readFileSync(join('/proc', pid, 'cmdline'), 'utf8');
  } catch {
    return '';
  }
}
