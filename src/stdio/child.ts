/**
 * A child: the process of one session, and those that follow it where it is started again. The machine decides when it
 * is started and ended; this does it, tells the machine what happens, and the owner what it has to know.
 */
import { createActor } from 'xstate';
import { MAX_DELAY } from '../clock.ts';
import { type ChildMachineEvent, childMachine } from '../machines/child.ts';
import { leaveParent } from '../machines/leaveParent.ts';
import type { ProcessLogEvent, Surroundings } from '../transport/transportOptions.ts';
import { exitInWords, serverEnded } from './cause.ts';
import type { ProcessEvents, ProcessExit, RunningProcess } from './process.ts';
import type { ResolvedStdioOptions } from './stdioOptions.ts';

/** Whom a child serves. */
export interface ChildOwner {
  /** A line of stdout. */
  line(text: string): void;
  /**
   * Its process can't be talked to any more, which nobody asked for; why, and how it exited if it has. With `restarts`
   * another one will be started.
   */
  lost(error: Error, exit: ProcessExit | undefined, restarts: boolean): void;
  /** Another process runs, which knows nothing yet. */
  restarted(): void;
}

/** Starts a process; `signal` abandons that. */
export type Launch = (events: ProcessEvents, signal: AbortSignal) => Promise<RunningProcess>;

/** What it is made with. */
export interface ChildSetting {
  readonly sessionId: string | undefined;
  readonly surroundings: Omit<Surroundings, 'options'> & {
    readonly options: Pick<Surroundings['options'], 'clock' | 'shutdownTimeout'>;
  };
  readonly options: Pick<ResolvedStdioOptions, 'restart' | 'maxRestarts' | 'maxSeconds' | 'showStderr'>;
  readonly launch: Launch;
}

export class Child {
  readonly #setting: ChildSetting;
  readonly #owner: ChildOwner;
  readonly #actor;
  #process: RunningProcess | undefined;
  /** It was told that it writes to stdout what is no message. */
  #isNoisy = false;
  /** Abandons the start that goes on. */
  #starting: AbortController | undefined;
  /** Settles when the first process runs, or can't be started; resolves where it was stopped before. */
  readonly started: Promise<void>;
  #settleStart: (error?: unknown) => void = () => {};
  readonly #gone: Promise<void>;
  #isGone = () => {};

