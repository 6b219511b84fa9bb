/**
 * The session store of a simulated cluster: the one in memory, which all nodes share, each at the end of a way of its own.
 * It sees who claims and writes what, and whether they may.
 */
import { createMemorySessionStore, type SessionStore } from '../../index.ts';
import type { SimulatedDirectory } from './simulatedDirectory.ts';
import type { SimulatedProcess } from './simulatedProcess.ts';
import type { Way } from './ways.ts';

/** What is known of one incarnation of a session. */
interface Incarnation {
  readonly process: SimulatedProcess;
  /** The life that it belongs to. */
  readonly owner: string | undefined;
}

export interface RecordsWorld {
  readonly directory: SimulatedDirectory;
  note(line: string): void;
  break(what: string): void;
}

export class SimulatedRecords {
  readonly #memory = createMemorySessionStore();
  readonly #world: RecordsWorld;
  readonly #incarnations = new Map<string, Incarnation>();
  /** Those that were parked. */
  readonly #parked = new Set<string>();
  /** The last epoch of each session that was not removed. */
  readonly #epochs = new Map<string, number>();

  constructor(world: RecordsWorld) {
    this.#world = world;
  }

  /** The ids of all sessions that have a record. */
  get ids(): readonly string[] {
    return [...this.#epochs.keys()];
  }

  /** The epoch that a session has now; undefined where it has no record. */
  epochOf(id: string): number | undefined {
    return this.#epochs.get(id);
  }

  /** The life that an incarnation belongs to. */
  ownerOf(id: string, epoch: number): string | undefined {
    return this.#incarnations.get(`${id} ${epoch}`)?.owner;
  }

  /** The process that has a session. */
  processOf(id: string): SimulatedProcess | undefined {
    return this.#incarnations.get(`${id} ${this.#epochs.get(id)}`)?.process;
  }

  for(process: SimulatedProcess, way: Way): SessionStore {
    const memory = this.#memory;
    return {
      durable: true,
      counts: false,
      create: (record) =>
        way.ask(async () => {
          const outcome = await memory.create(record);
          if (outcome === 'created') this.#began(record.id, record.epoch, { process, owner: record.owner });
          return outcome;
        }),
      load: (id) => way.ask(() => memory.load(id)),
      claim: (id, seen, owner) => way.ask(() => this.#claim(id, seen, process, owner)),
      update: (id, epoch, change) => {
        this.#checkWriter(id, epoch, process);
        return way.ask(() => memory.update(id, epoch, change));
      },
      park: (id, epoch, parking) => {
        this.#checkWriter(id, epoch, process);
        return way.ask(async () => {
          const parked = await memory.park(id, epoch, { at: parking.at, change: parking.change });
          if (parked.verdict === 'parked') this.#parked.add(`${id} ${epoch}`);
          return parked;
        });
      },
      remove: (id, epoch) =>
        way.ask(async () => {
          const outcome = await memory.remove(id, epoch);
          if (outcome === 'removed') {
            this.#epochs.delete(id);
            this.#world.note(`the record of ${short(id)} is removed by ${process.name}`);
          }
          return outcome;
        }),
      expired: (by, limit, after) => way.ask(() => memory.expired(by, limit, after)),
      count: () => way.ask(() => memory.count()),
      countOf: async () => 0,
      close: async () => {},
    };
  }

  async #claim(id: string, seen: number, process: SimulatedProcess, owner: string | undefined) {
    const claimed = await this.#memory.claim(id, seen, owner);
    if (claimed.verdict !== 'claimed') return claimed;
    const { epoch } = claimed.record;
    const before = this.#incarnations.get(`${id} ${seen}`);
    const { directory } = this.#world;
    this.#world.note(`${process.name} claims ${short(id)}: epoch ${epoch}`);
    if (epoch <= (this.#epochs.get(id) ?? 0)) this.#world.break(`${short(id)} has epoch ${epoch} again`);
    const had = this.#parked.has(`${id} ${seen}`) ? undefined : before;
    if (had?.owner !== undefined && had.process !== process && directory.mayLive(had.owner)) {
      this.#world.break(`${process.name} claims ${short(id)}, whose owner ${had.process.name} may live`);
    }
    this.#began(id, epoch, { process, owner });
    return claimed;
  }

  #began(id: string, epoch: number, incarnation: Incarnation): void {
    this.#incarnations.set(`${id} ${epoch}`, incarnation);
    this.#epochs.set(id, epoch);
  }

  /** What is over writes nothing. */
  #checkWriter(id: string, epoch: number, process: SimulatedProcess): void {
    if (process.dead) return;
    const owner = this.ownerOf(id, epoch);
    if (owner !== undefined && this.#world.directory.mayAct(owner)) return;
    this.#world.break(`${process.name} writes to ${short(id)} at epoch ${epoch}, in a life that is over`);
  }
}

/** An id without what signs it. */
export function short(id: string): string {
  return id.slice(0, id.lastIndexOf('.'));
}
