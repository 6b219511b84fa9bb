/** kill -9 while it writes, again and again: what was acknowledged is there, what was removed is not, and nothing else. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { start, useCommand } from '../cli/command.ts';
import { freshPath, stores } from '../lmdb/folders.ts';
import { until } from '../support/until.ts';

const FIXTURE = fileURLToPath(new URL('../lmdb/fixtures/writer.js', import.meta.url));
const WITHIN = 60_000;

const built = useCommand();

type Line = ['created' | 'removed', string] | ['event' | 'updated' | 'claimed', string, string | number];

test.each([
  ['process', 3],
  ['power', 2],
] as const)('durability %s, %d kills', { timeout: WITHIN }, async (durability, kills) => {
  const path = await freshPath();
  const acknowledged: Line[] = [];
  for (let n = 0; n < kills; n++) {
    const args = [FIXTURE, built.importUrl('lmdb/index.js'), path, String(n * 1_000_000), durability];
    const running = start(process.execPath, args);
    // The one before was killed, so nobody waits for it to let go.
    await running.line(/ready/);
    const enough = 200 + 37 * n;
    await until(() => running.stdout.split('\n').length > enough, { what: `${enough} writes`, within: 30_000 });
    running.kill('SIGKILL');
    await running.exited();
    // The last line may have been cut.
    acknowledged.push(...running.lines(/^\["(?!ready).*\]$/).map((line) => JSON.parse(line)));
  }
  expect(acknowledged.length).toBeGreaterThan(kills * 200);

  const { sessionStore, eventStore } = stores(path);
  const removed = new Set(acknowledged.flatMap(([what, id]) => (what === 'removed' ? [id] : [])));
  expect(removed.size).toBeGreaterThan(10);
  const wrong: unknown[] = [];
  for (const line of acknowledged) {
    const [what, id, value] = line;
    const loaded = await sessionStore.load(id);
    const record = loaded.verdict === 'found' ? loaded.record : undefined;
    // It may have been removed and not have come to say so.
    const mayBeGone = removed.has(id) || Number(id.slice(1)) % 3 === 2;
    if (removed.has(id) ? record !== undefined : record === undefined && !mayBeGone) wrong.push(line);
    if (record === undefined) continue;
    if (what === 'updated' && record.state !== `{"n":${value}}`) wrong.push(line);
    if (what === 'claimed' && record.epoch !== value) wrong.push(line);
    if (what === 'event' && (await eventStore.getStreamIdForEventId(String(value))) !== `${id}:0`) wrong.push(line);
  }
  expect(wrong).toEqual([]);

  // The counts and the order of deadlines are as if nobody had been killed.
  const ids = new Set(acknowledged.map(([, id]) => id).filter((id) => !removed.has(id)));
  const { sessions, parked } = await sessionStore.count();
  expect(sessions).toBeGreaterThanOrEqual([...ids].filter((id) => Number(id.slice(1)) % 3 !== 2).length);
  expect(parked).toBe(sessions);
  expect(await sessionStore.countOf(null)).toBe(sessions);
  let last: Awaited<ReturnType<typeof sessionStore.expired>>[number] | undefined;
  let expired = 0;
  do {
    const page = await sessionStore.expired(2_000, 100, last);
    last = page.at(-1);
    expired += page.length;
  } while (last !== undefined);
  expect(expired).toBe(sessions);
});
