/**
 * The group of processes that a started one leads. Its number alone is no identity: it is signalled only while its leader
 * is the one that was started, or is gone. (The kernel gives no new process the number of a group that has members.) Once
 * it was seen to be empty it is never signalled again.
 */
import { isAlive, processNumbers, processStat } from './procfs.ts';

export class ProcessGroup {
  readonly id: number;
  /** When its leader was started, in the kernel's ticks; undefined where that can't be told. */
  readonly startTime: string | undefined;
  #empty = false;
  /** A member that was seen to live: as long as it does, nobody has to be looked for. */
  #witness: number | undefined;

  /** The leader has to live, or to be our child: nobody else has its number then. */
  constructor(leader: number, startTime: string | undefined = processStat(leader)?.startTime) {
    this.id = leader;
    this.startTime = startTime;
  }

  get isEmpty(): boolean {
    return this.#empty;
  }

  /** Signals all members. Returns whether there were any of ours. */
  signal(signal: NodeJS.Signals): boolean {
    if (!this.#isOurs()) return false;
    try {
      process.kill(-this.id, signal);
      return true;
    } catch {
      return false; // there is none, or none that is ours to signal
    }
  }

  /** Whether it was ever found without a living member. `scan` is asked for one of each group when it matters. */
  becameEmpty(scan: () => ReadonlyMap<number, number>): boolean {
    if (this.#empty || this.#isAttested()) return this.#empty;
    this.#witness = this.#isOurs() && this.#exists() ? scan().get(this.id) : undefined;
    this.#empty = this.#witness === undefined;
    return this.#empty;
  }

  #isAttested(): boolean {
    const stat = this.#witness === undefined ? undefined : processStat(this.#witness);
    return stat !== undefined && stat.group === this.id && isAlive(stat) && this.#isOurs();
  }

  #isOurs(): boolean {
    if (this.#empty) return false;
    if (this.startTime === undefined) return true;
    const leader = processStat(this.id);
    return leader === undefined || leader.startTime === this.startTime;
  }

  /** Zombies are members too. */
  #exists(): boolean {
    try {
      process.kill(-this.id, 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  }
}

/** The groups that have a living member, each with one of them. */
export function livingGroups(): Map<number, number> {
  const groups = new Map<number, number>();
  for (const pid of processNumbers()) {
    const stat = processStat(pid);
    if (stat !== undefined && isAlive(stat)) groups.set(stat.group, pid);
  }
  return groups;
}