  constructor(setting: ChildSetting, owner: ChildOwner) {
    this.#setting = setting;
    this.#owner = owner;
    this.started = new Promise((resolve, reject) => {
      this.#settleStart = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.#gone = new Promise((resolve) => {
      this.#isGone = resolve;
    });
    const { sessionId, surroundings, options } = setting;
    const machine = childMachine.provide({
      actions: {
        start: ({ context }) => void this.#start(context.generation),
        closeStdin: () => {
          this.#starting?.abort(new Error('The child was stopped'));
          this.#process?.closeStdin();
        },
        terminate: () => this.#process?.signalGroup('SIGTERM'),
        kill: () => this.#process?.signalGroup('SIGKILL'),
        end: () => {
          leaveParent(this.#actor, surroundings.actor);
          this.#settleStart();
          this.#isGone();
        },
      },
    });
    const { actor: parent } = surroundings;
    const { clock, shutdownTimeout } = surroundings.options;
    const { restart, maxRestarts, maxSeconds } = options;
    this.#actor = createActor(machine, {
      id: 'child',
      // By that name an inspection finds it: it is no child that the session's machine knows of.
      ...(parent === undefined ? { clock } : { parent, systemId: `child of ${parent.sessionId}` }),
      input: {
        sessionId: sessionId ?? null,
        restart,
        maxRestarts,
        maxSeconds,
        stopTimeout: Math.min(shutdownTimeout, MAX_DELAY),
      },
    });
    this.#actor.start();
  }

  /** Its process has been told all that it has to know. */
  ready(): void {
    this.#send({ type: 'READY' });
  }

  /** Writes a line; false where the process takes no more. */
  write(line: string): boolean {
    return this.#process?.write(line) ?? false;
  }

  /** A line of stdout that is no message; so many before it were not told. */
  noise(line: string, dropped: number): void {
    const { pid } = this.#process ?? {};
    this.#log('info', 'child.noise', line, { pid, ...(dropped > 0 && { dropped }) });
    if (this.#isNoisy) return;
    this.#isNoisy = true;
    this.#log('warn', 'child.noisy', NOISY, { pid });
  }

  /** Its process lives, but is of no use any more, for this reason. */
  break(what: string): void {
    if (!this.#isUp) return;
    this.#log('warn', 'child.broken', `The server's process ${what}; it is ended`, { pid: this.#process?.pid });
    this.#send({ type: 'BROKEN', at: this.#now() });
    this.#lose(what, undefined);
  }

  /** Ends it. Resolves when nobody of its group is left, or when that was given up. */
  stop(): Promise<void> {
    this.#send({ type: 'STOP' });
    return this.#gone;
  }

  get #isUp(): boolean {
    const { value } = this.#actor.getSnapshot();
    return value === 'starting' || value === 'ready';
  }

  get #willRestart(): boolean {
    const { value, context } = this.#actor.getSnapshot();
    return value === 'restarting' || (value === 'terminating' && context.willRestart);
  }

  #now(): number {
    return this.#setting.surroundings.options.clock.now();
  }

  #send(event: ChildMachineEvent): void {
    if (this.#actor.getSnapshot().status === 'active') this.#actor.send(event);
  }

  async #start(generation: number): Promise<void> {
    const controller = new AbortController();
    this.#starting = controller;
    this.#process = undefined;
    const first = generation === 1;
    try {
      const process = await this.#setting.launch(this.#events(), controller.signal);
      this.#starting = undefined;
      this.#process = process;
      const { surroundings } = this.#setting;
      const { pid } = process;
      surroundings.note({ event: 'child.started', generation });
      const again = first ? '' : ' again';
      const level = first ? 'debug' : 'info';
      this.#log(level, 'child.started', `The server's process was started${again}`, { pid, generation });
      this.#send({ type: 'STARTED', pid });
      if (first) this.#settleStart();
      else if (this.#isUp) this.#owner.restarted();
    } catch (error) {
      this.#starting = undefined;
      const wanted = this.#isUp;
      if (first && wanted) this.#settleStart(error);
      this.#send({ type: 'FAILED', at: this.#now() });
      if (first || !wanted) return;
      const message = "The server's process could not be started again";
      this.#log('warn', 'child.failed', message, { error });
      this.#owner.lost(serverEnded('could not be started again', undefined), undefined, this.#willRestart);
    }
  }

  #events(): ProcessEvents {
    return {
      line: (text) => {
        if (this.#isUp) this.#owner.line(text);
      },
      overflowed: (limit) => this.break(`wrote a line of more than ${limit} bytes`),
      stderr: (line, dropped) => {
        this.#log('info', 'child.stderr', line, { pid: this.#process?.pid, ...(dropped > 0 && { dropped }) });
      },
      closed: (what) => this.break(`closed its ${what}`),
      exited: (exit) => this.#exited(exit),
      emptied: () => this.#send({ type: 'EMPTIED' }),
      replaced: (pid, exit) => {
        const message = `A process that was kept ready ${exitInWords(exit)} when its session came; another one took its place`;
        this.#log('warn', 'child.replaced', message, { ...exit, pid });
        this.#send({ type: 'STARTED', pid });
      },
    };
  }

  #exited(exit: ProcessExit): void {
    const lost = this.#isUp;
    const { code, signal } = exit;
    const failed = signal !== null || code !== 0;
    this.#setting.surroundings.note({ event: 'child.exited', code, signal });
    const level = lost && failed ? 'warn' : lost ? 'info' : 'debug';
    const lastWords = lost || failed ? this.#process?.lastWords : undefined;
    this.#log(level, 'child.exited', `The server's process ${exitInWords(exit)}`, {
      pid: this.#process?.pid,
      code,
      signal,
      ...(lost && lastWords && { stderr: lastWords }),
    });
    this.#send({ type: 'EXITED', at: this.#now(), code, signal, lastWords });
    if (lost) this.#lose(exitInWords(exit), exit);
  }

  #lose(what: string, exit: ProcessExit | undefined): void {
    const { gaveUp, maxRestarts, maxSeconds } = this.#actor.getSnapshot().context;
    const tooOften = gaveUp ? `, and had been started again ${maxRestarts} times within ${maxSeconds} s` : '';
    const words = this.#setting.options.showStderr ? this.#process?.lastWords : undefined;
    this.#owner.lost(serverEnded(`${what}${tooOften}`, words), exit, this.#willRestart);
  }

  #log(
    level: 'debug' | 'info' | 'warn',
    event: ProcessLogEvent,
    message: string,
    more: Readonly<Record<string, unknown>>,
  ): void {
    this.#setting.surroundings.log({ level, event, message, ...more });
  }
}

const NOISY =
  'The server writes to stdout what is no message: it is left out, but stdout is for messages alone, and stderr for the rest';
