/**
 * The command as a process: from its arguments to its exit code. Signals, errors that nobody caught and the two output
 * streams are handled here and nowhere else.
 */
import { createRequire } from 'node:module';
import { CommandFailure, describeError, EXIT_FAILURE, EXIT_USAGE, isSupervisorError, stackLines } from './failure.ts';
import { createJournal, type Journal } from './journal.ts';
import type { ModelTestFlags } from './modelTestFlags.ts';
import { type Invocation, parseArguments } from './program.ts';
import type { Serving } from './serve.ts';
import type { ServerSource } from './serverSource.ts';
import { printable } from './wording.ts';

/**
 * One Ctrl-C under `npm start` arrives twice, from the terminal and forwarded by npm. Within this time, in ms, the same
 * signal is the same wish.
 */
const SAME_SIGNAL_WITHIN = 500;

/** What the served module left running may end by itself for so long after the drain, in ms. */
const LEFTOVER_GRACE = 1_000;

/** With the exit code of each where it comes a second time, or before anything is served: 128 and its number. */
const STOP_SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const requireSelf = createRequire(import.meta.url);

/** Runs the command. Returns at once; the process ends when the serving has. */
export function run(argv: readonly string[]): void {
  // Nobody reads the log any more: no reason to end the sessions.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const { version } = requireSelf('mcp-session-supervisor/package.json') as { version: string };
  let invocation: Invocation;
  try {
    invocation = parseArguments(argv, version);
  } catch (error) {
    process.stderr.write(`mcp-session-supervisor: ${describeError(error)} (--help lists all flags)\n`);
    process.exitCode = EXIT_USAGE;
    return;
  }
  if (invocation.kind === 'print') {
    process.stdout.write(invocation.text);
    return;
  }
  if (invocation.kind === 'modelTest') void test(invocation.flags);
  else void new ServeProcess(invocation, version).start();
}

/** Exit code 1 is kept for violations: whatever else goes wrong leaves no verdict. */
async function test(flags: ModelTestFlags): Promise<void> {
  try {
    // Each command loads what it needs, so that --help and a mistyped flag are answered at once.
    const { runModelTest } = await import('./modelTest.ts');
    process.exitCode = await runModelTest(flags, { out: process.stdout, err: process.stderr, env: process.env });
  } catch (error) {
    process.stderr.write(`mcp-session-supervisor: ${describeError(error)}\n`);
    process.exitCode = EXIT_USAGE;
  }
}

type ServeInvocation = Extract<Invocation, { kind: 'serve' | 'serveCommand' }>;

class ServeProcess {
  readonly #invocation: ServeInvocation;
  readonly #version: string;
  readonly #journal: Journal;
  #serving: Serving | undefined;
  #failed = false;
  #stopSignal: { readonly name: NodeJS.Signals; readonly at: number } | undefined;
  /** Somebody asked for a drain by the operator's listener. */
  #drainWished = false;
  #stopping = false;

  constructor(invocation: ServeInvocation, version: string) {
    this.#invocation = invocation;
    this.#version = version;
    const { logFormat: format, quiet = false, verbose = false } = invocation.flags;
    const { stdout: out, stderr: err, env } = process;
    this.#journal = createJournal({ format, quiet, verbose, out, err, env, now: Date.now });
  }

  async start(): Promise<void> {
    const invocation = this.#invocation;
    const { flags } = invocation;
    process.on('uncaughtException', (error) => this.#uncaught(error));
    process.on('unhandledRejection', (reason) => this.#uncaught(reason));
    for (const [name, code] of Object.entries(STOP_SIGNALS)) {
      process.on(name, () => this.#signalled(name as NodeJS.Signals, code));
    }
    // The loop runs empty when the module or the factory awaits something that nothing will ever settle.
    process.on('beforeExit', () => {
      if (this.#serving === undefined) {
        this.#fail(new CommandFailure(`${this.#what} never finished loading or building a server`));
      }
    });
    try {
      const [source, { serve }] = await Promise.all([this.#source(), import('./serve.ts')]);
      const wishes = { drain: () => this.#wishDrain() };
      this.#serving = await serve(source, flags, this.#journal, this.#version, wishes);
      if (this.#drainWished) this.#wishDrain();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #source(): Promise<ServerSource> {
    const invocation = this.#invocation;
    if (invocation.kind === 'serve') {
      const { moduleSource } = await import('./moduleSource.ts');
      return moduleSource(invocation.module, process.cwd());
    }
    const { commandSource } = await import('./commandSource.ts');
    return commandSource(invocation.command, invocation.flags, this.#journal);
  }

  /**
   * Node advises to end a process after an uncaught exception, because its state is unknown. Here that would end every
   * session for the late error of one, which is nearly always a callback in that session's own server. So it is told,
   * loudly, and the server goes on; before it serves, an error is a failure to start.
   */
  #uncaught(error: unknown): void {
    if (this.#serving === undefined) {
      this.#fail(error);
      return;
    }
    this.#journal.write({
      level: 'error',
      event: 'process.uncaught',
      message: 'nobody caught an error; serving goes on',
      error,
    });
  }

  #signalled(name: NodeJS.Signals, code: number): void {
    const at = performance.now();
    const first = this.#stopSignal;
    if (first !== undefined && first.name === name && at - first.at < SAME_SIGNAL_WITHIN) return;
    // The first one after that has the drain begin that is delayed.
    const hurried = first !== undefined && this.#serving?.hurry() === true;
    if (first !== undefined && !hurried) process.exit(code);
    this.#stopSignal = { name, at };
    if (hurried) return;
    if (this.#serving === undefined) {
      const message = `${name}: stopped before ${printable(this.#what)} was ready`;
      this.#journal.aside({ level: 'info', event: 'command.stopped', message, signal: name });
      this.#exit(code);
      return;
    }
    void this.#stop(this.#serving, name);
  }

  #wishDrain(): void {
    this.#drainWished = true;
    if (this.#serving !== undefined) void this.#stop(this.#serving, 'POST /drain');
  }

  /** Once: a signal that comes while it drains already wants the same. */
  async #stop(serving: Serving, cause: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    try {
      process.exitCode = (await serving.stop(cause)) ? 0 : 1;
    } catch (error) {
      this.#fail(error);
    }
    // Nothing of ours is left. What keeps the loop alive now belongs to the served module, and waits for nobody.
    setTimeout(() => process.exit(), LEFTOVER_GRACE).unref();
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    const { logFormat, verbose } = this.#invocation.flags;
    const message = describeError(error);
    if (logFormat === 'json') {
      this.#journal.write({ level: 'error', event: 'command.failed', message });
    } else {
      const thrown = error instanceof CommandFailure ? error.cause : error;
      const trace = verbose && thrown instanceof Error ? stackLines(thrown) : [];
      process.stderr.write([`mcp-session-supervisor: ${message}`, ...trace, ''].join('\n'));
    }
    this.#exit(exitCodeOf(error));
  }

  /** What is served, as the command line names it. */
  get #what(): string {
    const invocation = this.#invocation;
    return invocation.kind === 'serve' ? invocation.module : (invocation.command[0] ?? '');
  }

  /** Once what was written has gone out: exiting at once would lose it where a pipe is asynchronous. */
  #exit(code: number): void {
    process.stderr.write('', () => process.exit(code));
  }
}

/** An option that the supervisor refuses came from a flag. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommandFailure) return error.exitCode;
  return isSupervisorError(error) && /_OPTIONS?$/.test(error.code) ? EXIT_USAGE : EXIT_FAILURE;
}
