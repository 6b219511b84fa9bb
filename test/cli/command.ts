/** The real command for tests: built where its sources have changed, run as a child process, its lines awaited. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, onTestFinished, vi } from 'vitest';
import { until, withTimeout } from '../support/until.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const SERVER_MODULE = fileURLToPath(new URL('./fixtures/server.js', import.meta.url));

/** A process takes a while to start where others are busy. */
const WITHIN = 15_000;
const TEST_TIMEOUT = 30_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started process and everything that it printed. */
export class Running {
  readonly child: ChildProcess;
  readonly #exited: Promise<Exit>;
  readonly #texts = { stdout: '', stderr: '' };

  constructor(child: ChildProcess) {
    this.child = child;
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#texts[name] += text;
      });
    }
    this.#exited = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get stdout(): string {
    return this.#texts.stdout;
  }

  get stderr(): string {
    return this.#texts.stderr;
  }

  /** All lines of stdout so far that match. */
  lines(pattern: RegExp): string[] {
    return matching(this.stdout, pattern);
  }

  /** Waits for a line of stdout, at most `within` ms. */
  line(pattern: RegExp, within?: number): Promise<string> {
    return this.#awaitLine('stdout', pattern, within);
  }

  /** Waits for a line of stderr. */
  errorLine(pattern: RegExp): Promise<string> {
    return this.#awaitLine('stderr', pattern);
  }

  /** Waits for the greeting, at most `within` ms; resolves to the endpoint's URL. */
  async url(within?: number): Promise<string> {
    const line = await this.line(/ endpoint /, within);
    return line.replace(/^ +endpoint +/, '');
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until the process has ended and its output is complete, at most `within` ms. */
  exited(within = WITHIN): Promise<Exit> {
    return withTimeout(this.#exited, { within, what: `the process to end; it printed ${this.#printed()}` });
  }

  #awaitLine(stream: 'stdout' | 'stderr', pattern: RegExp, within = WITHIN): Promise<string> {
    let over = false;
    void this.#exited.then(() => {
      over = true;
    });
    return until(
      () => {
        const [line] = matching(this.#texts[stream], pattern);
        if (line === undefined && over) throw new Error(`It ended without ${pattern}; it printed ${this.#printed()}`);
        return line;
      },
      { within, what: `a line of ${stream} that matches ${pattern}` },
    );
  }

  #printed(): string {
    return JSON.stringify(this.#texts);
  }
}

/** Whole lines only: the last one may still be growing. */
function matching(text: string, pattern: RegExp): string[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.filter((line) => pattern.test(line));
}

export interface StartOptions {
  readonly cwd?: string;
  /** It and its children get signals together. */
  readonly group?: boolean;
  /** What Node itself is told, before the command's file. */
  readonly node?: readonly string[];
  /** Told how to end it. Default: it is gone when the test ends, which cannot be said of tests that run side by side. */
  readonly onEnd?: (end: () => Promise<void>) => void;
}

/** Starts a process that is gone when the test ends. */
export function start(file: string, args: readonly string[], options: StartOptions = {}): Running {
  const { cwd = ROOT, group = false, onEnd = onTestFinished } = options;
  // Colours and a Node that warns would be the tests' own.
  const { NO_COLOR: _, FORCE_COLOR: __, NODE_OPTIONS: ___, ...env } = process.env;
  const child = spawn(file, args, { cwd, env, detached: group, stdio: ['ignore', 'pipe', 'pipe'] });
  const running = new Running(child);
  onEnd(async () => {
    const over = child.exitCode !== null || child.signalCode !== null;
    if (child.pid === undefined || (over && !group)) return;
    try {
      // The group outlives its leader where a grandchild was orphaned.
      process.kill(group ? -child.pid : child.pid, 'SIGKILL');
    } catch {
      return; // It is gone, as it should be.
    }
    await running.exited();
  });
  return running;
}

export interface BuiltCommand {
  /** A directory of the test file's own, inside the project, so that modules in it resolve packages. */
  readonly directory: string;
  /** The URL by which a module imports a file of the build, such as `index.js`. */
  importUrl(file: string): string;
  /** Writes a module into the directory; returns its path. */
  module(name: string, source: string): Promise<string>;
  /** Runs the command. */
  run(args: readonly string[], options?: StartOptions): Running;
}

/** Another build is removed when nobody can be running it any more, in ms. */
const BUILD_KEPT = 3_600_000;

/**
 * The command, compiled from the sources as they are. A build is named by them, so that the test files of a run, and the
 * next run, share one.
 */
async function built(artifacts: string): Promise<string> {
  const hash = createHash('sha256');
  const sources = await readdir(join(ROOT, 'src'), { recursive: true });
  const files = sources
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => join('src', file));
  for (const file of [...files, 'tsconfig.json', 'tsconfig.build.json', 'package.json']) {
    hash.update(`${file}\n`).update(await readFile(join(ROOT, file)));
  }
  const builds = join(artifacts, 'cli-builds');
  const directory = join(builds, hash.digest('hex').slice(0, 16));
  if (existsSync(directory)) return directory;
  await mkdir(builds, { recursive: true });
  for (const name of await readdir(builds)) {
    const { mtimeMs } = await stat(join(builds, name)).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > BUILD_KEPT) await rm(join(builds, name), { recursive: true, force: true });
  }
  const unfinished = await mkdtemp(join(builds, 'unfinished-'));
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  // Types are checked elsewhere.
  const args = ['-p', 'tsconfig.build.json', '--noCheck', '--declaration', 'false', '--declarationMap', 'false'];
  await promisify(execFile)(tsc, [...args, '--outDir', unfinished], { cwd: ROOT });
  try {
    await rename(unfinished, directory);
  } catch (error) {
    // Another test file was faster; its build is the same.
    if (!existsSync(directory)) throw error;
    await rm(unfinished, { recursive: true });
  }
  return directory;
}

/** Has the command built before the tests of a file, and gives them a directory that is removed after them. */
export function useCommand(): BuiltCommand {
  vi.setConfig({ testTimeout: TEST_TIMEOUT });
  let directory = '';
  let build = '';
  beforeAll(async () => {
    const artifacts = join(ROOT, '.artifacts');
    await mkdir(artifacts, { recursive: true });
    build = await built(artifacts);
    directory = await mkdtemp(join(artifacts, 'cli-'));
  }, 30_000);
  afterAll(() => rm(directory, { recursive: true, force: true }));
  return {
    get directory() {
      return directory;
    },
    importUrl: (file) => pathToFileURL(join(build, file)).href,
    async module(name, source) {
      const path = join(directory, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, source);
      return path;
    },
    run(args, options) {
      return start(process.execPath, [...(options?.node ?? []), join(build, 'cli/main.js'), ...args], options);
    },
  };
}
