/** The load, in a process of its own, so that what it costs is not counted as the server's. */
import { Agent } from 'node:http';
import { answerParent } from './child.ts';
import { callEcho, callModern, endSession, openSession, type Peer } from './mcpClient.ts';

/** The server to load, and how many connections to keep busy at once. */
export interface Load {
  readonly port: number;
  readonly connections: number;
}

export interface OpenSessions extends Load {
  readonly count: number;
}

export interface CallEcho extends Load {
  readonly count: number;
  /** The sessions to call in, in turn. */
  readonly sessions: readonly string[];
  /** Default `echo`. */
  readonly tool?: string;
}

export interface EndSessions extends Load {
  readonly sessions: readonly string[];
}

/** How long a batch took on the wall clock. */
export interface Timed {
  readonly micros: number;
}

async function inParallel(
  load: Load,
  count: number,
  operate: (peer: Peer, index: number) => Promise<void>,
): Promise<Timed> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const peer: Peer = { port: load.port, agent };
  let next = 0;
  const keepBusy = async () => {
    for (let index = next++; index < count; index = next++) await operate(peer, index);
  };
  const start = performance.now();
  try {
    await Promise.all(Array.from({ length: load.connections }, keepBusy));
    return { micros: (performance.now() - start) * 1000 };
  } finally {
    agent.destroy();
  }
}

answerParent({
  openSessions: async (load: OpenSessions): Promise<Timed & { sessions: string[] }> => {
    const sessions: string[] = [];
    const timed = await inParallel(load, load.count, async (peer) => {
      sessions.push(await openSession(peer));
    });
    return { ...timed, sessions };
  },
  callEcho: (load: CallEcho) =>
    inParallel(load, load.count, (peer, index) =>
      callEcho(peer, load.sessions[index % load.sessions.length] as string, load.tool),
    ),
  callModern: (load: OpenSessions) => inParallel(load, load.count, (peer) => callModern(peer)),
  endSessions: (load: EndSessions) =>
    inParallel(load, load.sessions.length, (peer, index) => endSession(peer, load.sessions[index] as string)),
});
