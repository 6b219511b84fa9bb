/** Where it listens: what is refused, what is replaced, and what each failure says. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type AdminOptions, serveAdmin } from '../../src/admin/index.ts';
import { SupervisorError } from '../../src/index.ts';
import { supervise } from '../support/serve.ts';
import { withTimeout } from '../support/until.ts';
import { administer, ask } from './administered.ts';

function given() {
  const { supervisor, stop } = supervise();
  onTestFinished(stop);
  return supervisor;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'admin-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function refusalOf(options: AdminOptions): Promise<SupervisorError> {
  const error = await serveAdmin(given(), options).then(
    async (admin) => admin.close(),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SupervisorError);
  return error as SupervisorError;
}

/** Somebody else who listens there. */
async function occupy(where: number | string): Promise<Server> {
  const server = createServer().listen(where);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server;
}

describe('a port', () => {
  test('is a free one on loopback by default', async () => {
    const admin = await administer(given());
    expect(admin.address).toBe(`127.0.0.1:${admin.port}`);
    expect(admin.url).toBe(`http://${admin.address}`);
    expect(admin.token).toMatch(/^[\w-]{43}$/);
    expect((await fetch(`${admin.url}/livez`)).status).toBe(200);
    await admin.close();
    await expect(fetch(`${admin.url}/livez`)).rejects.toThrow();
    await admin.close();
  });

  test('that is in use is told, with what to do', async () => {
    const { port = 0 } = await administer(given());
    const error = await refusalOf({ port });
    expect([error.code, error.message]).toEqual([
      'CANNOT_LISTEN',
      `The admin can't listen: port ${port} on 127.0.0.1 is in use: give another one, or 0 for any free one`,
    ]);
    expect(error.cause).toMatchObject({ code: 'EADDRINUSE' });
  });

  test('on a host that is not this machine', async () => {
    expect((await refusalOf({ host: '192.0.2.1', token: 'a'.repeat(16) })).message).toContain(
      'this machine has no address 192.0.2.1',
    );
    expect((await refusalOf({ host: 'nobody.invalid' })).message).toContain(
      'this machine has no address nobody.invalid',
    );
  });

  test.each(['0.0.0.0', '::'])('on %s needs a token of one’s own', async (host) => {
    const error = await refusalOf({ host });
    expect([error.code, error.message]).toEqual([
      'INVALID_OPTION',
      `token, or tokenFile, must be given where others can connect: ${host} is not loopback`,
    ]);
    const admin = await administer(given(), { host, token: 'a-token-of-my-own' });
    expect((await fetch(`${admin.url}/livez`)).status).toBe(200);
  });

  test.each(['localhost', '127.1', '::1'])('on %s is on loopback', async (host) => {
    const admin = await administer(given(), { host });
    expect((await fetch(`${admin.url}/livez`)).status).toBe(200);
  });
});

