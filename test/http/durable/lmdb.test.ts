/** Sessions in a folder: a process goes, orderly or not, and another one has the folder. */
import { describe, expect, test } from 'vitest';
import { freshPath, stores } from '../../lmdb/folders.ts';
import { withTimeout } from '../../support/until.ts';
import {
  call,
  calling,
  del,
  expectGone,
  initializing,
  listen,
  open,
  type Process,
  ping,
  post,
  START,
  start,
} from './life.ts';

/** The stores of a folder, and a process over them; `at` is when it starts. */
function over(path: string, at = START): { process: Process; close: () => Promise<void> } {
  const { sessionStore, eventStore, close } = stores(path);
  return { process: start(sessionStore, { eventStore, at }), close };
}

describe('on LMDB', () => {
  test('sessions that a drain parked go on in the next process, and event ids of before lead to their streams', async () => {
    const path = await freshPath();
    const first = over(path);
    const id = await open(first.process, { 'x-user': 'ada' });
    const ada = { 'x-user': 'ada' };
    const stream = await listen(first.process, id, { ...ada, 'mcp-protocol-version': '2025-11-25' });
    await call(first.process, id, 'log', { level: 'error' }, ada);
    const told = await stream.next();
    expect(told).toMatchObject({ params: { data: 'error' } });
    const seen = stream.ids.at(-1) as string;
    expect(await call(first.process, id, 'count', {}, ada)).toBe('1');
    await withTimeout(first.process.supervisor.drain());
    await first.close();

    const second = over(path, START + 60_000);
    expect(await second.process.supervisor.record(id)).toMatchObject({ state: 'parked', principal: 'ada', epoch: 1 });
    await expectGone(second.process, id, { 'x-user': 'bob' });
    const resumed = await listen(second.process, id, { ...ada, 'last-event-id': seen });
    await call(second.process, id, 'log', { level: 'debug' }, ada);
    expect(await resumed.next()).toMatchObject({ params: { data: 'debug' } });
    expect(await call(second.process, id, 'count', {}, ada)).toBe('2');
    await resumed.cancel();
    await withTimeout(second.process.supervisor.drain());
    await second.close();
  });

  test('what was deleted stays deleted, in the next process too', async () => {
    const path = await freshPath();
    const first = over(path);
    const [kept, deleted] = [await open(first.process), await open(first.process)];
    expect((await del(first.process, deleted)).status).toBe(200);
    await withTimeout(first.process.supervisor.drain());
    await first.close();
    const second = over(path, START + 1_000);
    await expectGone(second.process, deleted);
    expect((await ping(second.process, kept)).status).toBe(200);
    await withTimeout(second.process.supervisor.drain());
    await second.close();
  });

  test('a folder that is closed under its supervisor: every request is answered, and nothing waits for it', async () => {
    const path = await freshPath();
    const { process, close } = over(path);
    const id = await open(process);
    await close();
    expect((await post(process, calling('count'), id)).message?.error?.code).toBe(-32000);
    expect((await ping(process, id)).status).toBe(503);
    expect((await post(process, initializing())).status).toBe(503);
    await withTimeout(process.supervisor.drain());
  });
});
