/** The command serving for real: what it prints. What it serves and outlives is in test/processes. */
import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { listen } from '../support/listen.ts';
import { until } from '../support/until.ts';
import { call, del, get, initialize, initializeBody, post, sessionHeaders } from '../support/wire.ts';
import { type Running, SERVER_MODULE, useCommand } from './command.ts';

const command = useCommand();

/** Serves the fixture module; resolves when it listens. */
async function serve(...flags: string[]): Promise<{ running: Running; url: string }> {
  const running = command.run([SERVER_MODULE, '--port', '0', ...flags]);
  return { running, url: await running.url() };
}

describe('the output', () => {
  test('says where it listens, what, the idle timeout and how to stop', async () => {
    const { running, url } = await serve('--session-idle-timeout', '90s', '--shutdown-timeout', '3s');
    await running.line(/to stop/);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*\/mcp$/);
    expect(running.stdout).toMatch(/^mcp-session-supervisor \d+\.\d+\.\d+\n/);
    expect(running.lines(/idle timeout/)).toEqual(['  idle timeout  1m 30s with nothing in flight']);
    expect(running.lines(/to stop/)).toEqual([
      '  to stop       Ctrl-C or SIGTERM: calls in flight get up to 3s to finish',
    ]);
    expect(running.stderr).toBe('');
  });

  test.each([
    [[], 'up to 2025-11-25, in sessions'],
    [['--modern', 'off'], 'up to 2025-11-25, in sessions'],
    [['--stateless'], 'up to 2025-11-25'],
  ])('says which revisions it speaks: %j', async (flags, revisions) => {
    const { running } = await serve(...flags);
    await running.line(/to stop/);
    expect(running.lines(/revisions/)).toEqual([`  revisions     ${revisions}`]);
  });

  test('one readable line for each lifecycle event', async () => {
    const { running, url } = await serve('--session-idle-timeout', '200ms');
    const { sessionId } = await initialize(url, { clientInfo: { name: 'evil\nclient', version: '2.0' } });
    await running.line(/terminated/);
    const time = String.raw`^\d\d:\d\d:\d\d\.\d{3}  `;
    const id = sessionId.slice(0, 8);
    const events = running.lines(new RegExp(time));
    expect(events[0]).toMatch(new RegExp(`${time}opened      ${id}  evil client 2\\.0, protocol 2025-11-25; 1 open$`));
    expect(events.at(-1)).toMatch(new RegExp(`${time}terminated  ${id}  idle, after \\d+ms; 0 open$`));
    expect(events).toContainEqual(expect.stringMatching(new RegExp(`${time}active      ${id}  1 in flight$`)));
    expect(events).toContainEqual(
      expect.stringMatching(new RegExp(`${time}idle        ${id}  ends in 200ms unless used$`)),
    );
    expect(running.stdout).not.toContain(sessionId);
    expect((await get(url, sessionHeaders(sessionId))).status).toBe(404);
  });

  test('as JSON: one object a line, with the whole id', async () => {
    const running = command.run([SERVER_MODULE, '--port', '0', '--log-format', 'json']);
    const greeting = JSON.parse(await running.line(/server\.listening/)) as { url: string };
    expect(greeting).toMatchObject({ level: 'info', server: { name: 'fixture', version: '1.0.0' } });
    const { sessionId, headers } = await initialize(greeting.url);
    await del(greeting.url, headers);
    const ended = JSON.parse(await running.line(/session\.terminated/));
    expect(ended).toMatchObject({ event: 'session.terminated', sessionId, reason: 'deleted', open: 0 });
    const entries = running.lines(/./).map((line) => JSON.parse(line) as { time: string });
    for (const { time } of entries) expect(new Date(time).toISOString()).toBe(time);
  });

  test('--quiet prints nothing as long as nothing is wrong', async () => {
    const free = await listen(createServer());
    await free.close();
    const running = command.run([SERVER_MODULE, '--port', String(free.port), '--quiet']);
    await until(() => initialize(free.url).catch(() => false), { within: 15_000, what: 'a session' });
    running.kill('SIGTERM');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    expect(running.stdout + running.stderr).toBe('');
  });

  test('a refused Host or Origin is told at once, with the flag that would allow it', async () => {
    const { running, url } = await serve();
    expect((await post(url, initializeBody(), { host: 'evil.example' })).status).toBe(403);
    expect((await post(url, initializeBody(), { origin: 'https://evil.example' })).status).toBe(403);
    await running.errorLine(/warning: refused a request with Host evil\.example; --allowed-hosts lists the names /);
    await running.errorLine(/warning: refused a request with Origin https:\/\/evil\.example; --allowed-origins lists /);
    expect(running.stderr.split('\n')).toHaveLength(3);
    expect(running.stdout).not.toContain('refused');
  });

  test('what a client sends acts on no terminal, with --verbose either', async () => {
    const { running, url } = await serve('--verbose');
    const name = '\u001b[2J\u0085\u202eevil\u2066';
    const { sessionId } = await initialize(url, { clientInfo: { name, version: '\u200f1' } });
    await call(url, sessionId, 'late', { how: 'throw', text: '\u001b]0;x\u0007\n12:00:00.000  forged\u202e' });
    await running.errorLine(/nobody caught an error/);
    await running.errorLine(/^ {2}.*at /);
    await post(`${url}x?%1b=\u202e`, initializeBody());
    await running.line(/refused with 404/);
    expect(running.stdout + running.stderr).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(running.lines(/\\u\{1b\}\[2J.*\\u\{202e\}evil\\u\{2066\}/)).toHaveLength(1);
    expect(running.stderr).not.toMatch(/^12:00:00\.000 {2}forged/m);
    expect(running.stderr).toMatch(/^ {2}12:00:00\.000 {2}forged/m);
  });

  test('an idle timeout below a second is warned of', async () => {
    const { running } = await serve('--session-idle-timeout', '200ms');
    const line = await running.errorLine(/--session-idle-timeout/);
    expect(line).toMatch(
      / {2}warning: --session-idle-timeout 200ms ends sessions between two requests of most clients$/,
    );
  });

  test('--verbose tells of refused requests', async () => {
    const { running, url } = await serve('--verbose');
    const { host } = new URL(url);
    expect((await post(url, initializeBody(), { origin: 'https://evil.example' })).status).toBe(403);
    const line = await running.line(/refused/);
    expect(line).toContain(`refused with 403 Forbidden: POST /mcp of ${host}, origin https://evil.example`);
    expect(line).toContain('--allowed-origins lists the origins that are accepted');
    expect(running.stderr).toBe('');
  });
});
