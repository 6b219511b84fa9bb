/** `--admin` for real: what is printed, the order around a drain, and what each failure says. */
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ask } from '../admin/administered.ts';
import { listen } from '../support/listen.ts';
import { until } from '../support/until.ts';
import { initialize, initializeBody, post } from '../support/wire.ts';
import { type Running, SERVER_MODULE, useCommand } from './command.ts';

const command = useCommand();
const TOKEN = 'a-token-of-a-file_16';

interface Served {
  readonly running: Running;
  readonly url: string;
  readonly admin: string;
}

async function serve(...flags: string[]): Promise<Served> {
  const running = command.run([SERVER_MODULE, '--port', '0', '--admin', '127.0.0.1:0', ...flags]);
  const url = await running.url();
  return { running, url, admin: wordOf(await running.line(/^ {2}admin {9}/)) };
}

const wordOf = (line: string): string => line.trim().split(/\s+/).at(-1) ?? '';
const statusOf = async (url: string, init?: RequestInit) => (await fetch(url, init)).status;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function tokenFile(): Promise<string> {
  const path = join(command.directory, `token-${Math.random()}`);
  await writeFile(path, `${TOKEN}\n`);
  await chmod(path, 0o600);
  return path;
}

test('prints where it is and its token, which opens the sessions; health and metrics need none', async () => {
  const stores = ['--session-store', join(command.directory, 'sessions')];
  const { running, url, admin } = await serve('--admin-inspector', ...stores);
  expect(admin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const token = wordOf(await running.line(/^ {2}admin token /));
  expect(await running.line(/^ {2}inspector /)).toContain(`${admin}/inspector/?token=${token}`);
  await initialize(url);
  for (const path of ['/livez', '/readyz', '/startupz', '/metrics']) expect(await statusOf(admin + path)).toBe(200);
  expect(await statusOf(`${admin}/sessions`)).toBe(401);
  expect(await statusOf(`${admin}/sessions`, { headers: bearer(token) })).toBe(200);
  expect(await statusOf(`${admin}/drain`, { method: 'POST', headers: bearer(token) })).toBe(403);
  expect(await statusOf(`${url.replace(/mcp$/, 'livez')}`)).toBe(404); // never on the public port
  expect(await statusOf(`${url.replace(/mcp$/, 'metrics')}`)).toBe(404);
});

test('a token of a file is printed nowhere', async () => {
  const { running, admin } = await serve('--admin-token-file', await tokenFile(), '--admin-inspector');
  await running.line(/to stop/);
  expect(running.lines(/inspector/)).toEqual([`  inspector     ${admin}/inspector/?token=<token>`]);
  expect(running.stdout + running.stderr).not.toContain(TOKEN);
  expect(await statusOf(`${admin}/stats`, { headers: bearer(TOKEN) })).toBe(200);
});

test('where lines are JSON, it is in the first one', async () => {
  const flags = ['--admin', '127.0.0.1:0', '--log-format', 'json'];
  const running = command.run([SERVER_MODULE, '--port', '0', ...flags]);
  const { admin } = JSON.parse(await running.line(/server\.listening/)) as { admin: object };
  expect(admin).toEqual({ address: expect.stringMatching(/^http:/), token: expect.stringMatching(/^[\w-]{43}$/) });
});

describe('at the end', () => {
  test('it is not ready for --drain-delay, then it refuses, and lives until it ends', async () => {
    const { running, url, admin } = await serve('--drain-delay', '1h');
    await running.line(/to stop {7}Ctrl-C or SIGTERM: not ready for 1h, then calls in flight get up to 10s to finish/);
    const { sessionId, headers } = await initialize(url);
    const holding = post(
      url,
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'hold', arguments: {} } },
      headers,
    );
    await running.line(/^holding$/);
    running.kill('SIGTERM');
    await running.line(
      /SIGTERM: not ready from now on, draining in 1h \(--drain-delay\); a second signal drains at once/,
    );
    expect(await statusOf(`${admin}/readyz`)).toBe(503);
    expect((await post(url, initializeBody())).status).toBe(200);
    // Within half a second it is the same wish, so the person keeps asking.
    await until(() => {
      running.kill('SIGTERM');
      return running.lines(/SIGTERM: draining/).length > 0;
    });
    expect((await post(url, initializeBody())).status).toBe(503);
    expect([await statusOf(`${admin}/livez`), await statusOf(`${admin}/readyz`)]).toEqual([200, 503]);
    running.kill('SIGUSR2');
    expect((await holding).status).toBe(200);
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    expect(running.stdout).toContain(sessionId.slice(0, 8));
  });

  test('a third signal exits at once', async () => {
    const { running, url } = await serve('--drain-delay', '1h', '--shutdown-timeout', '1h');
    const { headers } = await initialize(url);
    const holding = post(
      url,
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'hold', arguments: {} } },
      headers,
    );
    holding.catch(() => {});
    await running.line(/^holding$/);
    running.kill('SIGTERM');
    await running.line(/not ready from now on/);
    running.kill('SIGINT');
    await running.line(/SIGTERM: draining/);
    running.kill('SIGTERM');
    expect(await running.exited()).toEqual({ code: 143, signal: null });
  });

  test('the delay passes by itself', async () => {
    const { running } = await serve('--drain-delay', '50ms');
    running.kill('SIGTERM');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    expect(running.lines(/ {2}SIGTERM: /)).toHaveLength(2);
  });

  test('POST /drain ends the command as a signal does, and a signal after it is no second one', async () => {
    const { running, url, admin } = await serve('--admin-token-file', await tokenFile(), '--admin-allow-changes');
    const { headers } = await initialize(url);
    const holding = post(
      url,
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'hold', arguments: {} } },
      headers,
    );
    await running.line(/^holding$/);
    const init = { method: 'POST', headers: bearer(TOKEN) };
    expect(await statusOf(`${admin}/drain`, init)).toBe(202);
    await running.line(/POST \/drain: draining 1 session/);
    await running.line(/supervisor\.drain by 127\.0\.0\.1:\d+: draining/);
    expect(await statusOf(`${admin}/drain`, init)).toBe(202);
    running.kill('SIGTERM');
    running.kill('SIGUSR2');
    expect((await holding).status).toBe(200);
    expect(await running.exited()).toEqual({ code: 0, signal: null });
  });
});

