/** The directory in Redis: leases are counted by its clock. */
import { randomBytes } from 'node:crypto';
import { SupervisorError } from '../errors.ts';
import type { Directory, NodeLife } from '../stores/directory.ts';
import { JOIN, LEAVE, LIVES, NAMED, RENEW } from './directoryScripts.ts';
import { directoryKey } from './keys.ts';
import type { RedisStores, Script } from './redisStores.ts';

type Answer = readonly [verdict: string, detail?: string];

export class RedisDirectory implements Directory {
  readonly #stores: RedisStores;
  readonly #key: string;
  #closed = false;

  constructor(stores: RedisStores) {
    this.#stores = stores;
    this.#key = directoryKey(stores.prefix);
  }

  async join(life: NodeLife, leaseTime: number): Promise<'joined' | 'taken'> {
    this.#stores.restarts.leased(leaseTime);
    const { id, node, url } = life;
    const text = JSON.stringify({ id, node, url });
    const nonce = randomBytes(6).toString('base64url');
    const [verdict] = await this.#run(JOIN, [nonce, node, id, text, String(Math.ceil(leaseTime))]);
    return verdict as 'joined' | 'taken';
  }

  async renew(id: string, leaseTime: number): Promise<'renewed' | 'gone'> {
    this.#stores.restarts.leased(leaseTime);
    const [verdict] = await this.#run(RENEW, [nodeOf(id), id, String(Math.ceil(leaseTime))]);
    return verdict as 'renewed' | 'gone';
  }

  async leave(id: string): Promise<void> {
    await this.#run(LEAVE, [nodeOf(id), id]);
  }

  async find(id: string): Promise<NodeLife | undefined> {
    const life = await this.named(nodeOf(id));
    return life?.id === id ? life : undefined;
  }

  /** Rejects for one lease time after Redis was restarted, where it does not know the life: that may have been lost. */
  async named(node: string): Promise<NodeLife | undefined> {
    const [verdict, detail = ''] = await this.#run(NAMED, [node]);
    if (verdict === 'found') return JSON.parse(detail);
    this.#stores.restarts.checkAbsent(detail);
    return undefined;
  }

  /** Those that Redis knows: one lease time after it was restarted, that is all of them. */
  async lives(): Promise<readonly NodeLife[]> {
    const lives = (await this.#run(LIVES, [])) as readonly string[];
    return lives.map((life) => JSON.parse(life));
  }

  /** Ends the directory alone; the stores go on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stores.restarts.unused();
  }

  /** All of it may be done twice. */
  async #run(script: Script, args: readonly string[]): Promise<Answer> {
    if (this.#closed) throw new SupervisorError('STORE_CLOSED', 'The directory was closed');
    const flag = this.#stores.restarts.matters ? '1' : '';
    return (await this.#stores.runTwice(script, [this.#key], [flag, ...args])) as Answer;
  }
}

/** The name of the node that a life is of. */
function nodeOf(id: string): string {
  return id.slice(0, Math.max(0, id.lastIndexOf('#')));
}
