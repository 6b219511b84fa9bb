/**
 * What it costs to stand before servers on stdio: CPU time of a call, memory of a session, and the time until a session is
 * there. Of the gateway's process alone, read from /proc: what its children cost is their own.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChild } from '../child.ts';
import type { CallEcho, OpenSessions, Timed } from '../load.ts';
import { freePort } from '../peerReport/peerProcess.ts';
import { type Gateway, MCP_PROXY, OURS, SUPERGATEWAY, type Wishes } from '../stdioReport/gateways.ts';
import { cpuMicrosOf, residentMemory, signal } from '../stdioReport/processes.ts';
import { Running } from '../stdioReport/running.ts';
import { CONNECTIONS, LOAD, type RequestEffort } from './requests.ts';
import { interleave, type Series } from './rounds.ts';

export const STDIO = ['mcp-session-supervisor', 'supergateway', 'mcp-proxy'] as const;
export type StdioName = (typeof STDIO)[number];

/** Ours with two spares, as another contender in who opens sessions sooner. */
export const WARM = 'mcp-session-supervisor, with --warm 2';

export interface StdioEffort extends RequestEffort {
  /** Sessions that are opened at once to be weighed, and how often. */
  readonly sessions: number;
  readonly weighings: number;
  /** Sessions that are opened one by one and timed. */
  readonly starts: number;
}

export interface StdioCost {
  /** CPU microseconds of the gateway for one call, and calls a second. */
  readonly cpu: Series<StdioName>;
  readonly rate: Series<StdioName>;
  /** Resident bytes of the gateway for one session. */
  readonly rss: Series<StdioName>;
  /** Milliseconds from POST initialize to its answer. */
  readonly start: Series;
}

const GATEWAYS: Readonly<Record<StdioName, Gateway>> = {
  'mcp-session-supervisor': OURS,
  supergateway: SUPERGATEWAY,
  'mcp-proxy': MCP_PROXY,
};

const ECHO = fileURLToPath(new URL('../servers/stdioEcho.js', import.meta.url));
const COLLECT = new URL('../servers/collectOnSignal.js', import.meta.url).href;

/** Sessions that calls are made in: each is a process, and all of them want their share of the machine. */
const CALLED = 4;
/** Opened before a gateway is weighed, so that neither compiled code nor the first growth of a heap is counted as a session’s. */
const WARM_UP = 150;
/** Between two sessions that are timed, in ms: enough for another spare to be ready. */
const PAUSE = 1_000;
const MANY = 1_000;
const STOPS_WITHIN = 8_000;

/** A shell that gives each request the answer of an initialize: a few hundred of them fit on a machine. */
const TINY = [
  'sh',
  '-c',
  `while read -r line; do case $line in *'"id":'*) id=\${line#*'"id":'}; id=\${id%%[,\\}]*}; printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"tiny","version":"1.0.0"}}}\\n' "$id";; esac; done`,
];

interface Served {
  readonly running: Running;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a gateway before a server, with flags for its Node. */
async function serve(
  gateway: Gateway,
  { command = [process.execPath, ECHO], flags = [], wishes = {} }: Start = {},
): Promise<Served> {
  const port = await freePort();
  const asked = { maxSessions: MANY, idleTimeout: 600_000, ...wishes };
  const [node = '', ...args] = gateway.run(command, port, asked);
  const running = new Running(port, [node, ...flags, ...args], {});
  const stop = async () => {
    running.signal('SIGTERM');
    const deadline = Date.now() + STOPS_WITHIN;
    while (!running.isGone && Date.now() < deadline) await delay(50);
    running.kill();
  };
  await running.listened;
  if (running.listens) return { running, port, stop };
  await stop();
  throw new Error(`${gateway.name} does not start: ${running.printed}`);
}

interface Start {
  readonly command?: readonly string[];
  readonly flags?: readonly string[];
  readonly wishes?: Wishes;
}

export async function measureStdio(effort: StdioEffort): Promise<StdioCost> {
  return { ...(await measureCalls(STDIO, effort)), ...(await weigh(effort)), ...(await time(effort)) };
}

/** `tools/call` of a tool that echoes. `flags` are for the gateway's Node. */
export async function measureCalls(
  names: readonly StdioName[],
  { rounds, batch, warmUp }: RequestEffort,
  flags: readonly string[] = [],
): Promise<Pick<StdioCost, 'cpu' | 'rate'>> {
  const load = await startChild(LOAD);
  const all = new Map<StdioName, { pid: number; call: (count: number) => Promise<Timed> }>();
  const stops: (() => Promise<void>)[] = [() => load.stop()];
  try {
    for (const name of names) {
      const { running, port, stop } = await serve(GATEWAYS[name], { flags });
      stops.push(stop);
      const target = { port, connections: CONNECTIONS };
      const { sessions } = await load.ask<{ sessions: string[] }>('openSessions', {
        ...target,
        count: CALLED,
      } satisfies OpenSessions);
      const call = (count: number) => load.ask<Timed>('callEcho', { ...target, count, sessions } satisfies CallEcho);
      await call(warmUp);
      all.set(name, { pid: running.pid, call });
    }
    return await interleave(names, rounds, async (name) => {
      const { pid, call } = all.get(name) as { pid: number; call: (count: number) => Promise<Timed> };
      const before = cpuMicrosOf(pid);
      const { micros } = await call(batch);
      return { cpu: (cpuMicrosOf(pid) - before) / batch, rate: (batch / micros) * 1e6 };
    });
  } finally {
    await Promise.all(stops.map((stop) => stop()));
  }
}

/** A fresh gateway for each sample; its garbage is collected before each look. */
async function weigh({ sessions, weighings }: StdioEffort): Promise<Pick<StdioCost, 'rss'>> {
  const load = await startChild(LOAD);
  try {
    return await interleave(STDIO, weighings, async (name) => {
      const flags = ['--expose-gc', '--import', COLLECT];
      const { running, port, stop } = await serve(GATEWAYS[name], { command: TINY, flags });
      try {
        const open = (count: number) =>
          load.ask('openSessions', { port, connections: 4, count } satisfies OpenSessions);
        const look = async () => {
          signal(running.pid, 'SIGUSR2');
          await delay(1_500);
          return residentMemory(running.pid);
        };
        await open(WARM_UP);
        const before = await look();
        await open(sessions);
        return { rss: ((await look()) - before) / sessions };
      } finally {
        await stop();
      }
    });
  } finally {
    await load.stop();
  }
}

/** One session after the other, with pauses; the first of each is not counted. */
async function time({ starts }: StdioEffort): Promise<Pick<StdioCost, 'start'>> {
  const names = [WARM, ...STDIO];
  const all = new Map<string, Served>();
  try {
    for (const name of names) {
      const gateway = name === WARM ? OURS : GATEWAYS[name as StdioName];
      all.set(name, await serve(gateway, { wishes: name === WARM ? { warm: 2 } : {} }));
    }
    const sample = async (name: string) => {
      const { running } = all.get(name) as Served;
      await delay(PAUSE);
      const { sessionId, status, ms } = await running.initialize();
      if (status !== 200 || sessionId === undefined) throw new Error(`${name}: initialize gets ${status}`);
      await running.wire.delete(sessionId);
      return { start: ms };
    };
    for (const name of names) await sample(name);
    return await interleave(names, starts, sample);
  } finally {
    await Promise.all([...all.values()].map(({ stop }) => stop()));
  }
}
