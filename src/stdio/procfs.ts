/**
 * What Linux tells of processes, in `/proc`: read synchronously, because what is read is acted on before it can change.
 * Elsewhere there is none of it. What is not there is undefined; what can't be read, because there is no room for one more
 * open file for instance, is an error that is thrown, since nobody may take it for not being there.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, statSync } from 'node:fs';

/** What of `/proc/<pid>/stat` says which process it is, and how it stands. */
export interface ProcessStat {
  /** One letter: R, S, D, T, …; Z and X are dead. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  /** When it was started, in ticks since the machine was: with its number, this is its identity. */
  readonly startTime: string;
}

/** The most that is read of an environment, in bytes. */
const MAX_ENVIRONMENT = 1024 * 1024;

/** Undefined when there is no such process, or no `/proc`. */
export function processStat(pid: number): ProcessStat | undefined {
  const text = readText(`/proc/${pid}/stat`);
  // The name, in brackets, may hold blanks and brackets itself.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group] = fields ?? [];
  const startTime = fields?.[19]; // the 22nd of all
  if (state === undefined || startTime === undefined) return undefined;
  return { state, parent: Number(parent), group: Number(group), startTime };
}

/** Neither a zombie nor about to be one. */
export function isAlive({ state }: ProcessStat): boolean {
  return state !== 'Z' && state !== 'X' && state !== 'x';
}

/** The numbers of all processes that can be seen. Throws where there is no `/proc`. */
export function processNumbers(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Whether there is a process with this number, or a group with its negative; a zombie and somebody else's are. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** What a variable of a process's environment was when its program was started; undefined too when it is not ours to read. */
export function environmentVariable(pid: number, name: string): string | undefined {
  const text = readSome(`/proc/${pid}/environ`);
  const start = `${name}=`;
  return text
    ?.split('\0')
    .find((entry) => entry.startsWith(start))
    ?.slice(start.length);
}

/** Whose a process is: its effective user. */
export function userOf(pid: number): number | undefined {
  return ifThere(() => statSync(`/proc/${pid}`).uid);
}

/** The name of its program, as the kernel has it: 15 bytes at most, and of the process's choice. */
export function programOf(pid: number): string | undefined {
  return readText(`/proc/${pid}/comm`)?.trimEnd();
}

/** Which start of the machine this is. */
export function bootId(): string | undefined {
  return readText('/proc/sys/kernel/random/boot_id')?.trim();
}

/** In which namespace our process numbers are: the number of its inode. */
export function pidNamespace(): string | undefined {
  return /^pid:\[(\d+)\]$/.exec(ifThere(() => readlinkSync('/proc/self/ns/pid')) ?? '')?.[1];
}

function readText(path: string): string | undefined {
  return ifThere(() => readFileSync(path, 'utf8'));
}

function readSome(path: string): string | undefined {
  const file = ifThere(() => openSync(path, 'r'));
  if (file === undefined) return undefined;
  try {
    const parts: Buffer[] = [];
    for (let length = 0; length < MAX_ENVIRONMENT; ) {
      const part = Buffer.alloc(32 * 1024);
      const read = ifThere(() => readSync(file, part)) ?? 0;
      if (read === 0) break;
      parts.push(part.subarray(0, read));
      length += read;
    }
    return Buffer.concat(parts).toString('utf8');
  } finally {
    closeSync(file);
  }
}

/** A process may be gone at any moment, and another user's is closed to us. */
const NOT_THERE = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (NOT_THERE.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
