/**
 * A process as its owner sees it: what is started, what it tells, and what can be done to it. The owner decides when it
 * ends; how a process is started, read and signalled is below this line. Types alone: the real processes are those of
 * `launcher.ts`, and tests may have simulated ones.
 */

/** What is started. */
export interface ProcessSpec {
  /** A program, by its path or by a name that is looked up in the `PATH` of `env`. Never a shell's line. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment, as `childEnvironment` makes it; the launcher adds its marker. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it is started; undefined is where we are. */
  readonly cwd: string | undefined;
}

/** How it ended: one of the two is null. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a process tells its owner. None of it is told before `launch` has resolved, nor after `emptied`. */
export interface ProcessEvents {
  /** A line of stdout, as text: not blank, no line break, BOM and CR gone. None comes after `exited`. */
  line(text: string): void;
  /** stdout broke the rules: a line beyond its bound, in bytes. No line comes after it. The owner ends it. Once. */
  overflowed(limit: number): void;
  /** A line of stderr, printable, cut at its bound, within the rate; `dropped` lines before it were not told. */
  stderr(line: string, dropped: number): void;
  /**
   * It lives, but nothing more can be said to it, or nothing more comes from it, because it closed its stdin or its
   * stdout. Told when it has not exited within 100 ms after that. The owner ends it. Once for each.
   */
  closed(what: 'stdin' | 'stdout'): void;
  /** The leader has exited and what it wrote is read (or was given 100 ms for that). Once. */
  exited(exit: ProcessExit): void;
  /** No living member is left in its group. Once, after `exited`. */
  emptied(): void;
  /** It had been kept ready, and has ended without a word: another process, of this number, has taken its place. */
  replaced?(pid: number, exit: ProcessExit): void;
}

/** A process that was started. */
export interface RunningProcess {
  /** Its number, and that of its group, which it leads. */
  readonly pid: number;
  /** The last lines of stderr (4 kB), printable, for the cause of its end. */
  readonly lastWords: string;
  /**
   * Writes one line to stdin; the line break is added. False when more than 8 MiB would be waiting, or stdin is closed:
   * nothing of it was written then. What was written may still be lost when the process dies.
   */
  write(line: string): boolean;
  /** The three stages of an end, in the order of the machine that decides when. Harmless when it is gone. */
  closeStdin(): void;
  /** Signals all members of its group, right after it was made sure that the group is still ours. */
  signalGroup(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** Starts processes: the real one, and a simulated one in the tests. */
export interface ProcessLauncher {
  /**
   * Starts a process, in its turn. `signal` abandons it as long as `launch` has not resolved; it then rejects with the
   * signal's reason, and nothing is left.
   * @throws {SupervisorError} `COMMAND_NOT_FOUND` when it can't be started as it is (no such program or directory, not
   * executable, arguments that no process can have); `SPAWN_UNAVAILABLE` when the machine or the launcher has no room for it
   * now (`EAGAIN`, `EMFILE`, `ENFILE`, `ENOMEM`, too many that wait), or the launcher is closed. Neither names arguments or
   * values of the environment.
   */
  launch(spec: ProcessSpec, events: ProcessEvents, signal: AbortSignal): Promise<RunningProcess>;
  /**
   * Kills what is left, what left its group included, and starts nothing any more. Resolves when it is gone, at the latest
   * after 3 s: what can't even be killed is the guardian's then.
   */
  close(): Promise<void>;
}
