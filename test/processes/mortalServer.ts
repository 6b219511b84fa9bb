/** The command as a process that is killed and started again, on the same port. */
import type { BuiltCommand, Exit, Running } from '../cli/command.ts';

/** A start takes a while where others are busy, in ms. */
const WITHIN = 20_000;

export class MortalServer {
  /** How many processes there have been. */
  generation = 0;
  url = '';
  readonly #command: BuiltCommand;
  readonly #args: readonly string[];
  #running: Running | undefined;
  #up = new Gate();
  #dead = new Gate();
  #complaints = '';

  /** `args` are those of the command, without `--port`. */
  constructor(command: BuiltCommand, args: readonly string[]) {
    this.#command = command;
    this.#args = args;
  }

  /** The process that runs, or ran last. */
  get process(): Running {
    if (this.#running === undefined) throw new Error('It was never started');
    return this.#running;
  }

  /** What the processes have printed to stderr. */
  get complaints(): string {
    return this.#complaints + (this.#running?.stderr ?? '');
  }

  /** Resolves when it listens, at once where it does. */
  get up(): Promise<void> {
    return this.#up.opened;
  }

  /** Resolves when the process that runs is killed. */
  get death(): Promise<void> {
    return this.#dead.opened;
  }

  /** Starts a process; it need not listen yet. */
  begin(): void {
    this.generation++;
    const port = this.url === '' ? '0' : new URL(this.url).port;
    if (this.#running !== undefined) this.#complaints += this.#running.stderr;
    this.#running = this.#command.run(['--port', port, ...this.#args]);
  }

  /** Starts a process, and resolves when it listens. */
  async start(): Promise<void> {
    this.begin();
    this.url = await this.process.url(WITHIN);
    this.#up.open();
  }

  /** Ends the process; whoever waits for it to listen waits for the next one. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    this.#up = this.#up.isOpen ? new Gate() : this.#up;
    this.process.kill(signal);
    const exit = await this.process.exited();
    this.#dead.open();
    this.#dead = new Gate();
    return exit;
  }
}

class Gate {
  isOpen = false;
  open = () => {};
  readonly opened = new Promise<void>((resolve) => {
    this.open = () => {
      this.isOpen = true;
      resolve();
    };
  });
}
