/** Whatever fails is told in one line on stderr, with an exit code that says whose mistake it is. */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Running, SERVER_MODULE, useCommand } from '../cli/command.ts';
import { listen } from '../support/listen.ts';

const command = useCommand();

/** The one line of a command that failed, without the command's name. */
async function failure(running: Running): Promise<{ line: string; code: number | null }> {
  const { code } = await running.exited();
  expect(running.stdout).toBe('');
  expect(running.stderr).toMatch(/^mcp-session-supervisor: [^\n]+\n$/);
  return { line: running.stderr.trimEnd().replace('mcp-session-supervisor: ', ''), code };
}

/** What the command says of a module with this source. */
async function failureOf(
  name: string,
  source: string,
  ...flags: string[]
): Promise<{ line: string; code: number | null }> {
  await command.module(name, source);
  return failure(command.run([`./${name}`, '--port', '0', ...flags], { cwd: command.directory }));
}

const BUILD = `
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
  const build = () => new McpServer({ name: 'inline', version: '1.0.0' });`;

describe('wrong usage: exit code 2', () => {
  test.each([
    [[SERVER_MODULE, '--port', '99999'], /'99999' is invalid\. Not a port/],
    [[SERVER_MODULE, '--sesion-idle-timeout', '5m'], /unknown option .* \(Did you mean --session-idle-timeout\?\)/],
    [[SERVER_MODULE, '--session-idle-timeout', '30'], /A duration needs a unit: 30ms, 30s, 30m or 30h/],
    [[SERVER_MODULE, '--stateless', '--session-idle-timeout', '5m'], /cannot be used with/],
    [[SERVER_MODULE, '--resume-timeout', '5s'], /has no effect without option '--resumable'/],
    [[], /missing required argument 'module'/],
  ])('%j', async (args, expected) => {
    const { line, code } = await failure(command.run(args));
    expect(line).toMatch(expected);
    expect(line).toMatch(/ \(--help lists all flags\)$/);
    expect(code).toBe(2);
  });
});

describe('the module can’t be had: exit code 1', () => {
  test.each([
    ['a path', './nowhere.js', /^cannot find the module \.\/nowhere\.js \(looked for \/.*\/nowhere\.js\)$/],
    ['an absolute path', '/nowhere/server.js', /^cannot find the module \/nowhere\/server\.js$/],
    ['a file URL', 'file:///nowhere/server.js', /^cannot find the module file:\/\/\/nowhere\/server\.js/],
    ['a file URL with a host', 'file://elsewhere/server.js', /^file:\/\/elsewhere\/server\.js is not a file URL/],
    ['a package', 'no-such-package', /^cannot find the module no-such-package: no such file, and no such package/],
    ['a path that a package hides', 'xstate/package.json5', /^cannot find the module xstate\/package\.json5: /],
    ['a directory', './', /^\.\/ is a directory/],
  ])('%s that leads nowhere', async (_, specifier, expected) => {
    const { line, code } = await failure(command.run([specifier, '--port', '0'], { cwd: command.directory }));
    expect(line).toMatch(expected);
    expect(code).toBe(1);
  });

  test('it throws while it is loaded: where and what', async () => {
    const { line, code } = await failureOf('throws.mjs', `\nthrow new TypeError('not\\ntoday');\n`);
    expect(line).toBe('cannot load the module ./throws.mjs: TypeError: not today (throws.mjs:2)');
    expect(code).toBe(1);
  });

  test('it has a syntax error: where and what', async () => {
    const { line, code } = await failureOf('syntax.mjs', '\nexport default (;\n');
    expect(line).toMatch(/^cannot load the module \.\/syntax\.mjs: SyntaxError: .* \(syntax\.mjs:2\)$/);
    expect(code).toBe(1);
  });

  test('it imports what is not there: what it misses', async () => {
    const { line, code } = await failureOf('misses.mjs', `import 'not-installed';`);
    expect(line).toMatch(/^cannot load the module \.\/misses\.mjs: .*'not-installed'/);
    expect(code).toBe(1);
  });

  test('it is TypeScript that this Node does not run: what to do', async () => {
    // No Node runs .tsx by itself, while newer ones do run .ts.
    const { line, code } = await failureOf('typed.tsx', 'export default () => {};');
    expect(line).toMatch(
      /^cannot load the module \.\/typed\.tsx: .*; Node \S+ runs JavaScript only, so build it first$/,
    );
    expect(code).toBe(1);
  });

  test('it throws late, before anything is served', async () => {
    const source = `process.nextTick(() => { throw new Error('too late'); });\nawait new Promise(() => {});`;
    const { line, code } = await failureOf('throwsLate.mjs', source);
    expect(line).toBe('too late (throwsLate.mjs:1)');
    expect(code).toBe(1);
  });

  test('it never finishes loading', async () => {
    const { line, code } = await failureOf('never.mjs', 'await new Promise(() => {});');
    expect(line).toBe('./never.mjs never finished loading or building a server');
    expect(code).toBe(1);
  });

  test('with --verbose the stack comes too, after the line', async () => {
    await command.module('verbose.mjs', `throw new Error('why');`);
    const running = command.run(['./verbose.mjs', '--verbose'], { cwd: command.directory });
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    const [line, ...stack] = running.stderr.split('\n');
    expect(line).toBe('mcp-session-supervisor: cannot load the module ./verbose.mjs: why (verbose.mjs:1)');
    expect(stack.join('\n')).toMatch(/^Error: why\n {4}at .*verbose\.mjs:1/);
  });
});

