/** A node as a process: what can be done to it, and when it was unable to answer. */
import { join } from 'node:path';
import { type Running, start } from '../cli/command.ts';
import type { Outage } from '../cluster/history/history.ts';
import { until } from '../support/until.ts';
import type { Addresses } from './network.ts';

/** A process takes a while to start where others are busy, and to end, in ms. */
const START_WITHIN = 30_000;
const END_WITHIN = 30_000;

export interface NodeGiven {
  readonly name: string;
  readonly addresses: Addresses;
  readonly port: number;
  readonly peerPort: number;
  /** What Node is to run, and its first arguments. */
  readonly command: readonly string[];
  readonly flags: readonly string[];
}

export class NodeProcess {
  readonly name: string;
  readonly url: string;
  readonly outages: Outage[] = [];
  readonly #given: NodeGiven;
  #running: Running | undefined;
  #isStopped = false;
  /** Since when it can't answer. */
  #since: number | undefined = performance.now();
  #printed = '';
  readonly #ends: (() => Promise<void>)[] = [];

  constructor(given: NodeGiven) {
    this.#given = given;
    this.name = given.name;
    this.url = `http://${given.addresses.host}:${given.port}/mcp`;
  }

  /** All that it printed, in every life. */
  get printed(): string {
    return this.#printed + (this.#running?.stdout ?? '') + (this.#running?.stderr ?? '');
  }

  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  async start(): Promise<void> {
    const { name, addresses, port, peerPort, command, flags } = this.#given;
    const { host, peerUrl, redisUrl, within } = addresses;
    const own = ['--node', name, '--host', host, '--port', String(port), '--peer-listen', `${host}:${peerPort}`];
    const peer = peerUrl === undefined ? [] : ['--peer-url', peerUrl];
    const words = [...within, process.execPath, ...command, ...own, ...peer, '--session-store', redisUrl, ...flags];
    const [file = '', ...args] = words;
    this.#running = start(file, args, { onEnd: (end) => void this.#ends.push(end) });
    const running = this.#running;
    const ended = running.exited(START_WITHIN).then(() => true);
    const listens = () =>
      fetch(this.url).then(
        () => true,
        () => false,
      );
    let isOver = false;
    void ended.then(
      () => {
        isOver = true;
      },
      () => {},
    );
    await until(async () => isOver || (await listens()), { within: START_WITHIN, what: `${name} to listen` });
    if (isOver) throw new Error(`${name} ended at once: ${running.stdout}${running.stderr}`);
    this.#answers();
  }

  /** SIGSTOP, and SIGCONT. */
  pause(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#since ??= performance.now();
    this.#running?.kill('SIGSTOP');
  }

  resume(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#running?.kill('SIGCONT');
    this.#answers();
  }

  /** SIGKILL; it can be started again. */
  async kill(): Promise<void> {
    this.#since ??= performance.now();
    this.#isStopped = false;
    await this.#end('SIGKILL');
  }

  /** SIGTERM: it drains, hands over, and ends. Resolves to its exit code. */
  async terminate(): Promise<number | null> {
    const code = await this.#end('SIGTERM');
    this.#since ??= performance.now();
    return code;
  }

  async dispose(): Promise<void> {
    for (const end of this.#ends) await end();
    this.#answers();
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const running = this.#running;
    if (running === undefined) return null;
    running.kill(signal);
    const { code } = await running.exited(END_WITHIN);
    this.#printed += running.stdout + running.stderr;
    this.#running = undefined;
    return code;
  }

  #answers(): void {
    if (this.#since === undefined) return;
    this.outages.push({ node: this.name, from: this.#since, to: performance.now() });
    this.#since = undefined;
  }
}

export const FIXTURES = join(import.meta.dirname, 'fixtures');
