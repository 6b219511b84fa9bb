/**
 * A shell in a session of its own, which ends our groups when we are gone without having done it: killed by SIGKILL, for
 * instance. It learns that from a pipe that only we hold, and that no process we start inherits. There is one for the
 * process, from the first group on. It is replaced when it dies, and never keeps our event loop alive.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';
import type { Logger } from '../options/logger.ts';
import { GUARDIAN_SCRIPT } from './guardianScript.ts';
import type { ProcessGroup } from './processGroup.ts';

/** How long to wait before each attempt to replace one that died, in ms; after the last one there is none. */
const DELAYS = [0, 1_000, 2_000, 4_000, 8_000];
/** One that lived so long begins a new series of attempts, in ms. */
const SETTLED_AFTER = 30_000;
/** What may wait to be read by it, in bytes: 10 000 groups. Beyond, it is stuck, and is replaced. */
const MOST_WAITING = 256 * 1024;
/** What stands for the program's name, for those who look at processes. */
const NAME = 'mcp-session-supervisor-guardian';

/** For the tests, which start others. */
export interface GuardianOptions {
  readonly clock: Clock;
  readonly shell: string;
}

export class Guardian {
  readonly #clock: Clock;
  readonly #shell: string;
  readonly #groups = new Set<ProcessGroup>();
  readonly #marks = new Set<string>();
  #users = 0;
  #log: Logger = () => {};
  #process: ChildProcess | undefined;
  #attempts = 0;
  #startedAt = 0;
  #timer: unknown;

  constructor({ clock, shell }: GuardianOptions = { clock: SYSTEM_CLOCK, shell: 'sh' }) {
    this.#clock = clock;
    this.#shell = shell;
  }

  /** The number of its process; undefined when there is none. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Somebody will have groups, of processes whose environments have this in them. Each `acquire` has its `release`. */
  acquire(log: Logger, mark?: string): void {
    this.#users++;
    this.#log = log;
    if (mark === undefined || this.#marks.has(mark)) return;
    this.#marks.add(mark);
    this.#tell(marked(mark));
  }

  /** When nobody is left who has groups, it goes. */
  release(): void {
    if (--this.#users === 0) this.#end();
  }

  /** There is one from here on, if there can be: called before a process is started, so that none is without. */
  prepare(): void {
    if (this.#process !== undefined || this.#timer !== undefined) return;
    if (this.#clock.now() - this.#startedAt >= SETTLED_AFTER) this.#attempts = 0;
    if (this.#attempts <= DELAYS.length) this.#start();
  }

  add(group: ProcessGroup): void {
    this.#groups.add(group);
    this.#tell(added(group));
  }

  remove(group: ProcessGroup): void {
    if (this.#groups.delete(group)) this.#tell(`- ${group.id}\n`);
  }

  #start(): void {
    if (process.platform === 'win32') return;
    this.#attempts++;
    this.#startedAt = this.#clock.now();
    let started: ChildProcess;
    try {
      started = spawn(this.#shell, ['-c', GUARDIAN_SCRIPT, NAME], {
        cwd: '/',
        detached: true,
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
        stdio: ['pipe', 'ignore', 'ignore'],
      });
    } catch (error) {
      this.#lost(error);
      return;
    }
    this.#process = started;
    started.unref();
    unref(started.stdin);
    started.stdin?.on('error', () => {}); // its end is told by 'exit'
    started.once('error', (error) => this.#ended(started, error));
    started.once('exit', () => this.#ended(started, undefined));
    for (const mark of this.#marks) this.#tell(marked(mark));
    for (const group of this.#groups) this.#tell(added(group));
  }

  #ended(ended: ChildProcess, error: unknown): void {
    ended.stdin?.destroy();
    if (this.#process !== ended) return;
    this.#process = undefined;
    this.#lost(error);
  }

  #lost(error: unknown): void {
    if (this.#users === 0) return;
    if (this.#clock.now() - this.#startedAt >= SETTLED_AFTER) this.#attempts = 0;
    // What is not there will not be there soon.
    const missing = (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    if (missing) this.#attempts = DELAYS.length + 1;
    const delay = DELAYS[this.#attempts - 1];
    if (delay === undefined) {
      const why = missing ? `there is no ${this.#shell}` : 'it has ended again and again';
      this.#log({
        level: 'warn',
        event: 'guardian.lost',
        message: `No guardian watches over the processes, because ${why}: they may survive a SIGKILL of this one`,
        ...(error !== undefined && { error }),
      });
      return;
    }
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.#users > 0 && this.#process === undefined) this.#start();
    }, delay);
    unref(this.#timer);
  }

  #tell(line: string): void {
    const stdin = this.#process?.stdin;
    if (stdin === undefined || stdin === null || stdin.destroyed) return;
    stdin.write(line);
    if (stdin.writableLength > MOST_WAITING) this.#process?.kill('SIGKILL');
  }

  /** It ends by itself, when it has no group left. */
  #end(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tell('.\n');
    this.#process?.stdin?.end();
    this.#process = undefined;
    this.#attempts = 0;
    this.#groups.clear();
    this.#marks.clear();
  }
}

/** That of this process. */
export const GUARDIAN = new Guardian();

function marked(mark: string): string {
  return `= ${mark}\n`;
}

function added({ id, startTime }: ProcessGroup): string {
  return `+ ${id} ${startTime ?? '-'}\n`;
}

/** What it is of need not keep the event loop alive: a timer of Node's, or a stream. */
function unref(handle: unknown): void {
  if (handle instanceof Object && 'unref' in handle && typeof handle.unref === 'function') handle.unref();
}
