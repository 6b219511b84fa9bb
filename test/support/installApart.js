// @ts-check
// What the tests try and the package does not need is installed apart: in a folder with a lock file of its own.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const INSTALL_WITHIN = 400_000;

/** @param {URL} file */
export function textOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Runs npm; the one that runs the script, if one does.
 *
 * @param {readonly string[]} args
 * @param {number} timeout ms
 */
export function npm(args, timeout) {
  const path = process.env.npm_execpath;
  const [command, first] = path === undefined ? ['npm', []] : [process.execPath, [path]];
  return execFileSync(command, [...first, ...args], {
    encoding: 'utf8',
    timeout,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/**
 * Installs a folder as its lock file says, unless it is so.
 *
 * @param {URL} folder
 * @param {string} what as it is told
 */
export function installApart(folder, what) {
  const lock = new URL('package-lock.json', folder);
  /** The lock file as it was installed. */
  const installed = new URL('node_modules/.installed-lock.json', folder);
  if (textOf(installed) === textOf(lock)) return;
  const path = fileURLToPath(folder);
  console.log(`installing ${what}: npm ci in ${relative(process.cwd(), path)}`);
  npm(['ci', '--prefix', path, '--no-audit', '--no-fund', '--loglevel=error'], INSTALL_WITHIN);
  copyFileSync(lock, installed);
}
