/**
 * Why a process could not be started, in our words: Node's error holds the arguments, and its message may hold a value of
 * the environment, which are nobody's to read in a log.
 */
import { statSync } from 'node:fs';
import { SupervisorError } from '../errors.ts';
import { printable } from '../protocol/printable.ts';
import type { ProcessSpec } from './process.ts';

/** The machine has no room for it now. */
const NO_ROOM = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'it may not be executed',
  EPERM: 'it may not be executed',
  E2BIG: 'its arguments and its environment are too long',
  ELOOP: 'its path is a loop of links',
  ENAMETOOLONG: 'its path is too long',
  ENOEXEC: 'it is no program that this machine can execute',
  ENOTDIR: 'a part of its path is no directory',
  ERR_INVALID_ARG_VALUE: 'the command, an argument, a variable or the directory is empty or has a NUL in it',
  EAGAIN: 'there are too many processes',
  EMFILE: 'this process has too many files open, `ulimit -n` says how many it may have',
  ENFILE: 'the machine has too many files open',
  ENOMEM: 'there is not enough memory',
};

/** What `launch` rejects with, for what `spawn` threw or told. */
export function spawnFailure({ command, cwd }: ProcessSpec, error: unknown): SupervisorError {
  const code = (error as NodeJS.ErrnoException | null | undefined)?.code ?? 'unknown';
  const unavailable = NO_ROOM.has(code);
  const why = cwd !== undefined && !unavailable && !isDirectory(cwd) ? noDirectory(cwd) : meaning(code);
  return new SupervisorError(
    unavailable ? 'SPAWN_UNAVAILABLE' : 'COMMAND_NOT_FOUND',
    `The command ${printable(JSON.stringify(command))} can't be started: ${why} (${code})`,
  );
}

function meaning(code: string): string {
  if (code === 'ENOENT') {
    const hint = process.platform === 'win32' ? '; a .cmd like npx has to be started by cmd.exe /c' : '';
    return `there is no such program, or none to interpret it${hint}`;
  }
  return MEANINGS[code] ?? 'the system refuses it';
}

function noDirectory(cwd: string): string {
  return `there is no directory ${printable(JSON.stringify(cwd))} to start it in`;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
