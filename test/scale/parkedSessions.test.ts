/** What a session takes that is parked in memory: 100 000 of them, in a process of their own. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { start, useCommand } from '../cli/command.ts';

const FIXTURE = fileURLToPath(new URL('./fixtures/parkedSessions.js', import.meta.url));
/** Measuring takes its time where others are busy, in ms. */
const WITHIN = 120_000;

const built = useCommand();

test('a parked session takes 512 bytes at most, beside one copy of each handshake', { timeout: WITHIN }, async () => {
  const running = start(process.execPath, ['--expose-gc', FIXTURE, built.importUrl('index.js'), '100000']);
  expect(await running.exited(WITHIN), running.stderr.slice(-1_000)).toEqual({ code: 0, signal: null });
  const { parked, bytes, left } = JSON.parse(running.stdout);
  expect(parked).toBe(100_000);
  expect(bytes).toBeLessThanOrEqual(512);
  expect(bytes).toBeGreaterThan(200); // else it would not have been measured
  // 2 000 sessions with handshakes of 10 kB of their own have come and gone.
  expect(left).toBeLessThan(2_000_000);
});
