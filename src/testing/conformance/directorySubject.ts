/** A directory under test, with nodes of its own: what else it may hold does not matter. */
import { deepStrictEqual, fail, strictEqual } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Directory, NodeLife } from '../../index.ts';
import type { StoreTime } from './sessionSubject.ts';

/** A lease that does not run out while its case is run, and one that soon does, in ms. */
export const LONG = 10_000;
export const SHORT = 300;

/** How long a life may go on after its lease, where time is real, and how often that is looked at, in ms. */
const PATIENCE = 5_000;
const INTERVAL = 20;

/** A case of the contract. */
export type DirectoryCases = Readonly<Record<string, (subject: DirectorySubject) => Promise<void>>>;

export class DirectorySubject {
  readonly directory: Directory;
  /** The same directory, as another process has it; the same object where there is none. */
  readonly other: Directory;
  readonly #time: StoreTime | undefined;
  /** Short, since the name of a node is. */
  readonly #run = randomUUID().slice(0, 8);
  readonly #lives: NodeLife[] = [];

  constructor(directory: Directory, other: Directory | undefined, time: StoreTime | undefined) {
    this.directory = directory;
    this.other = other ?? directory;
    this.#time = time;
  }

  /** The name of a node that nobody else has. */
  node(name: string | number): string {
    return `${this.#run}${name}`;
  }

  /** A new life of a node. */
  life(name: string | number): NodeLife {
    const node = this.node(name);
    const life = { id: `${node}#${randomUUID()}`, node, url: `http://[::1]:4000/${node}` };
    this.#lives.push(life);
    return life;
  }

  /** A life that has joined. */
  async join(name: string | number, leaseTime = LONG): Promise<NodeLife> {
    const life = this.life(name);
    strictEqual(await this.directory.join(life, leaseTime), 'joined', `No life joined as ${life.node}`);
    return life;
  }

  /** Waits until a lease of so many ms has run out; `isOver` where time is real. */
  async pass(ms: number, isOver: () => Promise<boolean>): Promise<void> {
    await this.#time?.pass(ms);
    const end = Date.now() + (this.#time === undefined ? ms + PATIENCE : 0);
    while (!(await isOver())) {
      if (Date.now() >= end) fail(`A life goes on after its lease of ${ms} ms has run out`);
      await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    }
  }

  /** Waits until the lease of this life has run out. */
  async outlive({ id }: NodeLife, leaseTime: number): Promise<void> {
    await this.pass(leaseTime, async () => (await this.directory.find(id)) === undefined);
  }

  async expectLiving(life: NodeLife): Promise<void> {
    for (const directory of [this.directory, this.other]) {
      deepStrictEqual(await directory.find(life.id), life, `${life.id} was not found`);
      deepStrictEqual(await directory.named(life.node), life, `${life.node} has another life, or none`);
      const listed = (await directory.lives()).filter(({ id }) => id === life.id);
      deepStrictEqual(listed, [life], `${life.id} is not among all lives once`);
    }
  }

  /** The life is over, whoever has its name by now. */
  async expectOver({ id }: NodeLife): Promise<void> {
    for (const directory of [this.directory, this.other]) {
      strictEqual(await directory.find(id), undefined, `${id} goes on`);
      const isListed = (await directory.lives()).some((life) => life.id === id);
      strictEqual(isListed, false, `${id} is among the lives`);
    }
  }

  /** Ends what is left of its lives, as far as the directory does it. */
  async leaveAll(): Promise<void> {
    await Promise.all(this.#lives.map(({ id }) => this.directory.leave(id).catch(() => {})));
  }
}
