/** A peer as a process of its own on a free port, gone when the test is over, with all that it started. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../root.ts';
import { IDLE_TIMEOUT, OUR_COMMAND, type Peer } from './peers.ts';

/** The package of the peers, and the Node in it. */
export const PEERS_FOLDER: URL = new URL('bench/peers/', ROOT);
export const NEWER_NODE: URL = new URL(
  `node_modules/node/bin/${process.platform === 'win32' ? 'node.exe' : 'node'}`,
  PEERS_FOLDER,
);

/** How long it may take to listen, and to end, in ms. */
const LISTENS_WITHIN = 30_000;
const ENDS_WITHIN = 3_000;

export interface RunningPeer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a peer. Rejects when it does not listen in time; the error holds what it printed. */
export async function startPeer(peer: Peer): Promise<RunningPeer> {
  const port = await freePort();
  const command = peer.newerNode ? fileURLToPath(NEWER_NODE) : process.execPath;
  const args = peer.run.map((arg) => {
    if (arg === OUR_COMMAND) return fileURLToPath(new URL('dist/cli/main.js', ROOT));
    return arg === '$PORT' ? String(port) : arg;
  });
  const child = spawn(command, args, {
    cwd: fileURLToPath(PEERS_FOLDER),
    env: { ...process.env, PORT: String(port), IDLE_TIMEOUT: String(IDLE_TIMEOUT) },
    // A group of its own, so that what it starts ends with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed = `${printed}${text}`.slice(-4_000);
    });
  }
  const stop = () => end(child);
  const deadline = Date.now() + LISTENS_WITHIN;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`${peer.name} does not listen; it printed:\n${printed}`);
    }
    await setTimeout(100);
  }
  return { url: `http://127.0.0.1:${port}/mcp`, stop };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).then((isOpen) => {
    socket.destroy();
    return isOpen === true;
  });
}

async function end(child: ChildProcess): Promise<void> {
  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // The group is gone.
    }
  };
  const closed = child.exitCode === null && child.signalCode === null ? once(child, 'close') : Promise.resolve();
  signal('SIGTERM');
  const patience = new AbortController();
  await Promise.race([closed, setTimeout(ENDS_WITHIN, undefined, { signal: patience.signal }).catch(() => {})]);
  patience.abort();
  signal('SIGKILL');
  await closed;
}
