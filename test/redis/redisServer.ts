/** Processes of redis-server for the tests: each on a free port, with a folder of its own, ended with the tests. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createClient } from 'redis';
import { until } from '../support/until.ts';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Sends a command of these words, and resolves to the answer. */
  ask(...words: string[]): Promise<unknown>;
  /** Holds the process (SIGSTOP), and lets it go on. */
  pause(): void;
  resume(): void;
  /** Ends the process (SIGKILL), and resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again, on the same port: with what it has on its disk, or with nothing. */
  start(data: 'kept' | 'lost'): Promise<void>;
  /** Ends it for good. */
  dispose(): Promise<void>;
}

/** Where a server is: an address, and what its process is started with so that it has that. */
export interface RedisPlace {
  readonly host: string;
  readonly port: number;
  readonly within: readonly string[];
}

/** Starts a Redis that writes each command to its disk, with more settings as on its command line. */
export async function startRedis(...settings: string[]): Promise<RedisServer> {
  for (let tries = 1; ; tries++) {
    try {
      return await startRedisAt({ host: '127.0.0.1', port: await freePort(), within: [] }, ...settings);
    } catch (error) {
      if (tries === 3) throw error; // others look for free ports as well, and somebody may have taken it
    }
  }
}

export async function startRedisAt(place: RedisPlace, ...settings: string[]): Promise<RedisServer> {
  const { host, port, within } = place;
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const url = `redis://${host}:${port}`;
  let running: ChildProcess | undefined;
  const end = () => running?.kill('SIGKILL');
  process.on('exit', end);

  const server: RedisServer = {
    port,
    url,
    ask: (...words) => ask(url, words),
    pause: () => void running?.kill('SIGSTOP'),
    resume: () => void running?.kill('SIGCONT'),
    kill: async () => {
      const ended = running;
      running = undefined;
      if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return;
      const gone = new Promise((resolve) => ended.once('exit', resolve));
      ended.kill('SIGKILL');
      await until(gone.then(() => true));
    },
    start: async (data) => {
      if (data === 'lost') await rm(join(folder, 'appendonlydir'), { recursive: true, force: true });
      const more = ['--save', '', '--appendonly', 'yes', '--bind', host, ...settings];
      const [file = '', ...args] = [...within, 'redis-server', '--port', String(port), '--dir', folder, ...more];
      running = spawn(file, args, { stdio: 'ignore' });
      const { signal } = ended(running);
      const answers = () => ask(url, ['PING']).then(Boolean, ({ message }) => /NOAUTH|unknown command/.test(message));
      await until(async () => signal.aborted || (await answers()), {
        within: 15_000,
        what: `redis-server to answer at ${url}`,
      });
      if (signal.aborted) throw new Error(`redis-server ended at once: is there another at ${url}?`);
    },
    dispose: async () => {
      process.off('exit', end);
      await server.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await server.start('kept');
  } catch (error) {
    await server.dispose();
    throw error;
  }
  return server;
}

export interface RedisCluster {
  /** The masters, in the order of their slots. */
  readonly nodes: readonly RedisServer[];
  dispose(): Promise<void>;
}

/** Starts a Redis Cluster of three masters. */
export async function startCluster(): Promise<RedisCluster> {
  const nodes = await Promise.all(
    [0, 1, 2].map(async () => {
      const settings = [
        '--cluster-enabled',
        'yes',
        '--cluster-node-timeout',
        '2000',
        '--cluster-require-full-coverage',
        'no',
      ];
      return startRedis(...settings, '--cluster-port', String(await freePort()));
    }),
  );
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes']);
  for (const node of nodes) {
    await until(async () => /cluster_state:ok/.test(String(await node.ask('CLUSTER', 'INFO'))), { within: 15_000 });
  }
  return { nodes, dispose: async () => void (await Promise.all(nodes.map((node) => node.dispose()))) };
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Is aborted when a process has ended. */
function ended(child: ChildProcess): AbortController {
  const controller = new AbortController();
  child.once('exit', () => controller.abort());
  return controller;
}

async function ask(url: string, words: readonly string[]): Promise<unknown> {
  const client = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 2_000 } });
  client.on('error', () => {});
  try {
    await client.connect();
    return await client.sendCommand([...words]);
  } finally {
    client.destroy();
  }
}
