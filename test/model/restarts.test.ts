/** Sessions over kills, drains and replacements of their process, at every moment that a store or a factory can wait. */
import { expect, test } from 'vitest';
import { createSessionSupervisor, type SessionSupervisorOptions } from '../../src/index.ts';
import { RestartFailure, simulateRestarts } from '../../src/testing/index.ts';

const SEED = Number(process.env['RESTARTS_SEED'] ?? 1);
const RUNS = Number(process.env['RESTARTS_RUNS'] ?? 30);

test('no session is lost, nothing acknowledged is lost, and nothing comes back', { timeout: 600_000 }, async () => {
  console.log(`restarts from seed ${SEED}; again with RESTARTS_SEED=${SEED}`);
  for (let n = 0; n < RUNS; n++) expect(await simulateRestarts({ seed: SEED + n })).toContain('0: p1 starts');
});

test('seeds that have found something', async () => {
  for (const seed of [7, 5_040, 11_042, 30_006, 31_011, 100_023, 7_000_095, 7_203_351, 1_594_897_323])
    expect(await simulateRestarts({ seed })).toContain('0: p1 starts');
});

test('it finds what a supervisor does wrong: one that keeps no records loses every session', async () => {
  const create = ({ sessionStore: _, parkAfter: __, ...options }: SessionSupervisorOptions) =>
    createSessionSupervisor(options);
  const found: unknown[] = [];
  for (let seed = 1; seed <= 10; seed++) await simulateRestarts({ seed, create }).catch((error) => found.push(error));
  expect(found.length).toBeGreaterThan(5);
  expect(found[0]).toBeInstanceOf(RestartFailure);
});
