/**
 * What Linux tells of processes, in `/proc`: read synchronously, because what is read is acted on before it can change.
 * Elsewhere there is none of it.
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

/** The numbers of all processes that can be seen. Empty where there is no `/proc`. */
export function processNumbers(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** What a variable of a process's environment was when its program was started; undefined too when it can't be read. */
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
  try {
    return statSync(`/proc/${pid}`).uid;
  } catch {
    return undefined;
  }
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
  try {
    return /^pid:\[(\d+)\]$/.exec(readlinkSync('/proc/self/ns/pid'))?.[1];
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readSome(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const parts: Buffer[] = [];
    for (let length = 0; length < MAX_ENVIRONMENT; ) {
      const part = Buffer.alloc(32 * 1024);
      const read = readSync(file, part);
      if (read === 0) break;
      parts.push(part.subarray(0, read));
      length += read;
    }
    return Buffer.concat(parts).toString('utf8');
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
