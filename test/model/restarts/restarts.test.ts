/** Sessions over kills, drains and replacements of their process, at every moment that a store or a factory can wait. */
import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { runSeed } from './schedule.ts';

const SEED = Number(process.env['RESTARTS_SEED'] ?? randomInt(2 ** 31));
const RUNS = Number(process.env['RESTARTS_RUNS'] ?? 60);

test('no session is lost, nothing acknowledged is lost, and nothing comes back', { timeout: 600_000 }, async () => {
  console.log(`restarts from seed ${SEED}; again with RESTARTS_SEED=${SEED}`);
  for (let n = 0; n < RUNS; n++) expect(await runSeed(SEED + n, 100)).toBeUndefined();
});
