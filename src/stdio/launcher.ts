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
  /** Told of what is left of others or has escaped. It must not throw. */
  readonly log?: Logger;
  /** Another than that of the process, in tests. */
  readonly guardian?: Guardian;
  /** The variable by which processes are found again: tests have names of their own, so that they don't meet. */
  readonly marker?: string;
}

/** The markers by which it was looked for what earlier processes left: once per process. */
const lookedFor = new Set<string>();

/** The variable that a process is marked by. */
interface Marker {
  readonly name: string;
  readonly value: string;
}

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
  readonly #marker: string | undefined;
  readonly #queue = new StartQueue();
  readonly #watch: GroupWatch;
  readonly #groups = new Map<ProcessGroup, SpawnedProcess>();
  /** How our processes are marked, where they can be, and who looks for those that leave their groups: from the first one on. */
  #used: { readonly marking: Marking | undefined; readonly escapees: Escapees | undefined } | undefined;
  #closing: Promise<void> | undefined;
  #allEmptied = () => {};

  constructor({ clock = SYSTEM_CLOCK, log = () => {}, guardian = GUARDIAN, marker }: LauncherOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#guardian = guardian;
    this.#marker = marker;
    this.#watch = new GroupWatch(clock);
  }

  async launch(spec: ProcessSpec, events: ProcessEvents, signal: AbortSignal): Promise<RunningProcess> {
    const started = await this.#queue.turn(signal);
    try {
      const marker = this.#prepare(spec);
      const child = await spawned(spec, marker);
      const abandoned = signal.aborted || this.#closing !== undefined;
      const group = groupOf(child, spec);
      const running = this.#keep(child, group, marker?.value, abandoned ? NOBODY : events, started);
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

  #keep(
    child: PipedProcess,
    group: ProcessGroup,
    marker: string | undefined,
    events: ProcessEvents,
    started: () => void,
  ): SpawnedProcess {
    this.#guardian.add(group);
    const timer = this.#clock.setTimeout(started, LONGEST_START);
    const watch = (emptied: () => void) =>
      this.#watch.watch(group, () => {
        this.#guardian.remove(group);
        this.#groups.delete(group);
        if (marker !== undefined) this.#used?.escapees?.lookFor(marker);
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

  /** What comes before every start. Returns its marker. */
  #prepare(spec: ProcessSpec): Marker | undefined {
    this.#used ??= this.#firstUse(spec);
    this.#guardian.prepare();
    const { marking } = this.#used;
    return marking && { name: marking.name, value: markerOf(marking.owner, randomBytes(9).toString('base64url')) };
  }

  #firstUse(spec: ProcessSpec) {
    const marking = orFailed(spec, () => ourMarking(this.#marker));
    this.#guardian.acquire(this.#log, marking && `${marking.name}=${markerOf(marking.owner, '')}`);
    if (marking !== undefined && !lookedFor.has(marking.name)) {
      lookedFor.add(marking.name);
      endOrphans(marking, this.#clock, this.#log).catch((error: unknown) => {
        lookedFor.delete(marking.name);
        this.#log({ level: 'error', event: 'orphans.failed', message: 'What was left could not be looked for', error });
      });
    }
    return { marking, escapees: marking && new Escapees(marking, this.#clock, this.#log) };
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
    await this.#used?.escapees?.close();
    this.#watch.close();
    if (this.#used !== undefined) this.#guardian.release(); // of what is left now it is told by our end
  }
}

/** One that can't be told from others is not kept. */
function groupOf({ pid }: PipedProcess, spec: ProcessSpec): ProcessGroup {
  return orFailed(
    spec,
    () => new ProcessGroup(pid),
    () => process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL'),
  );
}

function orFailed<T>(spec: ProcessSpec, read: () => T, failed: () => void = () => {}): T {
  try {
    return read();
  } catch (error) {
    failed();
    throw spawnFailure(spec, error);
  }
}

function spawned(spec: ProcessSpec, marker: Marker | undefined): Promise<PipedProcess> {
  const marked = marker && { [marker.name]: marker.value };
  return new Promise((resolve, reject) => {
    const failed = (error: unknown) => reject(spawnFailure(spec, error));
    try {
      const child = spawn(spec.command, spec.args, {
        cwd: spec.cwd,
        // The marker comes first, where it is found soon, and nothing takes its place.
        env: { ...marked, ...spec.env, ...marked },
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
