/**
 * A process that was kept ready, in the hands of a session. It may have died just before, which nobody knew yet: where it
 * ends without a word, another process takes its place, once, and is sent what it was sent.
 */
import type { Launch } from './child.ts';
import type { ProcessEvents, ProcessExit, RunningProcess } from './process.ts';
import { MAX_STDIN } from './spawnedProcess.ts';

/** How many lines are kept for the one that may take its place. */
const MOST_LINES = 16;

export class HandedOver implements RunningProcess {
  #process: RunningProcess;
  readonly #events: ProcessEvents;
  readonly #again: Launch;
  /** What it was sent and has not said a word to; undefined where another can't take its place any more. */
  #unanswered: string[] | undefined = [];
  /** Abandons the start of the one that takes its place. */
  #replacing: AbortController | undefined;
  #isReplaced = false;
  #isEmptied = false;
  #stopped = false;

  /** `again` starts what takes its place. */
  constructor(process: RunningProcess, events: ProcessEvents, again: Launch) {
    this.#process = process;
    this.#events = events;
    this.#again = again;
  }

  /** What it tells from now on. */
  get told(): ProcessEvents {
    const events = this.#events;
    return {
      line: (text) => {
        this.#unanswered = undefined;
        events.line(text);
      },
      overflowed: (limit) => {
        this.#unanswered = undefined;
        events.overflowed(limit);
      },
      stderr: (line, dropped) => events.stderr(line, dropped),
      closed: (what) => {
        // Its end follows.
        if (this.#unanswered !== undefined && !this.#stopped) this.#process.signalGroup('SIGKILL');
        else events.closed(what);
      },
      exited: (exit) => {
        if (this.#unanswered === undefined || this.#stopped) events.exited(exit);
        else void this.#replace(exit, this.#unanswered);
      },
      emptied: () => {
        this.#isEmptied = true;
        if (this.#replacing === undefined && !this.#isReplaced) events.emptied();
      },
    };
  }

  get pid(): number {
    return this.#process.pid;
  }

  get lastWords(): string {
    return this.#process.lastWords;
  }

  write(line: string): boolean {
    const lines = this.#unanswered;
    const fits = Buffer.byteLength(line) < MAX_STDIN;
    if (this.#replacing !== undefined) return fits && lines !== undefined && this.#keep(lines, line);
    const isWritten = this.#process.write(line);
    if (lines === undefined) return isWritten;
    const isKept = fits && this.#keep(lines, line);
    if (!isKept) this.#unanswered = undefined;
    // One that takes nothing has died: the next one gets it.
    return isWritten || isKept;
  }

  closeStdin(): void {
    this.#stopped = true;
    this.#replacing?.abort(new Error('The child was stopped'));
    this.#process.closeStdin();
  }

  signalGroup(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#stopped = true;
    this.#replacing?.abort(new Error('The child was stopped'));
    this.#process.signalGroup(signal);
  }

  #keep(lines: string[], line: string): boolean {
    if (lines.length >= MOST_LINES) return false;
    lines.push(line);
    return true;
  }

  async #replace(exit: ProcessExit, lines: readonly string[]): Promise<void> {
    const controller = new AbortController();
    this.#replacing = controller;
    this.#process.signalGroup('SIGKILL'); // whoever of its group is left
    try {
      const process = await this.#again(this.#events, controller.signal);
      this.#isReplaced = true;
      this.#process = process;
      this.#events.replaced?.(process.pid, exit);
      if (!lines.every((line) => process.write(line))) this.#events.closed('stdin');
    } catch {
      this.#events.exited(exit);
      if (this.#isEmptied) this.#events.emptied();
    } finally {
      this.#replacing = undefined;
      this.#unanswered = undefined;
    }
  }
}
