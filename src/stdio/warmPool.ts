/**
 * Processes that are started and not initialized: the next session has one of them, and nobody else ever. There are never
 * more than was asked for, those that are being started included; one that dies is followed by another, not at once where
 * that happens again and again.
 */
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';
import type { Logger } from '../options/logger.ts';
import { exitInWords } from './cause.ts';
import type { Launch } from './child.ts';
import { HandedOver } from './handedOver.ts';
import type { ProcessEvents, ProcessExit, ProcessLauncher, ProcessSpec, RunningProcess } from './process.ts';

/** How long the next one waits after so many that failed, in ms; one that lives for `STEADY` has that forgotten. */
const BACKOFF = [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000] as const;
const STEADY = 30_000;

/** How long a spare may take to end once its stdin is closed, in ms, before it is killed. */
const GRACE = 1_000;

/** Lines that a spare may say before it is asked anything; it is a bad one otherwise. */
const MOST_LINES = 100;

export interface WarmPoolOptions {
  readonly size: number;
  readonly spec: ProcessSpec;
  readonly launcher: () => ProcessLauncher;
  readonly logger: Logger | undefined;
  readonly clock?: Clock | undefined;
}

/** A process in the hands of the pool. */
interface Spare {
  readonly events: RelayedEvents;
  readonly process: RunningProcess;
  readonly since: number;
}

export class WarmPool {
  readonly #options: WarmPoolOptions;
  readonly #clock: Clock;
  readonly #spares = new Set<Spare>();
  readonly #ending = new Set<Promise<void>>();
  #failures = 0;
  #retry: unknown;
  /** Abandon the starts that go on. */
  readonly #starts = new Set<AbortController>();
  #closed = false;

  constructor(options: WarmPoolOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
  }

  /**
   * Takes a process out of it, if there is one; `fill` has another one started. Where it turns out to be dead, `launch`
   * starts what takes its place; without that, it is given as it is.
   */
  take(events: ProcessEvents, launch?: Launch): RunningProcess | undefined {
    const [spare] = this.#spares;
    if (spare === undefined) return undefined;
    this.#spares.delete(spare);
    const handed = launch && new HandedOver(spare.process, events, launch);
    spare.events.handOver(handed?.told ?? events);
    return handed ?? spare.process;
  }

  /** Starts what is missing, one after the other: sessions that want a process wait behind one spare, not behind all. */
  fill(): void {
    if (this.#closed || this.#retry !== undefined || this.#starts.size > 0) return;
    if (this.#spares.size < this.#options.size) void this.#start();
  }

  /** Ends all of them, and starts no more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#clock.clearTimeout(this.#retry);
    for (const start of this.#starts) start.abort(new Error('The pool was closed'));
    for (const spare of [...this.#spares]) this.#end(spare);
    await Promise.all(this.#ending);
  }

  async #start(): Promise<void> {
    const abandon = new AbortController();
    this.#starts.add(abandon);
    try {
      const events = new RelayedEvents(MOST_LINES);
      const process = await this.#options.launcher().launch(this.#options.spec, events, abandon.signal);
      const spare: Spare = { events, process, since: this.#clock.now() };
      this.#spares.add(spare);
      events.onUseless((exit) => this.#lost(spare, exit));
      if (this.#closed) this.#end(spare);
    } catch (error) {
      if (!this.#closed) this.#failed('could not be started', { error });
    } finally {
      this.#starts.delete(abandon);
      this.fill();
    }
  }

  /** A spare is of no use any more, before anybody had it. */
  #lost(spare: Spare, exit: ProcessExit | undefined): void {
    if (!this.#spares.delete(spare)) return;
    this.#end(spare); // what it has started may have outlived it
    if (this.#clock.now() - spare.since >= STEADY) this.#failures = 0;
    const { pid, lastWords: stderr } = spare.process;
    const said = { pid, ...(stderr !== '' && { stderr }) };
    if (!this.#closed) this.#failed(exit === undefined ? 'can’t be used' : exitInWords(exit), said);
    this.fill();
  }

  #failed(what: string, cause: Readonly<Record<string, unknown>>): void {
    const message = `A process that was kept ready ${what}`;
    this.#options.logger?.({ level: 'warn', event: 'spare.failed', message, ...cause });
    const delay = BACKOFF[Math.min(this.#failures++, BACKOFF.length - 1)] ?? 0;
    if (delay === 0 || this.#retry !== undefined) return;
    this.#retry = this.#clock.setTimeout(() => {
      this.#retry = undefined;
      this.fill();
    }, delay);
  }

  #end(spare: Spare): void {
    this.#spares.delete(spare);
    const { process, events } = spare;
    const ended = new Promise<void>((resolve) => {
      const kill = () => {
        process.signalGroup('SIGKILL');
        timer = this.#clock.setTimeout(resolve, GRACE);
      };
      let timer = this.#clock.setTimeout(kill, GRACE);
      events.onEmptied(() => {
        this.#clock.clearTimeout(timer);
        resolve();
      });
      process.closeStdin();
    });
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
  }
}

/** What a process tells, kept until somebody has it. */
class RelayedEvents implements ProcessEvents {
  readonly #most: number;
  #events: ProcessEvents | undefined;
  #kept: ((events: ProcessEvents) => void)[] = [];
  #useless: ((exit: ProcessExit | undefined) => void) | undefined;
  #emptied: (() => void) | undefined;
  #isEmptied = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** Has somebody hear of it from the next turn on, what was kept first. */
  handOver(events: ProcessEvents): void {
    this.#useless = undefined;
    setImmediate(() => {
      this.#events = events;
      for (const tell of this.#kept.splice(0)) tell(events);
    });
  }

  /** Called where it can't be handed over any more. */
  onUseless(listener: (exit: ProcessExit | undefined) => void): void {
    this.#useless = listener;
  }

  onEmptied(listener: () => void): void {
    this.#emptied = listener;
    if (this.#isEmptied) listener();
  }

  line(text: string): void {
    this.#tell((events) => events.line(text));
    if (this.#kept.length > this.#most) this.#useless?.(undefined);
  }

  overflowed(limit: number): void {
    this.#tell((events) => events.overflowed(limit));
    this.#useless?.(undefined);
  }

  stderr(line: string, dropped: number): void {
    if (this.#kept.length > this.#most) return;
    this.#tell((events) => events.stderr(line, dropped));
  }

  closed(what: 'stdin' | 'stdout'): void {
    this.#tell((events) => events.closed(what));
    this.#useless?.(undefined);
  }

  exited(exit: ProcessExit): void {
    this.#tell((events) => events.exited(exit));
    this.#useless?.(exit);
  }

  emptied(): void {
    this.#isEmptied = true;
    this.#emptied?.();
    this.#tell((events) => events.emptied());
  }

  #tell(tell: (events: ProcessEvents) => void): void {
    if (this.#events !== undefined) tell(this.#events);
    else this.#kept.push(tell);
  }
}
