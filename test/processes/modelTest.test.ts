/** `model-test` as a process: its exit codes, what it prints, and its verdict on our own command. */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { ModelTestReport } from '../../src/testing/index.ts';
import { type Running, useCommand } from '../cli/command.ts';
import { serveByHand } from '../cli/handwrittenServer.ts';
import { listen } from '../support/listen.ts';

const command = useCommand();

// They wait, most of their time. More of them at a time would make one another late for the idle timeout.
vi.setConfig({ maxConcurrency: 3 });

const endings: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(endings.map((end) => end())));

/** Runs the command, which is gone when the file ends: the tests run side by side. */
function run(...args: string[]): Running {
  return command.run(args, { onEnd: (end) => endings.push(end) });
}

function modelTest(url: string, ...flags: string[]): Running {
  return run('model-test', '--url', url, ...flags);
}

async function plainServer(): Promise<string> {
  const { url, close } = await listen(createServer((_, res) => res.writeHead(404).end('Not found')));
  endings.push(close);
  return url;
}

describe.concurrent('our own command', () => {
  test('serving the reference server: every transition is covered, nothing is wrong', { timeout: 90_000 }, async () => {
    const everything = '@modelcontextprotocol/server-everything/dist/server/index.js';
    const serving = run(everything, '--port', '0', '--session-idle-timeout', '1s');
    const url = await serving.url();
    const tested = modelTest(url, '--idle-timeout', '1s', '--strict', '--json');
    expect(await tested.exited(60_000)).toMatchObject({ code: 0 });
    const report = JSON.parse(tested.stdout) as ModelTestReport;
    expect(report).toMatchObject({
      url,
      server: { name: 'mcp-servers/everything' },
      idleTimeout: 1_000,
      strict: true,
      violations: [],
      notes: [],
      features: {
        streams: { driven: true },
        deletes: { driven: true },
        longCall: { driven: 'trigger-long-running-operation {"duration":$S}' },
      },
    });
    expect(report.transitions.filter(({ verdict }) => verdict !== 'covered')).toEqual([]);
    expect(report.transitions.length).toBe(40);
    // How far it is, if it takes longer than ten seconds.
    expect(tested.stderr).toMatch(/^(\d+ of \d+ walks, 0 violations\n)*$/);
  });

  test('answering with JSON, without an idle timeout: what takes time is listed, and not driven', async () => {
    const module = await command.module(
      'slow.js',
      `import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
       import { setTimeout } from 'node:timers/promises';
       import { z } from 'zod';
       export default (session) => {
         const server = new McpServer({ name: 'slow', version: '1.0.0' }, session.serverOptions);
         server.registerTool('pause', { inputSchema: { why: z.string(), length: z.number() } }, async ({ length }) => {
           await setTimeout(length);
           return { content: [] };
         });
         return server;
       };`,
    );
    const serving = run(module, '--port', '0', '--json-response', '--session-idle-timeout', 'infinity');
    const tested = modelTest(await serving.url(), '--strict', '--slow-call', 'pause:{"why":"test","length":$MS}');
    expect(await tested.exited()).toMatchObject({ code: 0 });
    expect(tested.lines(/^ {2}long call/)).toEqual(['  long call     pause {"why":"test","length":$MS}']);
    expect(tested.lines(/idle --REST-->/)).toEqual([
      expect.stringMatching(/not driven: the idle timeout was not told$/),
    ]);
    expect(tested.lines(/active\(2\) --RESPONSE--> active\(1\) /)).toEqual([expect.stringMatching(/ covered$/)]);
    expect(tested.lines(/transitions:/)).toEqual([
      '40 transitions: 9 covered, 31 not driven, 0 not reached, 0 violated',
    ]);
    expect(tested.lines(/^Nothing is wrong/)).toHaveLength(1);
  });
});

