/** What an idle session weighs: heap and resident memory that a fresh server gained by opening many, for each of them. */
import { startChild } from '../child.ts';
import { CONTENDERS, type ContenderName } from '../contenders.ts';
import type { OpenSessions } from '../load.ts';
import type { Memory } from '../servers/listen.ts';
import { CONNECTIONS, LOAD } from './requests.ts';
import { interleave, type Series } from './rounds.ts';

/** Bytes for one session. */
export interface IdleWeight {
  readonly heap: Series<ContenderName>;
  readonly rss: Series<ContenderName>;
}

export interface IdleEffort {
  readonly rounds: number;
  readonly sessions: number;
  /** Sessions opened before the first look, so that compiled code is not counted as theirs. */
  readonly warmUp: number;
}

export async function measureIdleSession(names: readonly ContenderName[], effort: IdleEffort): Promise<IdleWeight> {
  const load = await startChild(LOAD);
  try {
    return await interleave(names, effort.rounds, async (name) => {
      const server = await startChild(CONTENDERS[name]);
      try {
        const target = { port: server.port, connections: CONNECTIONS };
        await load.ask('openSessions', { ...target, count: effort.warmUp } satisfies OpenSessions);
        const before = await server.ask<Memory>('memory');
        await load.ask('openSessions', { ...target, count: effort.sessions } satisfies OpenSessions);
        const after = await server.ask<Memory>('memory');
        return {
          heap: (after.heap - before.heap) / effort.sessions,
          rss: (after.rss - before.rss) / effort.sessions,
        };
      } finally {
        await server.stop();
      }
    });
  } finally {
    await load.stop();
  }
}
