/**
 * The directory of a simulated cluster: the one in memory, which can fail over. It remembers what it has promised to whom,
 * whatever it has lost since.
 */
import { createMemoryDirectory, type Directory, type NodeLife } from '../../index.ts';
import type { SimulatedProcess } from './simulatedProcess.ts';
import type { Way } from './ways.ts';
import type { WorldTime } from './worldTime.ts';

/** How many states are remembered that a failover may go back to. */
const REMEMBERED = 200;

interface State {
  readonly at: number;
  readonly leases: ReadonlyMap<string, Lease>;
}

interface Lease {
  readonly life: NodeLife;
  readonly until: number;
}

export class SimulatedDirectory {
  readonly #time: WorldTime;
  readonly #leaseTime: number;
  #memory: Directory;
  /** Until when each life was told that it goes on. */
  readonly #promised = new Map<string, number>();
  /** Lives of which their own processes know that they are over. */
  readonly #over = new Set<string>();
  #leases = new Map<string, Lease>();
  #states: State[] = [];
  /** Until when it does not say who lives: what it has lost may still hold. */
  #silentUntil = 0;

  constructor(time: WorldTime, leaseTime: number) {
    this.#time = time;
    this.#leaseTime = leaseTime;
    this.#memory = createMemoryDirectory({ clock: time.clock });
  }

  /** The life may go on, by what it was told. */
  mayLive(id: string): boolean {
    return (this.#promised.get(id) ?? 0) > this.#time.now;
  }

  /** The life may do something, by what it was told and by what it has said. */
  mayAct(id: string): boolean {
    return this.mayLive(id) && !this.#over.has(id);
  }

  /** Another one takes its place, which has lost the writes of the last ms, or everything. */
  async failOver(lost: number): Promise<void> {
    const { now } = this.#time;
    this.#silentUntil = now + this.#leaseTime;
    const state = this.#states.findLast(({ at }) => at <= now - lost);
    this.#memory = createMemoryDirectory({ clock: this.#time.clock });
    this.#leases = new Map(state?.leases);
    this.#states = [{ at: now, leases: new Map(this.#leases) }];
    for (const { life, until } of this.#leases.values()) {
      if (until > now) await this.#memory.join(life, until - now);
    }
  }

  /** As a process sees it from the other end of its way. */
  for(process: SimulatedProcess, way: Way): Directory {
    return {
      join: (life, leaseTime) => way.ask(() => this.#join(life, leaseTime)),
      renew: async (id, leaseTime) => {
        const outcome = await way.ask(() => this.#renew(id, leaseTime));
        if (outcome === 'gone') this.#over.add(id);
        return outcome;
      },
      leave: (id) => {
        if (!process.dead) this.#over.add(id);
        return way.ask(() => this.#leave(id));
      },
      find: (id) => way.ask(() => this.#look(() => this.#memory.find(id))),
      named: (node) => way.ask(() => this.#look(() => this.#memory.named(node))),
      lives: () => way.ask(() => this.#look(() => this.#memory.lives())),
      close: async () => {},
    };
  }

  async #join(life: NodeLife, leaseTime: number): Promise<'joined' | 'taken'> {
    const outcome = await this.#memory.join(life, leaseTime);
    if (outcome === 'joined') this.#keep(life, leaseTime);
    return outcome;
  }

  async #renew(id: string, leaseTime: number): Promise<'renewed' | 'gone'> {
    const outcome = await this.#memory.renew(id, leaseTime);
    const life = this.#leases.get(id)?.life;
    if (outcome === 'renewed' && life !== undefined) this.#keep(life, leaseTime);
    return outcome;
  }

  async #leave(id: string): Promise<void> {
    await this.#memory.leave(id);
    this.#promised.delete(id);
    this.#leases.delete(id);
    this.#remember();
  }

  #keep(life: NodeLife, leaseTime: number): void {
    const until = this.#time.now + leaseTime;
    this.#promised.set(life.id, until);
    this.#leases.set(life.id, { life, until });
    this.#remember();
  }

  #remember(): void {
    this.#states.push({ at: this.#time.now, leases: new Map(this.#leases) });
    if (this.#states.length > REMEMBERED) this.#states.shift();
  }

  #look<T>(look: () => Promise<T>): Promise<T> {
    return this.#time.now < this.#silentUntil ? Promise.reject(new Error('It has just failed over')) : look();
  }
}
