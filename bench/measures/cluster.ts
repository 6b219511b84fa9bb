/**
 * What several nodes cost: a call at the node that has its session, and at another one, in CPU time of both; how long
 * after the end of its lease a dead node's session is answered again; and how long a node takes to hand over all it has.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient } from 'redis';
import { type Child, startChild } from '../child.ts';
import type { CallEcho, EndSessions, OpenSessions } from '../load.ts';
import { freePort } from '../peerReport/peerProcess.ts';
import { ROOT } from '../root.ts';
import { CONNECTIONS, LOAD, type RequestEffort } from './requests.ts';
import { interleave, type Series } from './rounds.ts';

export const CLUSTERED = ['on Redis, by itself', 'at the owner', 'at another node, both'] as const;
type Clustered = (typeof CLUSTERED)[number];

export const TAKEN_OVER = 'after the end of the lease';
export const HANDED_OVER = '10 000 idle sessions';

export interface ClusterEffort extends RequestEffort {
  readonly takeovers: number;
  readonly handovers: number;
}

export interface ClusterCost {
  /** CPU microseconds for one call. */
  readonly cpu: Series<Clustered>;
  /** In ms. */
  readonly takeover: Series;
  readonly handover: Series;
}

/** Sessions that are handed over, and that calls are made in. */
const MANY = 10_000;
const CALLED = 2 * CONNECTIONS;

const JOINS_WITHIN = 30_000;

/** Where the directory has its lives; a life begins with the time at which its lease ends, by Redis' clock. */
const LIVES = 'mcp:{nodes}:lives';

interface Redis {
  readonly url: string;
  /** When the lease of a node ends, by the clock of this machine, in ms. */
  leaseEnd(node: string): Promise<number>;
  stop(): Promise<void>;
}

export async function measureCluster(effort: ClusterEffort): Promise<ClusterCost> {
  const redis = await startRedis();
  const load = await startChild(LOAD);
  try {
    const cpu = await measureCalls(redis, load, effort);
    return { cpu, takeover: await takeOver(redis, load, effort), handover: await handOver(redis, load, effort) };
  } finally {
    await load.stop();
    await redis.stop();
  }
}

async function startNode({ url }: Redis, node?: string): Promise<Child> {
  const args = ['--redis', url, ...(node === undefined ? [] : ['--node', node])];
  const child = await startChild({ module: new URL('../servers/node.js', import.meta.url), args });
  const deadline = Date.now() + JOINS_WITHIN;
  while (node !== undefined && (await child.ask('state')) !== 'member') {
    if (Date.now() > deadline) throw new Error(`${node} does not join`);
    await delay(20);
  }
  return child;
}

async function open(load: Child, { port }: Child, count: number): Promise<string[]> {
  const asked = { port, connections: CONNECTIONS, count } satisfies OpenSessions;
  return (await load.ask<{ sessions: string[] }>('openSessions', asked)).sessions;
}

async function call(load: Child, { port }: Child, sessions: readonly string[], count: number): Promise<void> {
  await load.ask('callEcho', { port, connections: CONNECTIONS, count, sessions } satisfies CallEcho);
}

async function measureCalls(redis: Redis, load: Child, effort: RequestEffort): Promise<Series<Clustered>> {
  const nodes = await Promise.all([startNode(redis), startNode(redis, 'calls-1'), startNode(redis, 'calls-2')]);
  const [alone, owner, other] = nodes;
  try {
    const [apart, owned] = [await open(load, alone, CALLED), await open(load, owner, CALLED)];
    const calls: Readonly<Record<Clustered, (count: number) => Promise<void>>> = {
      'on Redis, by itself': (count) => call(load, alone, apart, count),
      'at the owner': (count) => call(load, owner, owned, count),
      'at another node, both': (count) => call(load, other, owned, count),
    };
    const spent = async () => {
      const all = await Promise.all(nodes.map((node) => node.ask<number>('cpu')));
      return all as [number, number, number];
    };
    for (const warm of CLUSTERED) await calls[warm](effort.warmUp);
    const { cpu } = await interleave(CLUSTERED, effort.rounds, async (name) => {
      const before = await spent();
      await calls[name](effort.batch);
      const [ofAlone, ofOwner, ofOther] = (await spent()).map((after, n) => after - (before[n] ?? 0)) as typeof before;
      // What a node does without being asked is no part of another's call.
      const counted = {
        'on Redis, by itself': ofAlone,
        'at the owner': ofOwner,
        'at another node, both': ofOwner + ofOther,
      };
      return { cpu: counted[name] / effort.batch };
    });
    return cpu;
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
}

/** A node is killed, and its session asked for elsewhere at once. */
async function takeOver(redis: Redis, load: Child, { takeovers }: ClusterEffort): Promise<Series> {
  const heir = await startNode(redis, 'heir');
  try {
    const took: number[] = [];
    for (let n = 0; n <= takeovers; n++) {
      const node = await startNode(redis, `dead-${n}`);
      const sessions = await open(load, node, 1);
      process.kill(await node.ask<number>('pid'), 'SIGKILL');
      const lease = await redis.leaseEnd(`dead-${n}`);
      await call(load, heir, sessions, 1);
      took.push(Math.max(0, Date.now() - lease));
    }
    return new Map([[TAKEN_OVER, took.slice(1)]]); // the first was for the compiler
  } finally {
    await heir.stop();
  }
}

async function handOver(redis: Redis, load: Child, { handovers }: ClusterEffort): Promise<Series> {
  const heir = await startNode(redis, 'heir-of-many');
  try {
    const took: number[] = [];
    for (let n = 0; n < handovers; n++) {
      const node = await startNode(redis, `leaving-${n}`);
      const sessions = await open(load, node, MANY);
      took.push(await node.ask<number>('drain'));
      await node.stop();
      await load.ask('endSessions', { port: heir.port, connections: CONNECTIONS, sessions } satisfies EndSessions);
    }
    return new Map([[HANDED_OVER, took]]);
  } finally {
    await heir.stop();
  }
}

async function startRedis(): Promise<Redis> {
  spawnSync(process.execPath, [fileURLToPath(new URL('test/redis/installRedis.js', ROOT))], { stdio: 'inherit' });
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'bench-redis-'));
  const settings = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', ['--port', String(port), ...settings], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const url = `redis://127.0.0.1:${port}`;
  const client = createClient({ url });
  client.on('error', () => {}); // until it listens
  await client.connect();
  return {
    url,
    leaseEnd: async (node) => Number((await client.hGet(LIVES, node))?.split('\n')[0]),
    stop: async () => {
      client.destroy();
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
