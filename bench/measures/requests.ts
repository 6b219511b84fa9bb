/** What a request costs a server: the CPU time of its process while another process loads it, for each operation. */
import { type Child, startChild } from '../child.ts';
import { CONTENDERS, type ContenderName } from '../contenders.ts';
import type { CallEcho, EndSessions, OpenSessions, Timed } from '../load.ts';
import { interleave, type Series } from './rounds.ts';

export const LOAD = { module: new URL('../load.js', import.meta.url) };
export const CONNECTIONS = 8;

/** CPU microseconds of the server and operations a second, for one operation. */
export interface RequestCost {
  readonly cpu: Series<ContenderName>;
  readonly rate: Series<ContenderName>;
}

export interface RequestEffort {
  readonly rounds: number;
  /** Operations in a round. */
  readonly batch: number;
  /** Operations before the first round, for the JIT compiler. */
  readonly warmUp: number;
}

type Batch = (count: number) => Promise<Timed>;

/** What is done around each batch that counts, besides counting: a profiler is started and stopped here. */
export type Around = (name: ContenderName, server: Child, batch: () => Promise<Timed>) => Promise<Timed>;

const nothingAround: Around = (_name, _server, batch) => batch();

async function measureRequests(
  names: readonly ContenderName[],
  effort: RequestEffort,
  around: Around,
  /** `less` is measured after each batch, and its cost taken off. */
  prepare: (server: Child, load: Child) => Promise<{ batch: Batch; less?: Batch; tidy?: () => Promise<void> }>,
): Promise<RequestCost> {
  const load = await startChild(LOAD);
  const servers = new Map<ContenderName, Child>();
  try {
    const sampling = new Map<ContenderName, () => Promise<{ cpu: number; rate: number }>>();
    for (const name of names) {
      const server = await startChild(CONTENDERS[name]);
      servers.set(name, server);
      const { batch, less, tidy } = await prepare(server, load);
      await batch(effort.warmUp);
      await tidy?.();
      sampling.set(name, async () => {
        const before = await server.ask<number>('cpu');
        const { micros } = await around(name, server, () => batch(effort.batch));
        const after = await server.ask<number>('cpu');
        await less?.(effort.batch);
        const cpu = after - before - (less === undefined ? 0 : (await server.ask<number>('cpu')) - after);
        await tidy?.();
        return { cpu: cpu / effort.batch, rate: (effort.batch / micros) * 1e6 };
      });
    }
    return await interleave(names, effort.rounds, (name) =>
      (sampling.get(name) as () => Promise<{ cpu: number; rate: number }>)(),
    );
  } finally {
    await Promise.all([load, ...servers.values()].map((child) => child.stop()));
  }
}

/** `tools/call` of a tool that says what it was told, in sessions that were opened before. */
export function measureEcho(
  names: readonly ContenderName[],
  effort: RequestEffort,
  around: Around = nothingAround,
  tool = 'echo',
): Promise<RequestCost> {
  return measureRequests(names, effort, around, async ({ port }, load) => {
    const target = { port, connections: CONNECTIONS };
    const opened = await load.ask<{ sessions: string[] }>('openSessions', {
      ...target,
      count: CONNECTIONS * 2,
    } satisfies OpenSessions);
    const batch: Batch = (count) =>
      load.ask('callEcho', { ...target, count, sessions: opened.sessions, tool } satisfies CallEcho);
    return { batch };
  });
}

/** `tools/call` of the same tool without a session, as revision 2026-07-28 has it. */
export function measureModern(
  names: readonly ContenderName[],
  effort: RequestEffort,
  around: Around = nothingAround,
): Promise<RequestCost> {
  return measureRequests(names, effort, around, async ({ port }, load) => ({
    batch: (count) => load.ask('callModern', { port, connections: CONNECTIONS, count } satisfies OpenSessions),
  }));
}

/**
 * `initialize` and `notifications/initialized`. The sessions stay open while they are counted and are deleted between
 * the rounds. No collection is forced there: it would throw compiled code away, and what compiling it again costs is
 * more than what is measured. So a session's garbage is counted when it comes, in a later round.
 */
export function measureHandshake(
  names: readonly ContenderName[],
  effort: RequestEffort,
  around: Around = nothingAround,
): Promise<RequestCost> {
  return measureRequests(names, effort, around, async ({ port }, load) => {
    const target = { port, connections: CONNECTIONS };
    let sessions: string[] = [];
    return {
      batch: async (count) => {
        const opened = await load.ask<Timed & { sessions: string[] }>('openSessions', {
          ...target,
          count,
        } satisfies OpenSessions);
        sessions = opened.sessions;
        return opened;
      },
      tidy: async () => {
        await load.ask('endSessions', { ...target, sessions } satisfies EndSessions);
      },
    };
  });
}

/** The first call in each of the sessions that an earlier supervisor has left, which brings them back, less the second. */
export function measureRestore(names: readonly ContenderName[], effort: RequestEffort): Promise<RequestCost> {
  return measureRequests(names, effort, nothingAround, async (server, load) => {
    const target = { port: server.port, connections: CONNECTIONS };
    let sessions: string[] = [];
    const prepare = async (count: number) => {
      if (sessions.length > 0) await load.ask('endSessions', { ...target, sessions } satisfies EndSessions);
      ({ sessions } = await load.ask<{ sessions: string[] }>('openSessions', {
        ...target,
        count,
      } satisfies OpenSessions));
      await server.ask('restart');
    };
    await prepare(effort.warmUp);
    const batch: Batch = (count) => load.ask('callEcho', { ...target, count, sessions } satisfies CallEcho);
    return {
      batch,
      less: batch,
      tidy: () => prepare(effort.batch),
    };
  });
}
