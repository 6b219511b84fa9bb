/**
 * The group of processes that a started one leads. Its number alone is no identity: it is signalled only while its leader
 * is the one that was started, or is gone. (The kernel gives no new process the number of a group that has members.) Once
 * it was seen to be empty it is never signalled again.
 */
import { exists, isAlive, type ProcessStat, processNumbers, processStat } from './procfs.ts';

export class ProcessGroup {
  readonly id: number;
  /** When its leader was started, in the kernel's ticks; undefined where that can't be told. */
  readonly startTime: string | undefined;
  #empty = false;
  /** A member that was seen to live: as long as it does, nobody has to be looked for. */
  #witness: number | undefined;

  /** The leader has to live, or to be our child: nobody else has its number then. Throws when it can't be read. */
  constructor(leader: number, startTime: string | undefined = processStat(leader)?.startTime) {
    this.id = leader;
    this.startTime = startTime;
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

  /**
   * Whether it was ever found without a living member. `scan` is asked for one of each group when it matters, and is
   * undefined where nobody can tell.
   */
  becameEmpty(scan: () => ReadonlyMap<number, number> | undefined): boolean {
    if (!this.#empty && !this.#isAttested())
      this.#empty = !this.#isOurs() || !exists(-this.id) || this.#isEmpty(scan());
    return this.#empty;
  }

  #isAttested(): boolean {
    const stat = this.#witness === undefined ? undefined : statOf(this.#witness);
    return stat !== undefined && stat.group === this.id && isAlive(stat) && this.#isOurs();
  }

  /** A group that exists may be one of zombies alone. */
  #isEmpty(groups: ReadonlyMap<number, number> | undefined): boolean {
    this.#witness = groups?.get(this.id);
    return groups !== undefined && this.#witness === undefined;
  }

  #isOurs(): boolean {
    if (this.#empty) return false;
    const leader = this.startTime === undefined ? undefined : statOf(this.id);
    return leader === undefined || leader.startTime === this.startTime;
  }
}

/** The groups that have a living member, each with one of them; undefined where that can't be told. */
export function livingGroups(): Map<number, number> | undefined {
  const groups = new Map<number, number>();
  try {
    for (const pid of processNumbers()) {
      const stat = processStat(pid);
      if (stat !== undefined && isAlive(stat)) groups.set(stat.group, pid);
    }
  } catch {
    return undefined;
  }
  return groups;
}

/** What can't be read is as if it was not there: that a group's number is not used again as long as it has members holds. */
function statOf(pid: number): ProcessStat | undefined {
  try {
    return processStat(pid);
  } catch {
    return undefined;
  }
}
