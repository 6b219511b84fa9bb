/**
 * What sessions take of the heap whose clients say as much of themselves as they are let: docs/limits.md names the figure. The
 * shapes, and what they are measured by, are in `fixtures/largeInitializes.js`.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Running, start, useCommand } from '../cli/command.ts';

const FIXTURE = fileURLToPath(new URL('./fixtures/largeInitializes.js', import.meta.url));
/** Measuring takes its time where others are busy, in ms. */
const WITHIN = 170_000;
const MIB = 1024 * 1024;

interface Measured {
  readonly shape: string;
  readonly place: string;
  readonly way: string;
  /** Of its parts, as many as were let in. */
  readonly most: number;
  readonly held: number;
  /** What a session takes of the heap, in bytes. */
  readonly bytes: number;
}

const built = useCommand();

async function measured(running: Running): Promise<Measured[]> {
  expect(await running.exited(WITHIN), running.stderr.slice(-1_000)).toEqual({ code: 0, signal: null });
  expect(running.lines(/^done/)).toHaveLength(1);
  return running.lines(/^\{/).map((line) => JSON.parse(line));
}

/** Starts the fixture with so much heap, in MiB. */
function fixture(heap: number, ...args: readonly string[]): Running {
  return start(process.execPath, [
    '--expose-gc',
    `--max-old-space-size=${heap}`,
    FIXTURE,
    built.importUrl(''),
    ...args,
  ]);
}

/** What docs/limits.md says: kB of a session, and GB and MiB of `maxSessions` of them. */
async function promised() {
  const text = await readFile(new URL('../../docs/limits.md', import.meta.url), 'utf8');
  const said = /takes (\d+) kB of heap, and .* 10 000 of them ([\d.]+) GB: .*`--max-old-space-size=(\d+)`/.exec(text);
  const [, session, all, limit] = said ?? [];
  return { session: Number(session), all: Number(all), limit: Number(limit) };
}

test('the worst initialize that is let in takes what docs/limits.md says', { timeout: WITHIN }, async () => {
  const { session, all } = await promised();
  const shapes = await measured(fixture(1_000, 'measure'));
  expect(shapes.filter(({ held, most }) => held !== 25 || most < 100)).toEqual([]);
  expect(new Set(shapes.map(({ shape }) => shape)).size).toBe(14);
  const [worst] = shapes.sort((a, b) => b.bytes - a.bytes);
  expect(worst?.shape).toMatch(/^nested objects with (wide|two) names of their own$/);
  expect(worst?.bytes).toBeLessThan(session * 1_000 * 1.05);
  expect(worst?.bytes).toBeGreaterThan(session * 1_000 * 0.9);
  expect(all).toBe((session * 10_000) / 1_000_000);
});

test('a tenth of maxSessions of them live in a tenth of the heap that docs/limits.md asks for', {
  timeout: WITHIN,
}, async () => {
  const { session, limit } = await promised();
  const worst = 'nested objects with wide names of their own; clientInfo; as text';
  const [all] = await measured(fixture(limit / 10, 'hold', worst, '1000'));
  expect(all?.held).toBe(1_000);
  expect((all?.bytes ?? 0) * 1_000).toBeGreaterThan(0.8 * session * 1e6);
  expect((all?.bytes ?? 0) * 1_000).toBeLessThan((limit / 10) * MIB);
});
