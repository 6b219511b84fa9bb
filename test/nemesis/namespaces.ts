/**
 * A network of Linux' own: each node in a network namespace, all of them and Redis on one bridge. A way is cut where its
 * packets arrive, by a rule that drops what comes from the other: who sends sees nothing of it, as with a broken switch.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Addresses, type Cut, type Network, type Place, REDIS } from './network.ts';

/** Before this rule, those that drop have their place; local addresses are looked up after it. */
const LOCAL_TABLE = '100';
const DROPPING = '50';

async function ip(...words: readonly string[]): Promise<void> {
  await promisify(execFile)('ip', words, { timeout: 10_000 });
}

export class Namespaces implements Network {
  readonly kind = 'namespaces';
  readonly delays = false;
  readonly #redisPort: number;
  readonly #name: string;
  readonly #net: string;
  readonly #hosts = new Map<Place, string>();
  /** What undoes the cuts that there are. */
  #undo: (readonly string[])[] = [];

  private constructor(redisPort: number) {
    this.#redisPort = redisPort;
    const own = process.pid % 16_384;
    this.#name = `nem${own}`;
    this.#net = `10.${192 + (own >> 8)}.${own & 255}`;
  }

  /** Undefined where the machine does not let us. Redis is in a namespace of its own. */
  static async open(redisPort: number): Promise<Namespaces | undefined> {
    const network = new Namespaces(redisPort);
    try {
      await ip('link', 'add', network.#bridge, 'type', 'bridge');
      await ip('addr', 'add', `${network.#net}.1/24`, 'dev', network.#bridge);
      await ip('link', 'set', network.#bridge, 'up');
      await network.#add(REDIS);
      return network;
    } catch {
      await network.dispose();
      return undefined;
    }
  }

  get redisHost(): string {
    return this.#hostOf(REDIS);
  }

  get withinRedis(): readonly string[] {
    return this.#within(REDIS);
  }

  async addressesOf(node: string): Promise<Addresses> {
    await this.#add(node);
    return {
      host: this.#hostOf(node),
      peerUrl: undefined,
      redisUrl: `redis://${this.redisHost}:${this.#redisPort}`,
      within: this.#within(node),
    };
  }

  async cut(ways: readonly Cut[]): Promise<void> {
    for (const { from, to } of ways) {
      const rule = ['from', this.#hostOf(from), 'blackhole', 'pref', DROPPING];
      await ip('-n', this.#namespaceOf(to), 'rule', 'add', ...rule);
      this.#undo.push(['-n', this.#namespaceOf(to), 'rule', 'del', ...rule]);
    }
  }

  delay(): Promise<void> {
    throw new Error('Namespaces do not delay');
  }

  async heal(): Promise<void> {
    const undo = this.#undo;
    this.#undo = [];
    for (const words of undo) await ip(...words);
  }

  async dispose(): Promise<void> {
    for (const place of this.#hosts.keys()) await ip('netns', 'del', this.#namespaceOf(place)).catch(() => {});
    await ip('link', 'del', this.#bridge).catch(() => {});
  }

  get #bridge(): string {
    return `${this.#name}b`;
  }

  #within(place: Place): readonly string[] {
    return ['ip', 'netns', 'exec', this.#namespaceOf(place)];
  }

  #namespaceOf(place: Place): string {
    return `${this.#name}-${place}`;
  }

  #hostOf(place: Place): string {
    const host = this.#hosts.get(place);
    if (host === undefined) throw new Error(`${place} is nowhere`);
    return host;
  }

  async #add(place: Place): Promise<void> {
    const number = this.#hosts.size + 2;
    const namespace = this.#namespaceOf(place);
    const end = `${this.#name}v${number}`;
    this.#hosts.set(place, `${this.#net}.${number}`);
    await ip('netns', 'add', namespace);
    await ip('link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    await ip('link', 'set', end, 'master', this.#bridge, 'up');
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
    await ip('-n', namespace, 'addr', 'add', `${this.#hostOf(place)}/24`, 'dev', 'eth0');
    await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    // Packets for this namespace itself are looked up by the first rule; ours have to come before it.
    await ip('-n', namespace, 'rule', 'add', 'pref', LOCAL_TABLE, 'table', 'local');
    await ip('-n', namespace, 'rule', 'del', 'pref', '0', 'table', 'local');
  }
}
