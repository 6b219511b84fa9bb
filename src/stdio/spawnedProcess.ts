/**
 * A real process: its three streams, its exit, its group. What it says is read whatever becomes of it, so that it is never
 * blocked by us, and its streams failing never becomes an error that nobody handles.
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { type Clock, nextTurn } from '../clock.ts';
import { Lines } from './lines.ts';
import type { ProcessEvents, ProcessExit, RunningProcess } from './process.ts';
import type { ProcessGroup } from './processGroup.ts';
import { killTree } from './processTree.ts';
import { StderrLines } from './stderrLines.ts';

/** What may wait to be read by the process, in bytes; one message may be more, as long as no other waits before it. */
export const MAX_STDIN = 8 * 1024 * 1024;
/** How long what was written before the exit is read after it, in ms; and how long an exit may follow a closed stream. */
const DRAIN = 100;
/** As long as there is more at each turn of the event loop it is read on, for so many turns. */
const MORE_TURNS = 200;

/** A process whose three streams are pipes. */
export type PipedProcess = ChildProcess & {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
};

/** Who looks after processes. */
interface Keeper {
  /** It has spoken for the first time, or has ended. May be called again. */
  started(): void;
  /** The leader has exited. `emptied` is called once when there is no other member left. */
  exited(emptied: () => void): void;
  /** Its group was signalled. */
  signalled(): void;
}

export class SpawnedProcess implements RunningProcess {
  readonly pid: number;
  readonly #child: PipedProcess;
  readonly #group: ProcessGroup;
  readonly #clock: Clock;
  readonly #keeper: Keeper;
  readonly #events: ProcessEvents;
  readonly #lines: Lines;
  readonly #stderr: StderrLines;
  readonly #timers = new Set<unknown>();
  #bytesRead = 0;
  #open = 2;
  #exit: ProcessExit | undefined;
  #isOver = false;
  #toldClosed: { stdin?: true; stdout?: true } = {};

  constructor(child: PipedProcess, group: ProcessGroup, clock: Clock, events: ProcessEvents, keeper: Keeper) {
    this.pid = child.pid;
    this.#child = child;
    this.#group = group;
    this.#clock = clock;
    this.#keeper = keeper;
    this.#events = events;
    this.#lines = new Lines(events);
    this.#stderr = new StderrLines(clock, (line, dropped) => events.stderr(line, dropped));
    child.on('error', () => {}); // of a signal that could not be sent; failing to start is told before
    child.stdin.on('error', () => this.#closed('stdin'));
    this.#read(child.stdout, (chunk) => {
      keeper.started();
      this.#lines.push(chunk);
    });
    this.#read(child.stderr, (chunk) => this.#stderr.push(chunk));
    child.stdout.once('close', () => this.#closed('stdout'));
    // Not 'close', which comes only when nobody has its streams any more.
    child.once('exit', (code, signal) => {
      keeper.started();
      this.#exited({ code, signal });
    });
  }

  get lastWords(): string {
    return this.#stderr.lastWords;
  }

  write(line: string): boolean {
    const { stdin } = this.#child;
    if (!stdin.writable || this.#exit !== undefined) return false;
    const waiting = stdin.writableLength;
    if (waiting > 0 && waiting + Buffer.byteLength(line) + 1 > MAX_STDIN) return false;
    stdin.write(`${line}\n`);
    return true;
  }

  closeStdin(): void {
    if (this.#child.stdin.writable) this.#child.stdin.end();
  }

  signalGroup(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (process.platform === 'win32') {
      if (this.#exit === undefined) killTree(this.pid);
      return;
    }
    if (!this.#group.signal(signal)) return;
    // One that is stopped hears of SIGTERM only when it goes on.
    if (signal === 'SIGTERM') this.#group.signal('SIGCONT');
    this.#keeper.signalled();
  }

  #read(stream: Readable, push: (chunk: Buffer) => void): void {
    stream.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      this.#bytesRead += chunk.length;
      push(chunk);
    });
    stream.on('error', () => {}); // it closes then
    stream.once('close', () => {
      this.#open--;
      if (this.#open === 0 && this.#exit !== undefined) this.#finish(this.#exit);
    });
  }

  /** Waits whether it exits as well. */
  #closed(what: 'stdin' | 'stdout'): void {
    if (this.#exit !== undefined || this.#toldClosed[what]) return;
    this.#toldClosed[what] = true;
    this.#after(DRAIN, () => {
      if (this.#exit === undefined) this.#events.closed(what);
    });
  }

  #exited(exit: ProcessExit): void {
    this.#exit = exit;
    this.#child.stdin.destroy();
    if (this.#open === 0) this.#finish(exit);
    else this.#after(DRAIN, () => this.#drain(exit, MORE_TURNS));
  }

  /** The timer may have come before what was there to be read, when the loop was held up. */
  #drain(exit: ProcessExit, turns: number): void {
    const before = this.#bytesRead;
    nextTurn(() => {
      if (this.#isOver) return;
      if (turns > 0 && this.#bytesRead > before) this.#drain(exit, turns - 1);
      else this.#finish(exit);
    });
  }

  #finish(exit: ProcessExit): void {
    if (this.#isOver) return;
    this.#lines.end();
    this.#stderr.end();
    this.#isOver = true;
    for (const timer of this.#timers) this.#clock.clearTimeout(timer);
    this.#timers.clear();
    // Another member of its group may hold them.
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
    this.#events.exited(exit);
    this.#keeper.exited(() => this.#events.emptied());
  }

  #after(ms: number, then: () => void): void {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
  }
}
