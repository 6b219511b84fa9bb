/** Whether a session costs the same among few and among many: supervisors with crowds of different sizes, side by side. */
import { type Child, startChild } from '../child.ts';
import { interleave, type Series } from './rounds.ts';

const CROWD = { module: new URL('../crowd.js', import.meta.url) };

/** CPU microseconds for one operation, by the size of the crowd. */
export interface CrowdCost {
  readonly open: Series<string>;
  readonly use: Series<string>;
  /** Ending the oldest. */
  readonly end: Series<string>;
  /** Ending any. */
  readonly endAny: Series<string>;
}

export interface CrowdEffort {
  readonly rounds: number;
  /** Sessions opened, used and ended in a round; even. */
  readonly batch: number;
  /** Sessions opened and ended before the first round, in every crowd alike, for the JIT compiler. */
  readonly warmUp: number;
}

export async function measureCrowds(sizes: readonly number[], effort: CrowdEffort): Promise<CrowdCost> {
  const crowds = new Map<string, Child>();
  try {
    for (const size of sizes) {
      const crowd = await startChild(CROWD);
      crowds.set(String(size), crowd);
      await crowd.ask('churn', { count: effort.warmUp });
      await crowd.ask('fill', { sessions: size });
    }
    return await interleave([...crowds.keys()], effort.rounds, (size) =>
      (crowds.get(size) as Child).ask<Record<keyof CrowdCost, number>>('churn', { count: effort.batch }),
    );
  } finally {
    await Promise.all([...crowds.values()].map((child) => child.stop()));
  }
}
