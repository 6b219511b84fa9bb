/**
 * Processes that a supervisor left behind: it was killed, and its guardian too, or they had left their group. The next
 * one finds them by their marker, tells of them, and ends them. It reads all of `/proc`, in slices.
 */
import { type Clock, nextTurn } from '../clock.ts';
import type { Logger } from '../options/logger.ts';
import { printable } from '../protocol/printable.ts';
import { isOrphaned, type Marking, ownerIn } from './marker.ts';
import { environmentVariable, isAlive, processNumbers, processStat, programOf, userOf } from './procfs.ts';

/** How many processes are looked at in one turn of the event loop. */
const SLICE = 20;
/** How many are looked at in all. */
const MOST = 65_536;
/** How long they have after a signal, in ms; how often they are looked at meanwhile, and how often for others. */
const GRACE = 3_000;
const PAUSE = 50;
const ROUNDS = 3;
/** How many are named in the log. */
const NAMED = 20;

/** One process of those, by all that says that it is the same. */
export interface Orphan {
  readonly pid: number;
  readonly startTime: string;
  readonly marker: string;
}

/** Which processes are looked for. */
export interface Search {
  readonly marking: Marking;
  readonly wanted: (marker: string) => boolean;
  readonly stop?: AbortSignal;
}

/** How those that are found are ended. */
interface Ending {
  readonly clock: Clock;
  /** How long they have after each of the two signals, in ms. */
  readonly grace?: number;
  readonly found: (orphans: readonly Orphan[]) => void;
}

/** Finds the processes of dead supervisors and ends them. */
export async function endOrphans(marking: Marking, clock: Clock, log: Logger): Promise<void> {
  const search = { marking, wanted: (marker: string) => isOrphaned(marker, marking.owner) };
  const count = await endMarked(search, {
    clock,
    found: (orphans) => {
      log({
        level: 'warn',
        event: 'orphans.found',
        message: `Of a supervisor that has died there are left, and are ended: ${list(orphans)}`,
        pids: orphans.map(({ pid }) => pid),
      });
    },
  });
  if (count === 0) return;
  log({ level: 'info', event: 'orphans.ended', message: `What dead supervisors left is ended: ${count} processes` });
}

/**
 * Ends all processes that are found: SIGTERM, then SIGKILL. Each is made sure of right before each signal.
 * Returns how many there were.
 */
export async function endMarked(search: Search, { clock, grace = GRACE, found }: Ending): Promise<number> {
  let count = 0;
  const untilGone = async (orphans: readonly Orphan[], atMost: number) => {
    const deadline = clock.now() + atMost;
    while (orphans.some(isThere) && clock.now() < deadline && search.stop?.aborted !== true) await pause(clock);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const orphans = await findMarked(search);
    if (orphans.length === 0) break;
    count += orphans.length;
    found(orphans);
    for (const orphan of orphans) signalOrphan(orphan, search, 'SIGTERM');
    await untilGone(orphans, grace);
    for (const orphan of orphans) signalOrphan(orphan, search, 'SIGKILL');
    // That takes a moment; and they may have started others meanwhile.
    await untilGone(orphans, grace);
  }
  return count;
}

/** All processes of our user that are looked for, but for ourselves and those that we are part of. */
export async function findMarked({ marking, wanted, stop }: Search): Promise<Orphan[]> {
  const user = process.geteuid?.();
  const ancestors = ancestry(process.pid);
  const found: Orphan[] = [];
  const pids = processNumbers().slice(0, MOST);
  for (let start = 0; start < pids.length && stop?.aborted !== true; start += SLICE) {
    await new Promise<void>((resolve) => nextTurn(resolve));
    for (const pid of pids.slice(start, start + SLICE)) {
      if (ancestors.has(pid) || userOf(pid) !== user) continue;
      const stat = processStat(pid);
      const marker = stat !== undefined && isAlive(stat) ? environmentVariable(pid, marking.name) : undefined;
      if (stat !== undefined && marker !== undefined && wanted(marker)) {
        found.push({ pid, startTime: stat.startTime, marker });
      }
    }
  }
  return found;
}

/** Signals it if it is still the same process, and still looked for. Returns whether it did. */
export function signalOrphan(orphan: Orphan, { marking, wanted }: Search, signal: NodeJS.Signals): boolean {
  const { pid, marker } = orphan;
  if (!isThere(orphan) || userOf(pid) !== process.geteuid?.()) return false;
  if (environmentVariable(pid, marking.name) !== marker || !wanted(marker)) return false;
  try {
    process.kill(pid, signal);
    if (signal === 'SIGTERM') process.kill(pid, 'SIGCONT'); // one that is stopped hears it only then
    return true;
  } catch {
    return false;
  }
}

/** Some of them by name, and how many there are. */
export function list(orphans: readonly Orphan[]): string {
  const named = orphans.slice(0, NAMED).map(({ pid, marker }) => {
    return `${printable(programOf(pid) ?? '?')} (${pid}, started by ${ownerIn(marker)?.pid ?? '?'})`;
  });
  const more = orphans.length > NAMED ? ', …' : '';
  return `${orphans.length} processes: ${named.join(', ')}${more}`;
}

function isThere({ pid, startTime }: Orphan): boolean {
  const stat = processStat(pid);
  return stat !== undefined && stat.startTime === startTime && isAlive(stat);
}

function ancestry(pid: number): Set<number> {
  const pids = new Set<number>();
  for (let at: number | undefined = pid; at !== undefined && at > 0 && !pids.has(at); at = processStat(at)?.parent) {
    pids.add(at);
  }
  return pids;
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimeout(() => resolve(), PAUSE);
  });
}
