/** The peers as their lock file says: installed when somebody asks for them, and their versions. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ROOT } from '../root.ts';
import { NEWER_NODE, PEERS_FOLDER } from './peerProcess.ts';

const LOCK = new URL('package-lock.json', PEERS_FOLDER);
/** The lock file as it was installed. */
const INSTALLED = new URL('node_modules/.installed-lock.json', PEERS_FOLDER);

/** Installs the peers, unless they are as their lock file says. */
export async function installPeers(): Promise<void> {
  const text = (file: URL) => readFile(file, 'utf8').catch(() => undefined);
  if ((await text(INSTALLED)) === (await text(LOCK))) return;
  console.log('installing the peers: npm ci in bench/peers');
  const args = ['ci', '--prefix', fileURLToPath(PEERS_FOLDER), '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env['npm_execpath'];
  const child = npm === undefined ? spawn('npm', args, INHERIT) : spawn(process.execPath, [npm, ...args], INHERIT);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`npm ci failed with ${code}`);
  await copyFile(LOCK, INSTALLED);
}

const INHERIT = { stdio: 'inherit' } as const;

async function versionOf(folder: URL): Promise<string> {
  const { name, version } = JSON.parse(await readFile(new URL('package.json', folder), 'utf8')) as {
    name: string;
    version: string;
  };
  return `${name} ${version}`;
}

/** `name version` of packages of the peers; of ours where there are none. */
export function versionsOf(packages: readonly string[]): Promise<string[]> {
  const folders = packages.map((name) => new URL(`node_modules/${name}/`, PEERS_FOLDER));
  return Promise.all((folders.length === 0 ? [ROOT] : folders).map(versionOf));
}

/** Of the Node that a peer runs on. */
export async function nodeVersion(newer: true | undefined): Promise<string> {
  if (!newer) return process.versions.node;
  const { stdout } = await promisify(execFile)(fileURLToPath(NEWER_NODE), ['--version']);
  return stdout.trim().slice(1);
}
