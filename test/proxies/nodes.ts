/** The two nodes of the operator's page: its unit's command line, with a server, ports and files of the tests. */
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuiltCommand, Running } from '../cli/command.ts';
import { freePort, startRedis } from '../redis/redisServer.ts';
import { until } from '../support/until.ts';
import { block, commandOf } from './documented.ts';

/** A process takes a while to start, and to end, where others are busy, in ms. */
const WITHIN = 30_000;

/** What the tests can't wait for: comments every half second in place of 15 s. */
const QUICKER = ['--keep-alive-interval', '500ms'];

/** Told how something is ended. */
export type OnEnd = (end: () => Promise<void>) => void;

export interface Ports {
  readonly endpoint: number;
  readonly admin: number;
}

export class Node {
  readonly #command: BuiltCommand;
  readonly #args: readonly string[];
  readonly #health: string;
  readonly #onEnd: OnEnd;
  #running: Running | undefined;
  #earlier = '';

  constructor(command: BuiltCommand, args: readonly string[], health: string, onEnd: OnEnd) {
    this.#command = command;
    this.#args = args;
    this.#health = health;
    this.#onEnd = onEnd;
  }

  /** Starts it, and resolves when it is ready, as the unit's `ExecStartPost` does. */
  async start(): Promise<void> {
    const running = this.#command.run(this.#args, { onEnd: this.#onEnd });
    if (this.#running !== undefined) this.#earlier = this.said();
    this.#running = running;
    const ready = () =>
      fetch(`${this.#health}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    let isOver = false;
    void running.exited(10 * WITHIN).then(
      () => {
        isOver = true;
      },
      () => {},
    );
    await until(async () => isOver || (await ready()), { within: WITHIN, what: 'a node to be ready' });
    if (isOver) throw new Error(`A node ended at once: ${running.stdout}${running.stderr}`);
  }

  /** What it said, in all its lives. */
  said(): string {
    return `${this.#earlier}${this.#running?.stdout}${this.#running?.stderr}`;
  }

  /** SIGKILL; it can be started again. */
  async kill(): Promise<void> {
    this.#running?.kill('SIGKILL');
    await this.#running?.exited(WITHIN);
  }

  /** SIGTERM; resolves to the exit code. */
  async stop(): Promise<number | null> {
    this.#running?.kill('SIGTERM');
    const { code } = (await this.#running?.exited(WITHIN)) ?? { code: null };
    return code;
  }
}

/** Its command line, with the server of the tests and what `given` has in place of each word. */
function nodeOf(command: BuiltCommand, start: Start): Node {
  const { unit, instance, admin, given, onEnd } = start;
  const [program = '', module = '', ...flags] = commandOf(unit, instance, command.directory);
  if (!program.endsWith('/mcp-session-supervisor') || module.startsWith('-')) throw new Error('Not the unit we know');
  const args = [join(import.meta.dirname, 'fixtures/server.js'), ...flags.map(given), ...QUICKER];
  return new Node(command, args, `http://127.0.0.${instance}:${admin}`, onEnd);
}

interface Start {
  readonly unit: string;
  readonly instance: string;
  readonly admin: number;
  readonly given: (word: string) => string;
  readonly onEnd: OnEnd;
}

/** Ports for the nodes, and the files that systemd would give them. */
async function prepare(command: BuiltCommand): Promise<Ports> {
  await command.module('cluster-secret', `${'the secret of two nodes '.repeat(2)}\n`);
  const token = await command.module('admin-token', `${'t'.repeat(32)}\n`);
  await chmod(token, 0o600);
  return { endpoint: await freePort(), admin: await freePort() };
}

const withPorts = (word: string, { endpoint, admin }: Ports): string =>
  word.replace(/^3000$/, String(endpoint)).replace(/:9464$/, `:${admin}`);

/** Starts Redis and both; `onEnd` is told how each is ended. */
export async function startNodes(
  command: BuiltCommand,
  onEnd: OnEnd,
): Promise<{ readonly nodes: readonly Node[]; readonly ports: Ports }> {
  const redis = await startRedis();
  onEnd(() => redis.dispose());
  const ports = await prepare(command);
  const peers = await freePort();
  const unit = block('operations', 'ini', 'mcp@');
  const given = (word: string): string =>
    withPorts(word, ports)
      .replace('redis://127.0.0.1:6379', redis.url)
      .replace(/:7000$/, `:${peers}`);
  const nodes = ['1', '2'].map((instance) => nodeOf(command, { unit, instance, admin: ports.admin, given, onEnd }));
  await Promise.all(nodes.map((node) => node.start()));
  return { nodes, ports };
}

/** Starts the one of the page that has nobody beside it, with its sessions in a folder. */
export async function startNodeAlone(
  command: BuiltCommand,
  onEnd: OnEnd,
): Promise<{ readonly node: Node; readonly ports: Ports }> {
  const ports = await prepare(command);
  const given = (word: string): string => withPorts(word, ports).replace('/var/lib/mcp', command.directory);
  const unit = block('operations', 'ini', 'in place of');
  const node = nodeOf(command, { unit, instance: '1', admin: ports.admin, given, onEnd });
  await node.start();
  return { node, ports };
}
