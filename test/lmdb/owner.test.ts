/** A folder has one owner: who else wants it waits, and gets it when the owner lets go or dies. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Running, start, useCommand } from '../cli/command.ts';
import { sessionRecord } from '../stores/sessionRecords.ts';
import { until } from '../support/until.ts';
import { freshPath, stores } from './folders.ts';

const FIXTURE = fileURLToPath(new URL('./fixtures/writer.js', import.meta.url));
const built = useCommand();

/** Another process that has the folder, or waits for it, and does nothing with it. */
function holder(path: string): Running {
  return start(process.execPath, [FIXTURE, built.importUrl('lmdb/index.js'), path, 'idle']);
}

const inUse = expect.objectContaining({ name: 'SupervisorError', code: 'STORE_IN_USE' });

test('a second process is refused when it has waited', async () => {
  const path = await freshPath();
  await holder(path).line(/ready/);
  const { sessionStore, eventStore } = stores(path, { shutdownTimeout: 200 });
  const began = performance.now();
  await expect(sessionStore.load('id')).rejects.toEqual(inUse);
  expect(performance.now() - began).toBeGreaterThanOrEqual(190);
  await expect(eventStore.storeEvent('s:0', { jsonrpc: '2.0', method: 'm' })).rejects.toEqual(inUse);
  await expect(sessionStore.count()).rejects.toThrow(`${path}/data-`);
});

test('a process that is killed has let go of it at once', async () => {
  const path = await freshPath();
  const running = holder(path);
  await running.line(/ready/);
  const { sessionStore } = stores(path, { shutdownTimeout: 60_000 });
  let answered = false;
  const waiting = sessionStore.create(sessionRecord('id')).finally(() => {
    answered = true;
  });
  await expect(stores(path, { shutdownTimeout: 100 }).sessionStore.count()).rejects.toEqual(inUse);
  expect(answered).toBe(false);
  running.kill('SIGKILL');
  expect(await until(waiting)).toBe('created');
});

test('one that is stopped, but alive, has not', async () => {
  const path = await freshPath();
  const running = holder(path);
  await running.line(/ready/);
  running.kill('SIGSTOP');
  await expect(stores(path, { shutdownTimeout: 200 }).sessionStore.count()).rejects.toEqual(inUse);
});

test('stores that are closed have let go of it, and those that come after have it all', async () => {
  const path = await freshPath();
  const first = stores(path);
  await first.sessionStore.create(sessionRecord('id'));
  const second = stores(path);
  const waiting = second.sessionStore.load('id');
  await first.close();
  expect(await until(waiting)).toMatchObject({ verdict: 'found', record: { id: 'id' } });
  await second.close();
  const third = stores(path);
  expect(await third.sessionStore.remove('id', 1)).toBe('removed');
});

test('of many that wait, one gets it', async () => {
  const path = await freshPath();
  const running = holder(path);
  await running.line(/ready/);
  const waiting = Array.from({ length: 6 }, () => stores(path, { shutdownTimeout: 1_500 }).sessionStore.count());
  const settled = Promise.allSettled(waiting);
  running.kill('SIGKILL');
  const results = await until(settled);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', ...Array(5).fill('rejected')]);
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  expect(reasons).toEqual(Array(5).fill(inUse));
});

test('who was refused tries again when it is asked again', async () => {
  const path = await freshPath();
  const first = stores(path);
  await first.sessionStore.count();
  const { sessionStore } = stores(path, { shutdownTimeout: 100 });
  await expect(sessionStore.count()).rejects.toEqual(inUse);
  await first.close();
  expect(await until(sessionStore.count())).toEqual({ sessions: 0, parked: 0 });
});

test('stores that are closed while they wait wait no more', async () => {
  const path = await freshPath();
  await stores(path).sessionStore.count();
  const waiting = stores(path, { shutdownTimeout: 60_000 });
  const refused = waiting.sessionStore.count().catch((error: unknown) => error);
  await until(waiting.close().then(() => true));
  expect(await until(refused)).toMatchObject({ code: 'STORE_CLOSED' });
});

test('the sockets of the dead are removed, and a path may be longer than a socket’s', async () => {
  const path = join(await freshPath(), 'deep/'.repeat(30));
  await mkdir(path, { recursive: true, mode: 0o700 });
  for (let n = 0; n < 2; n++) {
    const running = holder(path);
    await running.line(/ready/);
    running.kill('SIGKILL');
    await running.exited();
  }
  const { sessionStore, close } = stores(path);
  await sessionStore.count();
  const [data = ''] = readdirSync(path);
  const sockets = () => readdirSync(join(path, data)).filter((name) => name.endsWith('.sock'));
  expect(sockets()).toHaveLength(1);
  await close();
  expect(sockets()).toEqual([]);
  expect(existsSync(join(path, data, 'data.mdb'))).toBe(true);
});
