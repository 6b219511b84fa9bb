/**
 * Real processes for tests: a launcher whose processes have a marker of the test's own, so that the test meets no other's
 * and nothing is left of it, and a record of all that a process tells.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import type { LogEntry } from '../../src/options/logger.ts';
import { createProcessLauncher, type LauncherOptions } from '../../src/stdio/launcher.ts';
import { type Marking, ourMarking } from '../../src/stdio/marker.ts';
import { findMarked, type Orphan } from '../../src/stdio/orphans.ts';
import type { ProcessEvents, ProcessExit, ProcessLauncher, RunningProcess } from '../../src/stdio/process.ts';
import { isAlive, processStat } from '../../src/stdio/procfs.ts';
import { until } from '../support/until.ts';

/** A process takes a while to start where others are busy. */
const WITHIN = 15_000;

/** The command of a child in `children/`: by node, or by sh. */
export function child(name: string): [command: string, ...args: string[]] {
  const path = fileURLToPath(new URL(`./children/${name}`, import.meta.url));
  return [name.endsWith('.js') ? process.execPath : 'sh', path];
}

/** The same behind a shell that stays between us and it. */
export function behindShell([command, ...args]: readonly [string, ...string[]]): [string, ...string[]] {
  return ['sh', '-c', '"$@"; exit $?', 'sh', command, ...args];
}

/** All that a process told, in order. */
export class Record implements ProcessEvents {
  readonly told: [name: string, ...what: unknown[]][] = [];
  running: RunningProcess | undefined;

  line(text: string): void {
    this.#tell('line', text);
  }
  overflowed(limit: number): void {
    this.#tell('overflowed', limit);
  }
  stderr(line: string, dropped: number): void {
    this.#tell('stderr', line, dropped);
  }
  closed(what: 'stdin' | 'stdout'): void {
    this.#tell('closed', what);
  }
  exited(exit: ProcessExit): void {
    this.#tell('exited', exit);
  }
  emptied(): void {
    this.#tell('emptied');
  }

  /** What it told under a name. */
  of(name: string): unknown[] {
    return this.told.filter(([each]) => each === name).map(([, what]) => what);
  }

  get lines(): string[] {
    return this.of('line') as string[];
  }

  get names(): string[] {
    return this.told.map(([name]) => name);
  }

  /** Waits for what is told under a name for the first time. */
  async heard<T = unknown>(name: string, within = WITHIN): Promise<T> {
    await until(() => this.of(name).length > 0, {
      within,
      what: `"${name}"; told was ${JSON.stringify(this.told).slice(0, 500)}`,
    });
    return this.of(name)[0] as T;
  }

  /** Waits for a line that begins so. */
  async heardLine(start: string): Promise<string> {
    const line = await until(() => this.lines.find((each) => each.startsWith(start)), { within: WITHIN, what: start });
    return line as string;
  }

  #tell(name: string, ...what: unknown[]): void {
    expect(this.running, `${name} was told before launch had resolved`).toBeDefined();
    this.told.push([name, ...what]);
  }
}

export interface Bench {
  readonly launcher: ProcessLauncher;
  readonly marking: Marking;
  readonly log: LogEntry[];
  /** Starts a process with nothing in its environment but `PATH` and `env`. */
  launch(command: readonly [string, ...string[]], options?: LaunchOptions): Promise<Launched>;
  /** What there is of the test's processes. */
  left(): Promise<Orphan[]>;
}

interface LaunchOptions {
  readonly env?: Readonly<globalThis.Record<string, string>>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

export interface Launched {
  readonly running: RunningProcess;
  readonly record: Record;
}

/** A marker that no other test has. */
export function freshMarker(): string {
  return `TEST_CHILD_${randomBytes(8).toString('hex')}`;
}

/** A launcher for one test. At its end it is closed, and nothing of it may be left. */
export function launcherOf(options: LauncherOptions = {}): Bench {
  const log: LogEntry[] = [];
  const marker = options.marker ?? freshMarker();
  const launcher = createProcessLauncher({ log: (entry) => log.push(entry), ...options, marker });
  const marking = ourMarking(marker);
  if (marking === undefined) throw new Error('These tests need /proc');
  const left = () => findMarked({ marking, wanted: () => true });
  onTestFinished(async () => {
    await launcher.close();
    expect(await left(), 'left by the test').toEqual([]);
  });
  return {
    launcher,
    marking,
    log,
    left,
    async launch([command, ...args], { env = {}, cwd, signal = new AbortController().signal } = {}) {
      const record = new Record();
      const spec = { command, args, env: { PATH: process.env['PATH'] ?? '', ...env }, cwd };
      const running = await launcher.launch(spec, record, signal);
      record.running = running;
      return { running, record };
    },
  };
}

/** Whether a process lives. */
export function lives(pid: number): boolean {
  const stat = processStat(pid);
  return stat !== undefined && isAlive(stat);
}

/** Waits until a process is gone. */
export async function gone(pid: number, within = WITHIN): Promise<void> {
  await until(() => !lives(pid), { within, what: `the end of ${pid}` });
}
