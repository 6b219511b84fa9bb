/** The programs that judge the fixture: installed in `clients/`, run on the Node that they need, always bounded. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** This file runs from `.artifacts/conformance/`. */
const ROOT = new URL('../../', import.meta.url);
const CLIENTS = new URL('test/conformance/clients/', ROOT);
/** What `run` writes goes here. */
export const RESULTS = new URL('.artifacts/conformance/results/', ROOT);

const LOCK = new URL('package-lock.json', CLIENTS);
/** The lock file as it was installed. */
const INSTALLED = new URL('node_modules/.installed-lock.json', CLIENTS);
const NODE = new URL(`node_modules/node/bin/${process.platform === 'win32' ? 'node.exe' : 'node'}`, CLIENTS);

const INSTALL_WITHIN = 240_000;

export interface Finished {
  /** `null` when it had to be killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Installs the clients, unless they are as their lock file says. */
export async function installClients(): Promise<void> {
  const text = (file: URL) => readFile(file, 'utf8').catch(() => undefined);
  if ((await text(INSTALLED)) === (await text(LOCK))) return;
  console.log('installing the clients: npm ci in test/conformance/clients');
  const npm = process.env['npm_execpath'];
  const args = ['ci', '--prefix', fileURLToPath(CLIENTS), '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, stderr } = await (npm === undefined
    ? run('npm', args, INSTALL_WITHIN)
    : run(process.execPath, [npm, ...args], INSTALL_WITHIN));
  if (code !== 0) throw new Error(`npm ci failed (${code ?? 'too slow'}):\n${stderr}`);
  await copyFile(LOCK, INSTALLED);
}

/** Runs a module of an installed package on the Node beside it. */
export function runClient(module: string, args: readonly string[], within: number): Promise<Finished> {
  const path = fileURLToPath(new URL(`node_modules/${module}`, CLIENTS));
  return run(fileURLToPath(NODE), [path, ...args], within);
}

async function run(command: string, args: readonly string[], within: number): Promise<Finished> {
  // The Inspector keeps a file of servers, by default in the user's home.
  const env = { ...process.env, MCP_CATALOG_PATH: fileURLToPath(new URL('catalog.json', RESULTS)) };
  const child = spawn(command, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: within,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      output[stream] += chunk;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}