test('a unix socket is reached by its path, and gone at the end', async () => {
  const path = join(command.directory, 'admin.sock');
  const running = command.run([SERVER_MODULE, '--port', '0', '--admin', path]);
  await running.line(/to stop/);
  expect(running.lines(/^ {2}admin {9}/).map(wordOf)).toEqual([path]);
  expect((await ask({ address: path, port: undefined }, '/readyz', { headers: { host: 'localhost' } })).text).toBe(
    'ok\n',
  );
  running.kill('SIGTERM');
  await running.exited();
  expect(existsSync(path)).toBe(false);
});

describe('a failure', () => {
  test('a port that is in use', async () => {
    const taken = await listen(createServer());
    const running = command.run([SERVER_MODULE, '--port', '0', '--admin', `127.0.0.1:${taken.port}`]);
    expect(await running.exited()).toEqual({ code: 1, signal: null });
    expect(running.stderr).toBe(
      `mcp-session-supervisor: cannot serve --admin: port ${taken.port} on 127.0.0.1 is in use: give another one, or 0 for any free one\n`,
    );
    await taken.close();
  });

  test('an address that others reach, without a token file', async () => {
    const running = command.run([SERVER_MODULE, '--port', '0', '--admin', '0.0.0.0:0']);
    expect(await running.exited()).toEqual({ code: 2, signal: null });
    expect(running.stderr).toBe(
      'mcp-session-supervisor: cannot serve --admin: --admin-token-file must be given where others can connect: 0.0.0.0 is not loopback\n',
    );
  });

  test('a token file that is not there', async () => {
    const running = command.run([
      SERVER_MODULE,
      '--port',
      '0',
      '--admin',
      '127.0.0.1:0',
      '--admin-token-file',
      './no.token',
    ]);
    expect(await running.exited()).toEqual({ code: 2, signal: null });
    expect(running.stderr).toBe(
      'mcp-session-supervisor: cannot serve --admin: --admin-token-file must be a file with the token; ./no.token is none: there is no such file\n',
    );
  });
});