describe('a unix socket', () => {
  test('is its owner’s alone, answers, and is removed at the end', async () => {
    const path = join(folder(), 'admin.sock');
    const admin = await administer(given(), { path });
    expect([admin.address, admin.url, admin.port, admin.inspectorUrl]).toEqual([path, undefined, undefined, undefined]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await ask(admin, '/livez', { headers: { host: 'localhost' } })).status).toBe(200);
    expect((await ask(admin, '/stats', { headers: { host: 'localhost' }, token: admin.token })).status).toBe(200);
    await admin.close();
    expect(existsSync(path)).toBe(false);
  });

  test('leaves the mask of new files as it was', async () => {
    const before = process.umask();
    const umask = vi.spyOn(process, 'umask');
    await administer(given(), { path: join(folder(), 'admin.sock') });
    // Nobody may connect between bind and chmod either.
    expect(umask.mock.calls).toEqual([[0o177], [before]]);
    expect(process.umask()).toBe(before);
  });

  test('of a process that was killed is replaced', async () => {
    const path = join(folder(), 'admin.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', script]), 'exit');
    expect(existsSync(path)).toBe(true);
    const admin = await administer(given(), { path });
    expect((await ask(admin, '/livez', { headers: { host: 'localhost' } })).status).toBe(200);
  });

  test('that was removed, and made anew by another process, is left to that at the end', async () => {
    const path = join(folder(), 'admin.sock');
    const admin = await administer(given(), { path });
    await rm(path);
    await occupy(path);
    await admin.close();
    expect(existsSync(path)).toBe(true);
    const socket = connect(path);
    await withTimeout(once(socket, 'connect'), { what: 'the other process to be reached' });
    socket.destroy();
  });

  test('that was removed meanwhile is no problem at the end', async () => {
    const path = join(folder(), 'admin.sock');
    const admin = await administer(given(), { path });
    await rm(path);
    await admin.close();
    expect(existsSync(path)).toBe(false);
  });

  test('at which another process listens is left to it', async () => {
    const path = join(folder(), 'admin.sock');
    const other = await occupy(path);
    const error = await refusalOf({ path });
    expect([error.code, error.message]).toEqual([
      'CANNOT_LISTEN',
      `The admin can't listen: another process listens at ${path}: stop it, or give another path`,
    ]);
    expect(existsSync(path)).toBe(true);
    expect(other.listening).toBe(true);
  });

  test('where a file is, is refused, and the file stays', async () => {
    const path = join(folder(), 'admin.sock');
    writeFileSync(path, 'mine');
    expect((await refusalOf({ path })).message).toBe(
      `The admin can't listen: ${path} is there, and is no socket: remove it, or give another path`,
    );
    expect(statSync(path).size).toBe(4);
  });

  test('in a folder that is not there', async () => {
    const path = join(folder(), 'nowhere', 'admin.sock');
    expect((await refusalOf({ path })).message).toBe(
      `The admin can't listen: the folder of ${path} is not there: make it, or give another path`,
    );
  });

  test('of 107 bytes is taken, of 108 refused', async () => {
    const base = folder();
    const pathOf = (bytes: number) => join(base, 'x'.repeat(bytes - Buffer.byteLength(base) - 1));
    const admin = await administer(given(), { path: pathOf(107) });
    expect((await ask(admin, '/livez', { headers: { host: 'localhost' } })).status).toBe(200);
    const error = await refusalOf({ path: pathOf(108) });
    expect([error.code, error.message]).toEqual([
      'INVALID_OPTION',
      "path must be at most 107 bytes long, as sockets' paths are; this one has 108: use a shorter folder",
    ]);
  });
});

describe('a token file', () => {
  const TOKEN = 'a-token-of-a-file_16';

  async function file(text: string, mode = 0o600): Promise<string> {
    const path = join(folder(), 'token');
    await writeFile(path, text);
    await chmod(path, mode);
    return path;
  }

  test.each([0o600, 0o400, 0o640])('of mode %o is read', async (mode) => {
    const admin = await administer(given(), { tokenFile: await file(`${TOKEN}\n`, mode) });
    expect(admin.token).toBe(TOKEN);
    expect((await ask(admin, '/stats', { token: TOKEN })).status).toBe(200);
  });

  test('lets it listen where others can connect', async () => {
    await administer(given(), { host: '0.0.0.0', tokenFile: await file(TOKEN) });
    expect((await refusalOf({ host: '0.0.0.0' })).code).toBe('INVALID_OPTION');
  });

  test.each([
    ['is empty', '\n', 0o600, /it is empty: write a token into it, of `openssl rand -hex 32` for instance$/],
    ['is too short', 'short', 0o600, /it has to have one line with at least 16 letters, digits or -\._~$/],
    ['has two lines', `${TOKEN}\n${TOKEN}\n`, 0o600, /it has to have one line/],
    ['everybody can read', TOKEN, 0o644, /everybody can read it: take that away with `chmod o-rwx .*`$/],
    ['is too large', 'x'.repeat(4_097), 0o600, /it is larger than 4096 bytes$/],
  ])('that %s is refused', async (_, text, mode, message) => {
    const error = await refusalOf({ tokenFile: await file(text, mode) });
    expect(error.code).toBe('INVALID_OPTION');
    expect(error.message).toMatch(/^tokenFile must be a file with the token; \/.*\/token is none: /);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain(TOKEN);
  });

  test('that is not there, or is a directory, is refused', async () => {
    const path = folder();
    expect((await refusalOf({ tokenFile: join(path, 'token') })).message).toMatch(/is none: there is no such file$/);
    await mkdir(join(path, 'token'), { mode: 0o700 });
    expect((await refusalOf({ tokenFile: join(path, 'token') })).message).toMatch(/is none: it is a directory$/);
  });
});
