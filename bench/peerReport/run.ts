/**
 * `npm run peers`: runs the model test on every peer, one after the other, and writes docs/model-test-report.md. With
 * names as arguments only these, and prints instead of writing.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { modelTest } from 'mcp-session-supervisor/testing';
import { ROOT } from '../root.ts';
import { type Tested, toMarkdown } from './markdown.ts';
import { NEWER_NODE, PEERS_FOLDER, startPeer } from './peerProcess.ts';
import { PEERS, type Peer } from './peers.ts';

const REPORT = new URL('docs/model-test-report.md', ROOT);
const LOCK = new URL('package-lock.json', PEERS_FOLDER);
/** The lock file as it was installed. */
const INSTALLED = new URL('node_modules/.installed-lock.json', PEERS_FOLDER);

/** Installs the peers, unless they are as their lock file says. */
async function install(): Promise<void> {
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

async function test(peer: Peer): Promise<Tested> {
  const folders = peer.packages.map((name) => new URL(`node_modules/${name}/`, PEERS_FOLDER));
  const versions = await Promise.all((folders.length === 0 ? [ROOT] : folders).map(versionOf));
  const node = peer.newerNode
    ? (await promisify(execFile)(fileURLToPath(NEWER_NODE), ['--version'])).stdout.trim().slice(1)
    : process.versions.node;
  const { url, stop } = await startPeer(peer);
  try {
    const report = await modelTest({ url, idleTimeout: peer.idleTimeout, coverage: 'pairs' });
    return { peer, versions, node, report };
  } finally {
    await stop();
  }
}

const wanted = process.argv.slice(2);
await install();
const tested: Tested[] = [];
for (const peer of PEERS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const one = await test(peer);
  const { violations, notes, took } = one.report;
  const rules = violations.map(({ rule }) => rule).join(', ') || 'nothing wrong';
  console.log(`${peer.name}: ${rules}; ${notes.length} left open (${Math.round(took / 1_000)} s)`);
  tested.push(one);
}
const markdown = toMarkdown(tested, new Date().toISOString().slice(0, 10));
if (wanted.length > 0) {
  console.log(`\n${markdown}`);
} else {
  await mkdir(new URL('.', REPORT), { recursive: true });
  await writeFile(REPORT, markdown);
  console.log(`written: ${fileURLToPath(REPORT)}`);
}