describe.concurrent('violations', () => {
  test('exit with 1 and are told with the rule, its source, what came, and the script', async () => {
    const url = await serveByHand(1_000, { unknownStatus: 400 });
    const tested = modelTest(url, '--max-in-flight', '1');
    expect(await tested.exited()).toMatchObject({ code: 1 });
    const told = tested.stdout.split('\n');
    const rule = '  A request with the id of an ended session is answered with 404. (endedIsNotFound)';
    const at = told.indexOf(rule);
    expect(told.slice(at, at + 7)).toEqual([
      rule,
      '    the protocol, MUST: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management',
      expect.stringMatching(/^ {4}got {5}POST ping: 400, ended, \{.*"refused".*\}$/),
      '    script  1. POST initialize → 200',
      '            2. POST notifications/initialized → 202',
      '            3. DELETE → 200',
      '            4. POST ping → 400',
    ]);
    expect(tested.lines(/idle --TERMINATE deleted/)).toEqual([expect.stringMatching(/ violated: endedIsNotFound$/)]);
    expect(tested.lines(/^2 violations, by/)).toHaveLength(1);
  });

  test('of a naive idle timer: the call that was cut', { timeout: 90_000 }, async () => {
    const url = await serveByHand(1_000, { idle: 'naive' });
    const tested = modelTest(url, '--idle-timeout', '1s', '--max-in-flight', '1', '--json');
    expect(await tested.exited(60_000)).toMatchObject({ code: 1 });
    const { violations } = JSON.parse(tested.stdout) as ModelTestReport;
    const cut = violations.find(({ rule }) => rule === 'callKept');
    expect(cut).toMatchObject({
      says: 'A call in flight is not cut by the idle timeout.',
      got: expect.stringMatching(/^POST tools\/call sleep .*: 200, ended, no message$/),
    });
    expect(cut?.actions).toEqual([
      'POST initialize → 200',
      'POST notifications/initialized → 202',
      expect.stringMatching(/^POST tools\/call sleep \{"ms":\d+\} → 200$/),
      '1500 ms pass',
    ]);
  });
});

test.concurrent('what the protocol leaves open is noted, and no violation', async () => {
  const url = await serveByHand(1_000, { callsAtEnd: 'cut', deletes: 'late', json: true });
  const tested = modelTest(url, '--max-in-flight', '1');
  expect(await tested.exited()).toMatchObject({ code: 0 });
  expect(tested.lines(/callAnsweredAtEnd/)).toEqual([
    '  A call in flight whose session ends is answered with exactly one response. (callAnsweredAtEnd)',
  ]);
  expect(tested.lines(/^Nothing is wrong/)).toHaveLength(1);
});

test.concurrent('--no-streams and --no-deletes leave them alone, and --header is sent', async () => {
  const url = await serveByHand(1_000, { authorization: 'Bearer x', getStatus: 500, deleteStatus: 500 });
  const tested = modelTest(url, '--no-streams', '--no-deletes', '--header', 'Authorization: Bearer x');
  expect(await tested.exited()).toMatchObject({ code: 0 });
  expect(tested.lines(/^ {2}(GET|DELETE) /)).toEqual([
    '  GET streams   not driven: told not to open GET streams',
    '  DELETE        not driven: told not to delete sessions',
  ]);
});

