/** The command with a server of stdio behind it, and all the processes that it has started. */
import { readFileSync } from 'node:fs';
import { ourMarking, ownerIn } from '../../src/stdio/marker.ts';
import { findMarked } from '../../src/stdio/orphans.ts';
import { isAlive, processNumbers, processStat } from '../../src/stdio/procfs.ts';
import type { Exit, Running } from '../cli/command.ts';
import { until } from '../support/until.ts';

/** Servers that others wrote take a while to start where others are busy, in ms. */
export const STARTS_WITHIN = 30_000;
/** An end takes 10 s at most, and the guardian 4 s. */
const ENDS_WITHIN = 20_000;

/** What a supervisor has started, and what of it is left: also when it is dead. */
export class Family {
  readonly parent: number;

  constructor(parent: number) {
    this.parent = parent;
  }

  /** The processes that live, by number: servers, and all that these have started. */
  async members(): Promise<number[]> {
    const marking = ourMarking();
    if (marking === undefined) throw new Error('These tests need /proc');
    const wanted = (marker: string) => ownerIn(marker)?.pid === this.parent;
    return (await findMarked({ marking, wanted })).map(({ pid }) => pid);
  }

  /** The supervisor that others stand before: what they have started, or what that has. It has started something. */
  static below(ancestor: number): Family {
    const guardian = processNumbers().find((pid) => isGuardian(pid) && isBelow(pid, ancestor));
    const parent = guardian === undefined ? undefined : processStat(guardian)?.parent;
    if (parent === undefined) throw new Error(`Nobody below ${ancestor} has a guardian`);
    return new Family(parent);
  }

  /** Its guardian, which has no marker; undefined when there is none. */
  guardian(): number | undefined {
    return processNumbers().find((pid) => processStat(pid)?.parent === this.parent && lives(pid) && isGuardian(pid));
  }

  /** Waits until none of it lives. */
  gone(within = ENDS_WITHIN): Promise<number[]> {
    return this.count(0, within);
  }

  /** Waits until so many live. */
  async count(wanted: number, within = ENDS_WITHIN): Promise<number[]> {
    let found: number[] = [];
    const isSo = async () => {
      found = await this.members();
      return found.length === wanted;
    };
    await until(isSo, { within, what: `${wanted} processes of ${this.parent}` }).catch((error: Error) => {
      throw new Error(`${error.message}; there are ${found.join(', ') || 'none'}`);
    });
    return found;
  }
}

export class Served {
  readonly running: Running;
  readonly url: string;
  readonly family: Family;

  constructor(running: Running, url: string) {
    this.running = running;
    this.url = url;
    this.family = new Family(running.child.pid ?? 0);
  }

  /** Resolves when it listens. What it has started to look at the server may still be there. */
  static async start(running: Running): Promise<Served> {
    return new Served(running, await running.url(STARTS_WITHIN));
  }

  /** Ends it by SIGTERM; nothing may be left. */
  async stop(): Promise<Exit> {
    const guardian = this.family.guardian();
    this.running.kill('SIGTERM');
    const exit = await this.running.exited(ENDS_WITHIN);
    await this.family.gone();
    if (guardian !== undefined) await ended(guardian);
    return exit;
  }
}

/** Waits until a process is gone. */
export async function ended(pid: number, within = ENDS_WITHIN): Promise<void> {
  await until(() => !lives(pid), { within, what: `the end of process ${pid}` });
}

function isBelow(pid: number, ancestor: number): boolean {
  const parent = processStat(pid)?.parent ?? 0;
  return parent !== 0 && (parent === ancestor || isBelow(parent, ancestor));
}

function isGuardian(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('mcp-session-supervisor-guardian');
  } catch {
    return false; // it is gone
  }
}

export function lives(pid: number): boolean {
  const stat = processStat(pid);
  return stat !== undefined && isAlive(stat);
}
