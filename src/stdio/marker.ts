/**
 * The variable by which a process of ours is known once it has left its group, or we have died: every process that it
 * starts inherits it. Its value says by itself whether its owner lives: who that was, in which start of the machine and
 * which namespace. So no file has to be kept, and any number of supervisors can be on a machine.
 */
import { bootId, exists, isAlive, pidNamespace, processStat } from './procfs.ts';

/** The name of that variable. */
const NAME = 'MCP_SESSION_SUPERVISOR_CHILD';

/** A process that starts others. */
export interface Owner {
  readonly pid: number;
  readonly startTime: string;
  readonly boot: string;
  readonly namespace: string;
}

/** What is known of us, and under which name our processes say so. */
export interface Marking {
  readonly name: string;
  readonly owner: Owner;
}

/** Ourselves; undefined where that can't be told, which is everywhere but on Linux. Tests have names of their own. */
export function ourMarking(name: string = NAME): Marking | undefined {
  const startTime = processStat(process.pid)?.startTime;
  const boot = bootId();
  const namespace = pidNamespace();
  if (startTime === undefined || boot === undefined || namespace === undefined) return undefined;
  return { name, owner: { pid: process.pid, startTime, boot, namespace } };
}

/** The value for a process that `owner` starts. `key` tells one of its processes from the others. */
export function markerOf({ pid, startTime, boot, namespace }: Owner, key: string): string {
  return ['1', pid, startTime, boot, namespace, key].join(':');
}

const VALUE = /^1:(\d{1,10}):(\d{1,20}):([0-9a-f-]{36}):(\d{1,20}):([\w-]{1,64})$/;

/** Whose the process is, by the value of its variable; undefined for what is no such value. */
export function ownerIn(value: string): Owner | undefined {
  const [, pid, startTime, boot, namespace] = VALUE.exec(value) ?? [];
  if (pid === undefined || startTime === undefined || boot === undefined || namespace === undefined) return undefined;
  return { pid: Number(pid), startTime, boot, namespace };
}

/**
 * Whether a process with this value has lost its owner. Not of another start of the machine or another namespace: there
 * the numbers mean other processes.
 */
export function isOrphaned(value: string, here: Owner): boolean {
  const owner = ownerIn(value);
  if (owner === undefined || owner.boot !== here.boot || owner.namespace !== here.namespace) return false;
  const stat = processStat(owner.pid);
  // What can't be seen may be hidden from us.
  if (stat === undefined) return !exists(owner.pid);
  return stat.startTime !== owner.startTime || !isAlive(stat);
}
