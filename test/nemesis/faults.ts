/** What a nemesis does to a cluster: each fault by itself, from its beginning until all is as it was. */
import { setTimeout as passing } from 'node:timers/promises';
import type { RedisServer } from '../redis/redisServer.ts';
import { type Cut, type Network, REDIS } from './network.ts';
import type { NodeProcess } from './nodeProcess.ts';

/** The lease time of the command, in ms. */
export const LEASE = 5_000;

export interface Attacked {
  readonly nodes: readonly NodeProcess[];
  readonly redis: RedisServer;
  readonly network: Network;
  readonly random: () => number;
  /** When Redis came back without its data. */
  readonly losses: number[];
  log(line: string): void;
}

export type Fault = (attacked: Attacked) => Promise<void>;

function any<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T;
}

const both = (one: string, other: string): Cut[] => [
  { from: one, to: other },
  { from: other, to: one },
];

const paused =
  (ms: number): Fault =>
  async ({ nodes, random, log }) => {
    const node = any(nodes, random);
    log(`SIGSTOP of ${node.name} for ${ms} ms`);
    node.pause();
    await passing(ms);
    node.resume();
  };

const killed: Fault = async ({ nodes, random, log }) => {
  const node = any(nodes, random);
  const away = Math.round(2_000 * random());
  log(`SIGKILL of ${node.name}, started again after ${away} ms`);
  await node.kill();
  await passing(away);
  await node.start();
};

const drained: Fault = async ({ nodes, random, log }) => {
  const node = any(nodes, random);
  log(`SIGTERM of ${node.name}, started again when it has ended`);
  const code = await node.terminate();
  log(`${node.name} ended with ${code}`);
  await node.start();
};

const redisPaused =
  (ms: number): Fault =>
  async ({ redis, log }) => {
    log(`SIGSTOP of Redis for ${ms} ms`);
    redis.pause();
    await passing(ms);
    redis.resume();
  };

const redisKilled: Fault = async ({ redis, random, log }) => {
  const away = Math.round(4_000 * random());
  log(`SIGKILL of Redis, started again with its data after ${away} ms`);
  await redis.kill();
  await passing(away);
  await redis.start('kept');
};

const redisLost: Fault = async ({ redis, losses, log }) => {
  log('SIGKILL of Redis, started again without its data');
  await redis.kill();
  losses.push(performance.now());
  await redis.start('lost');
};

const cut =
  (what: string, ms: number, ways: (one: string, other: string) => Cut[]): Fault =>
  async ({ nodes, network, random, log }) => {
    const [one, other] = two(nodes, random);
    const cuts = ways(one, other);
    log(`${what} for ${ms} ms: ${cuts.map(({ from, to }) => `${from} → ${to}`).join(', ')}`);
    await network.cut(cuts);
    await passing(ms);
    await network.heal();
  };

const late: Fault = async ({ nodes, network, random, log }) => {
  if (!network.delays) return log('this network does not delay');
  const [one, other] = two(nodes, random);
  const ms = 100 + Math.round(400 * random());
  log(`${ms} ms late for ${LEASE} ms: ${one} and Redis, and what is sent to ${other}`);
  await network.delay([...both(one, REDIS), { from: one, to: other }], ms);
  await passing(LEASE);
  await network.heal();
};

function two(nodes: readonly NodeProcess[], random: () => number): [string, string] {
  const one = any(nodes, random);
  const other = any(
    nodes.filter((node) => node !== one),
    random,
  );
  return [one.name, other.name];
}

/** All of them, by name. What breaks the least is first. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'a pause shorter than the lease': paused(LEASE - 1_000),
  'a pause longer than the lease': paused(LEASE + 1_000),
  'a pause of three leases': paused(3 * LEASE),
  'a kill': killed,
  'a drain': drained,
  'Redis paused for a moment': redisPaused(1_000),
  'Redis paused for more than a lease': redisPaused(LEASE + 1_000),
  'Redis killed': redisKilled,
  'Redis emptied': redisLost,
  'a node cut off Redis': cut('cut', LEASE + 1_000, (one) => both(one, REDIS)),
  'a node that Redis does not hear': cut('one way cut', LEASE + 1_000, (one) => [{ from: one, to: REDIS }]),
  'a node that does not hear Redis': cut('one way cut', LEASE + 1_000, (one) => [{ from: REDIS, to: one }]),
  'two nodes apart': cut('cut', LEASE + 1_000, both),
  'a node that another does not hear': cut('one way cut', LEASE + 1_000, (one, other) => [{ from: one, to: other }]),
  'a network that is slow': late,
};