describe('the factory does not work: exit code 1', () => {
  test('there is none', async () => {
    const { line, code } = await failureOf('none.mjs', 'export const answer = 42;');
    expect(line).toBe('the module ./none.mjs has no server factory: export a function as default or as createServer');
    expect(code).toBe(1);
  });

  test('there is a server instead', async () => {
    const { line, code } = await failureOf('one.mjs', `${BUILD}\nexport default build();`);
    expect(line).toMatch(/^the module \.\/one\.mjs exports a server, which can't be shared by sessions/);
    expect(code).toBe(1);
  });

  test.each([
    ['throws', `export default () => { throw new RangeError('no server today'); };`],
    ['rejects', `export default async () => { throw new RangeError('no server today'); };`],
  ])('it %s', async (how, source) => {
    const { line, code } = await failureOf(`${how}.mjs`, source);
    expect(line).toBe(`the server factory of ./${how}.mjs failed: RangeError: no server today (${how}.mjs:1)`);
    expect(code).toBe(1);
  });

  test.each([
    ['one server', 'const one = build();\nexport default () => one;'],
    [
      'one server, with a cleanup for each',
      'const one = build();\nexport default () => ({ server: one, cleanup() {} });',
    ],
    ['one promise of a server', 'const one = Promise.resolve(build());\nexport default () => one;'],
  ])('it shares %s among sessions', async (what, source) => {
    for (const flags of what === 'one server' ? [[], ['--stateless']] : [[]]) {
      const { line, code } = await failureOf('shares.mjs', `${BUILD}\n${source}`, ...flags);
      expect(line).toBe('./shares.mjs: the factory returned the same server twice; build a new one for each session');
      expect(code).toBe(1);
    }
  });

  test('it hides that it shares one server', async () => {
    const source = `${BUILD}
      const one = build();
      export default () => ({ connect: (transport) => one.connect(transport), close: () => one.close() });`;
    const { line, code } = await failureOf('hides.mjs', source);
    // An SDK server refuses to be connected twice, and is of no use to anybody then.
    expect(line).toMatch(
      /^the server of \.\/hides\.mjs can't be started for a second session beside the first: Already connected/,
    );
    expect(code).toBe(1);
  });

  test('it builds one server and no other', async () => {
    const source = `${BUILD}
      let built = 0;
      export default () => { if (built++ > 0) throw new Error('only one'); return build(); };`;
    const { line, code } = await failureOf('only.mjs', source);
    expect(line).toBe(
      'the server factory of ./only.mjs failed for a second session beside the first: only one (only.mjs:5)',
    );
    expect(code).toBe(1);
  });

  test('it returns no server', async () => {
    const { line, code } = await failureOf('noServer.mjs', 'export default () => ({ server: 42 });');
    expect(line).toMatch(/^the server of \.\/noServer\.mjs can't be started: .*connect/);
    expect(code).toBe(1);
  });

  test('it builds a server that can’t connect', async () => {
    const source = `${BUILD}
      export default () => Object.assign(build(), { connect: () => Promise.reject(new Error('no database')) });`;
    const { line, code } = await failureOf('noConnect.mjs', source);
    expect(line).toMatch(/^the server of \.\/noConnect\.mjs can't be started: no database/);
    expect(code).toBe(1);
  });

  test('it takes longer than --initialize-timeout', async () => {
    const source = 'export default () => new Promise((resolve) => setTimeout(resolve, 60_000));';
    const { line, code } = await failureOf('slow.mjs', source, '--initialize-timeout', '100ms');
    expect(line).toMatch(/^the server of \.\/slow\.mjs can't be started: .*too long/);
    expect(code).toBe(1);
  });
});

describe('the address can’t be had: exit code 1', () => {
  test('the port is in use', async () => {
    const taken = await listen(createServer());
    onTestFinished(taken.close);
    const { line, code } = await failure(command.run([SERVER_MODULE, '--port', String(taken.port)]));
    expect(line).toBe(`port ${taken.port} on 127.0.0.1 is in use; --port takes another one, --port 0 any free one`);
    expect(code).toBe(1);
  });

  test('the host is not this machine', async () => {
    // 192.0.2.0/24 is reserved for documentation: no machine has such an address.
    const { line, code } = await failure(command.run([SERVER_MODULE, '--port', '0', '--host', '192.0.2.1']));
    expect(line).toBe('cannot listen on 192.0.2.1: this machine has no such address');
    expect(code).toBe(1);
  });
});

test('with --log-format json a failure is an object too', async () => {
  const running = command.run([join(command.directory, 'nowhere.js'), '--log-format', 'json']);
  expect(await running.exited()).toEqual({ code: 1, signal: null });
  expect(JSON.parse(running.stderr)).toMatchObject({
    level: 'error',
    event: 'command.failed',
    message: expect.stringMatching(/^cannot find the module/),
  });
});
