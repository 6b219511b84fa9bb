/**
 * What it costs to be inspected: the CPU time of a call without an inspector, with one, and with somebody looking. All
 * in one server, which is inspected or not from round to round: two processes differ by more than what is measured.
 */
import { startChild } from '../child.ts';
import { CONTENDERS } from '../contenders.ts';
import type { CallEcho, OpenSessions, Timed } from '../load.ts';
import type { Memory } from '../servers/listen.ts';
import { CONNECTIONS, LOAD, type RequestEffort } from './requests.ts';
import { interleave, type Series } from './rounds.ts';

const VIEWER = { module: new URL('../viewer.js', import.meta.url) };

export const INSPECTED = ['no inspector', 'an inspector', 'an inspector and a viewer'] as const;
export type Inspected = (typeof INSPECTED)[number];

export const FROZEN = 'an inspector and a viewer that stops reading';

/** CPU microseconds for one call, and calls a second; what the server holds after many calls, in bytes. */
export interface InspectionCost {
  readonly cpu: Series<Inspected>;
  readonly rate: Series<Inspected>;
  readonly held: Series<Inspected | typeof FROZEN>;
}

const MEMORY_ROUNDS = 3;

export interface InspectorEffort extends RequestEffort {
  /** Sessions that are there, and that are called in turn. */
  readonly sessions: number;
}

/** `tools/call` of the tool `echo` in many sessions in turn, so that all of them change all the time. */
export async function measureInspector(effort: InspectorEffort): Promise<InspectionCost> {
  const children = await Promise.all([startChild(LOAD), startChild(CONTENDERS.supervisor), startChild(VIEWER)]);
  const [load, server, viewer] = children;
  try {
    const target = { port: server.port, connections: CONNECTIONS };
    const opened = await load.ask<{ sessions: string[] }>('openSessions', {
      ...target,
      count: effort.sessions,
    } satisfies OpenSessions);
    let next = 0;
    const call = (count: number): Promise<Timed> => {
      const sessions = Array.from({ length: count }, () => opened.sessions[next++ % effort.sessions] as string);
      return load.ask('callEcho', { ...target, count, sessions } satisfies CallEcho);
    };
    await call(effort.warmUp);
    const costs = await interleave(INSPECTED, effort.rounds, async (inspected) => {
      if (inspected !== 'no inspector') {
        const url = await server.ask<string>('inspect');
        if (inspected !== 'an inspector') await viewer.ask('watch', { url, sessions: effort.sessions });
      }
      const before = await server.ask<number>('cpu');
      const { micros } = await call(effort.batch);
      const cpu = (await server.ask<number>('cpu')) - before;
      await viewer.ask('leave');
      await server.ask('inspectNoMore');
      return { cpu: cpu / effort.batch, rate: (effort.batch / micros) * 1e6 };
    });
    // Apart from the rest, since collecting garbage would be counted as the cost of calls.
    const memory = await interleave([INSPECTED[2], FROZEN], MEMORY_ROUNDS, async (viewed) => {
      const url = await server.ask<string>('inspect');
      await viewer.ask('watch', { url, sessions: effort.sessions });
      if (viewed === FROZEN) await viewer.ask('freeze');
      for (let batch = 0; batch < 5; batch++) await call(effort.batch);
      const { heap, external } = await server.ask<Memory>('memory');
      await viewer.ask('leave');
      await server.ask('inspectNoMore');
      return { held: heap + external };
    });
    return { ...costs, ...memory };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}