describe.concurrent('--restart', () => {
  const restart = (url: string, line: string) => run('model-test', '--url', url, '--restart', line);
  const node = (script: string) => `"${process.execPath}" -e '${script}'`;
  const nowhere = 'http://127.0.0.1:9/mcp';

  test('a command that fails is told of with all that it said, not its end alone', async () => {
    const tested = restart(nowhere, node('console.log("on stdout"); throw new Error("what is wrong")'));
    expect(await tested.exited()).toEqual({ code: 2, signal: null });
    expect(tested.stderr).toMatch(/^ {2}on stdout$/m);
    expect(tested.stderr).toMatch(/^ {2}Error: what is wrong$/m);
    expect(tested.stderr).toMatch(
      /\nmcp-session-supervisor: the command of --restart ended by itself \(exit code 1\)\n$/,
    );
  });

  test('of what is long the middle is left out', async () => {
    const tested = restart(nowhere, node('console.error("first" + "x".repeat(1e5) + "last"); process.exitCode = 3'));
    expect(await tested.exited()).toEqual({ code: 2, signal: null });
    expect(tested.stderr).toMatch(/^ {2}firstx+\n {2}… \d+ characters left out …\n {2}x+last$/m);
    expect(tested.stderr.length).toBeLessThan(5_000);
  });

  test('so is one that exits with 0, and one beside which another answers', async () => {
    const since = performance.now();
    const nothing = restart(nowhere, 'true');
    const taken = restart(await serveByHand(1_000, {}), 'exit 7');
    expect([await nothing.exited(), await taken.exited()]).toEqual(Array(2).fill({ code: 2, signal: null }));
    expect(performance.now() - since).toBeLessThan(15_000); // it gives a server 30 s to answer
    expect(nothing.stderr).toContain('ended by itself (exit code 0)');
    expect(taken.stderr).toContain('ended by itself (exit code 7)');
  });

  test('one that leaves its server in the background and exits with 0 is tested, and leaves nothing', async () => {
    const serving = await listen(createServer());
    const { port } = new URL(serving.url);
    await serving.close();
    const module = await command.module(
      'background.js',
      `import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
       export default () => new McpServer({ name: 'background', version: '1.0.0' });`,
    );
    const main = fileURLToPath(command.importUrl('cli/main.js'));
    const url = `http://127.0.0.1:${port}/mcp`;
    const tested = restart(url, `"${process.execPath}" "${main}" "${module}" --port ${port} &`);
    expect(await tested.exited(40_000)).toEqual({ code: 0, signal: null });
    expect(tested.stdout).toMatch(/^ {2}a session that was ended +survives +it stays ended: 404/m);
    await expect(fetch(url)).rejects.toThrow();
  });

  test.each([
    ['--idle-timeout', '1s'],
    ['--grace', '1s'],
    ['--coverage', 'pairs'],
    ['--strict'],
    ['--no-streams'],
    ['--concurrency', '2'],
  ])('%s would do nothing beside it, and is refused', async (...flag) => {
    const tested = run('model-test', '--url', nowhere, '--restart', 'true', ...flag);
    expect(await tested.exited()).toEqual({ code: 2, signal: null });
    expect(tested.stderr).toMatch(/option '--[^']*' cannot be used with option '--restart <command>'/);
  });
});

describe.concurrent('nothing to test: exit code 2, and one line that says why', () => {
  const byHand = (odd: Parameters<typeof serveByHand>[1]) => () => serveByHand(1_000, odd);

  test.each<[string, () => Promise<string>, string[], RegExp]>([
    ['nobody listens', async () => 'http://127.0.0.1:9/mcp', [], /cannot reach .*: no answer \(connect ECONNREFUSED/],
    ['a stateless server', byHand({ stateless: true }), [], /has no sessions to test: .* without an Mcp-Session-Id/],
    ['no token', byHand({ authorization: 'Bearer x' }), [], /refuses an initialize with 401; --header 'Authorization/],
    ['no MCP server', plainServer, [], /does not answer an initialize as MCP does: 404, ended/],
    [
      'a slow call that does not last',
      byHand({}),
      ['--slow-call', 'sleep:{"timeout":$MS}'],
      /the slow call sleep \{"timeout":\$MS\} took \d+ ms when asked for 500/,
    ],
    [
      'a slow call that is not written as one',
      byHand({}),
      ['--slow-call', 'sleep'],
      /the slow call sleep can't be used: it is not written as name:\{"argument":\$MS\}/,
    ],
    ['a wrong flag', byHand({}), ['--coverage', 'all'], /argument 'all' is invalid\. Allowed choices are transitions/],
    ['a timeout without a unit', byHand({}), ['--idle-timeout', '2'], /A duration needs a unit: 2ms, 2s, 2m or 2h/],
  ])('%s', async (_, served, flags, line) => {
    const tested = modelTest(await served(), ...flags);
    expect(await tested.exited()).toMatchObject({ code: 2 });
    expect(tested.stdout).toBe('');
    expect(tested.stderr.trim().split('\n')).toEqual([expect.stringMatching(line)]);
  });

  test('no URL', async () => {
    const tested = run('model-test');
    expect(await tested.exited()).toMatchObject({ code: 2 });
    expect(tested.stderr).toContain("required option '--url <url>' not specified");
  });
});
