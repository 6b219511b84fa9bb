/**
 * Starts real processes, each the leader of a group of its own, and looks after all of them until their groups are empty:
 * nothing that was started here is left when it is closed, when this process ends, or when it is killed.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';
import { SupervisorError } from '../errors.ts';
import type { Logger } from '../options/logger.ts';
import { Escapees } from './escapees.ts';
import { GroupWatch } from './groupWatch.ts';
import { GUARDIAN, type Guardian } from './guardian.ts';
import { type Marking, markerOf, ourMarking } from './marker.ts';
import { endOrphans } from './orphans.ts';
import type { ProcessEvents, ProcessLauncher, ProcessSpec, RunningProcess } from './process.ts';
import { ProcessGroup } from './processGroup.ts';
import { type PipedProcess, SpawnedProcess } from './spawnedProcess.ts';
import { spawnFailure } from './spawnFailure.ts';
import { StartQueue } from './startQueue.ts';

/** A process that says nothing has started after so long, in ms: then it is the next one's turn. */
const LONGEST_START = 1_000;
/** How long `close` waits for what it has killed, in ms. */
const LAST_WAIT = 1_000;

export interface LauncherOptions {
  readonly clock?: Clock;
  readonly log?: Logger;
  /** Another than that of the process, in tests. */
  readonly guardian?: Guardian;
  /** The variable by which processes are found again: tests have names of their own, so that they don't meet. */
  readonly marker?: string;
}

/** The markers by which it was looked for what earlier processes left: once per process. */
const lookedFor = new Set<string>();

/** Hears of a process that nobody wants any more. */
const NOBODY: ProcessEvents = { line() {}, overflowed() {}, stderr() {}, closed() {}, exited() {}, emptied() {} };

/** Starts real processes. Nothing is done, and nothing is started, before the first `launch`. */
export function createProcessLauncher(options: LauncherOptions = {}): ProcessLauncher {
  return new Launcher(options);
}

class Launcher implements ProcessLauncher {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #guardian: Guardian;
  readonly #marking: Marking | undefined;
  readonly #queue = new StartQueue();
  readonly #watch: GroupWatch;
  readonly #escapees: Escapees | undefined;
  readonly #groups = new Map<ProcessGroup, SpawnedProcess>();
  #used = false;
  #closing: Promise<void> | undefined;
  #allEmptied = () => {};

  constructor({ clock = SYSTEM_CLOCK, log = () => {}, guardian = GUARDIAN, marker }: LauncherOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#guardian = guardian;
    this.#marking = ourMarking(marker);
    this.#watch = new GroupWatch(clock);
    this.#escapees = this.#marking && new Escapees(this.#marking, clock, log);
  }

  async launch(spec: ProcessSpec, events: ProcessEvents, signal: AbortSignal): Promise<RunningProcess> {
    const started = await this.#queue.turn(signal);
    try {
      this.#firstUse();
      this.#guardian.prepare();
      const marker = this.#marking && markerOf(this.#marking.owner, randomBytes(9).toString('base64url'));
      const child = await spawned(spec, marker === undefined ? {} : { [this.#marking?.name ?? '']: marker });
      const abandoned = signal.aborted || this.#closing !== undefined;
      const running = this.#keep(child, marker, abandoned ? NOBODY : events, started);
      if (!abandoned) return running;
      running.signalGroup('SIGKILL');
      throw signal.aborted ? signal.reason : new SupervisorError('SPAWN_UNAVAILABLE', 'The launcher was closed');
    } catch (error) {
      started();
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #keep(child: PipedProcess, marker: string | undefined, events: ProcessEvents, started: () => void): SpawnedProcess {
    const group = new ProcessGroup(child.pid);
    this.#guardian.add(group);
    const timer = this.#clock.setTimeout(started, LONGEST_START);
    const watch = (emptied: () => void) =>
      this.#watch.watch(group, () => {
        this.#guardian.remove(group);
        this.#groups.delete(group);
        if (marker !== undefined) this.#escapees?.lookFor(marker);
        if (this.#groups.size === 0) this.#allEmptied();
        emptied();
      });
    const running = new SpawnedProcess(child, group, this.#clock, events, {
      started: () => {
        this.#clock.clearTimeout(timer);
        started();
      },
      exited: watch,
      signalled: () => this.#watch.hurry(group),
    });
    this.#groups.set(group, running);
    return running;
  }

  #firstUse(): void {
    if (this.#used) return;
    this.#used = true;
    this.#guardian.acquire(this.#log);
    if (this.#marking === undefined || lookedFor.has(this.#marking.name)) return;
    lookedFor.add(this.#marking.name);
    endOrphans(this.#marking, this.#clock, this.#log).catch((error: unknown) => {
      this.#log({ level: 'error', event: 'orphans.failed', message: 'What was left could not be looked for', error });
    });
  }

  async #close(): Promise<void> {
    this.#queue.close();
    for (const running of this.#groups.values()) running.signalGroup('SIGKILL');
    if (this.#groups.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.setTimeout(resolve, LAST_WAIT);
        this.#allEmptied = () => {
          this.#clock.clearTimeout(timer);
          resolve();
        };
      });
    }
    await this.#escapees?.close();
    this.#watch.close();
    if (this.#used) this.#guardian.release(); // of what is left now it is told by our end
  }
}

function spawned(spec: ProcessSpec, marker: Readonly<Record<string, string>>): Promise<PipedProcess> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown) => reject(spawnFailure(spec, error));
    try {
      const child = spawn(spec.command, spec.args, {
        cwd: spec.cwd,
        // The marker comes first, where it is found soon, and nothing takes its place.
        env: { ...marker, ...spec.env, ...marker },
        detached: process.platform !== 'win32',
        windowsHide: true,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      child.once('error', failed);
      child.once('spawn', () => resolve(child as PipedProcess));
    } catch (error) {
      failed(error);
    }
  });
}
