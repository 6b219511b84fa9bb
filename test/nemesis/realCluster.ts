/** Three nodes as processes of the command, one Redis, and a network between them that can be broken. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { BuiltCommand } from '../cli/command.ts';
import { freePort, type RedisServer, startRedisAt } from '../redis/redisServer.ts';
import { Namespaces } from './namespaces.ts';
import { Loopback, type Network } from './network.ts';
import { FIXTURES, NodeProcess } from './nodeProcess.ts';
import { Proxies } from './proxies.ts';

export interface RealCluster {
  readonly nodes: readonly NodeProcess[];
  readonly redis: RedisServer;
  readonly network: Network;
}

/** One entry a line, without those of each session. */
const LOG = ['--log-format', 'json', '--quiet'];

const NAMES = ['n1', 'n2', 'n3'];

/** All of it is gone when the test ends. `network`: which kind, where both would do. */
export async function startRealCluster(
  command: BuiltCommand,
  {
    network: kind,
    flags = [],
  }: { readonly network?: Network['kind'] | undefined; readonly flags?: readonly string[] } = {},
): Promise<RealCluster> {
  const redisPort = await freePort();
  const network = await networkOf(kind, redisPort);
  onTestFinished(() => network.dispose());
  // Nobody else gets into its namespace, or to loopback.
  const place = { host: network.redisHost, port: redisPort, within: network.withinRedis };
  const redis = await startRedisAt(place, '--protected-mode', 'no');
  onTestFinished(() => redis.dispose());
  const secret = await command.module('secret', 'the secret of the nodes of this test\n');
  const more = ['--cluster-secret-file', secret, '--resumable', ...flags, ...LOG];
  const words = [fileURLToPath(command.importUrl('cli/main.js')), join(FIXTURES, 'counterServer.js')];
  const nodes = await Promise.all(
    NAMES.map(async (name) => {
      const [port, peerPort] = [await freePort(), await freePort()];
      const addresses = await network.addressesOf(name, peerPort);
      const node = new NodeProcess({ name, addresses, port, peerPort, command: words, flags: more });
      onTestFinished(() => node.dispose());
      return node;
    }),
  );
  await Promise.all(nodes.map((node) => node.start()));
  return { nodes, redis, network };
}

/** One of this kind; where none is named, the best that the machine lets us have. */
async function networkOf(kind: Network['kind'] | undefined, redisPort: number): Promise<Network> {
  if (kind === 'loopback') return new Loopback(redisPort);
  const namespaces = kind === 'proxies' ? undefined : await Namespaces.open(redisPort);
  if (kind === 'namespaces' && namespaces === undefined) throw new Error('This machine lets nobody have namespaces');
  return namespaces ?? new Proxies(redisPort);
}
