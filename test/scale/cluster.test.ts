/** Many schedules of a cluster, the same each time; `test/model/cluster.test.ts` tries a few. */
import { expect, test } from 'vitest';
import { simulateCluster } from '../../src/testing/index.ts';

const SEEDS = 50;

test('several nodes keep their word under 50 schedules', { timeout: 240_000 }, async () => {
  for (let seed = 1_001; seed <= 1_000 + SEEDS; seed++) expect(await simulateCluster({ seed })).not.toEqual([]);
});
