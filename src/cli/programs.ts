/** Whether a word is the name of a program, for words that are told where a program's name belongs. It starts nothing. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/** What Windows appends to a program's name. */
const ENDINGS = process.platform === 'win32' ? ['', '.exe', '.cmd', '.bat'] : [''];

/** Says whether a word is the path of a program, from this directory on, or a name that is found in `PATH`. */
export function isProgram(word: string, directory = process.cwd()): boolean {
  if (word === '') return false;
  const hasPath = /[/\\]/.test(word);
  const folders = hasPath ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  const isHere = (folder: string) => ENDINGS.some((ending) => canRun(resolve(directory, join(folder, word + ending))));
  return folders.some((folder) => (hasPath || folder !== '') && isHere(folder));
}

/** Whether a word that stands for a module is no module, but a program. */
export function isCommand(word: string): boolean {
  return !/\.[cm]?[jt]s$/.test(word) && isProgram(word);
}

/** How to write the command of a program. Not its arguments: they may be secrets. */
export function afterDashes(program: string): string {
  return `write its command after --, as mcp-session-supervisor [options] -- ${program} …`;
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
