/** The real command for tests: built once a test file, run as a child process, its lines awaited. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

  /** Waits for a line of stdout. */
  line(pattern: RegExp): Promise<string> {
    return this.#awaitLine('stdout', pattern);
  }

  /** Waits for a line of stderr. */
  errorLine(pattern: RegExp): Promise<string> {
    return this.#awaitLine('stderr', pattern);
  }

  /** Waits for the greeting; resolves to the endpoint's URL. */
  async url(): Promise<string> {
    const line = await this.line(/ endpoint /);
    return line.replace(/^ +endpoint +/, '');
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until the process has ended and its output is complete, at most `within` ms. */
  exited(within = WITHIN): Promise<Exit> {
    return withTimeout(this.#exited, { within, what: `the process to end; it printed ${this.#printed()}` });
  }

  #awaitLine(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<string> {
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
      { within: WITHIN, what: `a line of ${stream} that matches ${pattern}` },
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

/** Starts a process that is gone when the test ends. With `group`, it and its children get signals together. */
export function start(file: string, args: readonly string[], options: { cwd?: string; group?: boolean } = {}): Running {
  const { cwd = ROOT, group = false } = options;
  // Colours and a Node that warns would be the tests' own.
  const { NO_COLOR: _, FORCE_COLOR: __, NODE_OPTIONS: ___, ...env } = process.env;
  const child = spawn(file, args, { cwd, env, detached: group, stdio: ['ignore', 'pipe', 'pipe'] });
  const running = new Running(child);
  onTestFinished(async () => {
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
  /** Writes a module into the directory; returns its path. */
  module(name: string, source: string): Promise<string>;
  /** Runs the command. */
  run(args: readonly string[], options?: { cwd?: string }): Running;
}

/** Builds the command before the tests of a file, and removes it after them. */
export function useCommand(): BuiltCommand {
  vi.setConfig({ testTimeout: TEST_TIMEOUT });
  let directory = '';
  beforeAll(async () => {
    const artifacts = join(ROOT, '.artifacts');
    await mkdir(artifacts, { recursive: true });
    directory = await mkdtemp(join(artifacts, 'cli-'));
    const tsc = join(ROOT, 'node_modules/.bin/tsc');
    // Types are checked elsewhere.
    const args = ['-p', 'tsconfig.build.json', '--noCheck', '--declaration', 'false', '--declarationMap', 'false'];
    await promisify(execFile)(tsc, [...args, '--outDir', join(directory, 'dist')], { cwd: ROOT });
  }, 30_000);
  afterAll(() => rm(directory, { recursive: true, force: true }));
  return {
    get directory() {
      return directory;
    },
    async module(name, source) {
      const path = join(directory, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, source);
      return path;
    },
    run(args, options) {
      return start(process.execPath, [join(directory, 'dist/cli/main.js'), ...args], options);
    },
  };
}
