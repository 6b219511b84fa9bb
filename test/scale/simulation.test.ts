/** Our own supervisor under many schedules, the same each time. `test/model/simulation.test.ts` tries others each time. */
import { expect, test } from 'vitest';
import { search } from '../model/search.ts';

test('the invariants hold in 80 000 steps that are the same each time', { timeout: 240_000 }, async () => {
  expect(await search(1, 80_000)).toBeGreaterThanOrEqual(80_000);
});
