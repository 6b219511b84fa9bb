/** Real clients through a balancer that knows nothing of sessions, while nodes come and go: what they see of it. */
import { setTimeout as passing } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { useCommand } from '../cli/command.ts';
import { until } from '../support/until.ts';
import { startBalancer } from './balancer.ts';
import { type RealCluster, startRealCluster } from './realCluster.ts';
import { SdkLoad } from './sdkLoad.ts';
import { open, type Target } from './wireClient.ts';

const command = useCommand();

const CLIENTS = 9;

interface Loaded extends RealCluster {
  readonly load: SdkLoad;
  /** Resolves when so many calls more have been answered. */
  more(calls: number): Promise<void>;
}

async function underLoad(): Promise<Loaded> {
  const cluster = await startRealCluster(command, { network: 'loopback' });
  for (const node of cluster.nodes) await whenJoined(node);
  const load = new SdkLoad(await startBalancer(cluster.nodes), CLIENTS);
  const more = async (calls: number) => {
    const enough = load.calls + calls;
    await until(() => load.calls >= enough || load.troubles.length > 100, { within: 60_000, what: `${calls} calls` });
  };
  await more(100);
  return { ...cluster, load, more };
}

async function whenJoined(target: Target): Promise<void> {
  const joined = async () => (await open(target, 'joined')).outcome === 'ok';
  await until(joined, { within: 30_000, what: `${target.name} to join` });
}

function report({ calls, sessions, longest, troubles, told }: SdkLoad): void {
  const count = `${calls} calls in ${sessions} sessions, the longest ${Math.round(longest)} ms`;
  console.log([count, ...[...troubles, ...told].map(({ what }) => what)].join('\n'));
}

describe('through HAProxy', { timeout: 170_000 }, () => {
  test('all nodes are started anew, one after the other: no client sees an error', async () => {
    const { nodes, load, more } = await underLoad();
    for (const node of nodes) {
      expect(await node.terminate()).toBe(0);
      await node.start();
      await whenJoined(node);
      await more(100);
    }
    await load.stop();
    report(load);
    expect(load.troubles).toEqual([]);
    expect(load.told).toEqual([]);
  });

  test('a node is killed: nothing fails but calls that it was in', async () => {
    const { nodes, load, more } = await underLoad();
    const [node] = nodes;
    await node?.kill();
    const gone = performance.now();
    await more(300);
    await load.stop();
    report(load);
    expect(load.troubles.filter(({ begin }) => begin > gone)).toEqual([]);
    expect(load.troubles.length).toBeLessThanOrEqual(CLIENTS);
  });

  test('Redis is stopped for a second: no client sees an error', async () => {
    const { redis, load, more } = await underLoad();
    redis.pause();
    await passing(1_000); // this time is what is tried
    redis.resume();
    await more(300);
    await load.stop();
    report(load);
    expect(load.troubles).toEqual([]);
    expect(load.told).toEqual([]);
  });
});
