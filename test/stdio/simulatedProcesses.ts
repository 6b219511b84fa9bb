/** Processes that are objects: what is written to them is a list, and what they say and do is said by the test. */
import type { Clock } from '../../src/clock.ts';
import { SupervisorError } from '../../src/errors.ts';
import type {
  ProcessEvents,
  ProcessExit,
  ProcessLauncher,
  ProcessSpec,
  RunningProcess,
} from '../../src/stdio/process.ts';
import { resolveStdioOptions, type StdioServerOptions } from '../../src/stdio/stdioOptions.ts';
import { factoryOf } from '../../src/stdio/stdioServer.ts';
import { type Served, type ServeOptions, serve } from '../support/serve.ts';
import type { WireMessage } from '../support/sse.ts';
import { until } from '../support/until.ts';

/** What a server answers to an initialize, unless a test says otherwise. */
export const CAPABILITIES = { tools: {}, logging: {}, resources: { subscribe: true } };

export class SimulatedProcess implements RunningProcess {
  readonly pid: number;
  readonly spec: ProcessSpec;
  lastWords = '';
  /** What was written to its stdin, line by line. */
  readonly written: string[] = [];
  readonly signals: string[] = [];
  /** Ids of requests that a test has had it answer. */
  readonly answered = new Set<string>();
  stdinClosed = false;
  /** It takes nothing more. */
  full = false;
  /** What makes it exit: the end of stdin, SIGTERM, or neither. SIGKILL always does. */
  ends: 'atEof' | 'atTerm' | 'atKill' = 'atEof';
  exited: ProcessExit | undefined;
  /** Somebody of its group lives on when it has exited. */
  leaves = false;
  readonly #events: ProcessEvents;
  readonly #answer: (message: WireMessage, process: SimulatedProcess) => void;

  constructor(pid: number, spec: ProcessSpec, events: ProcessEvents, answer: SimulatedLauncher['answer']) {
    this.pid = pid;
    this.spec = spec;
    this.#events = events;
    this.#answer = answer;
  }

  /** What was written to it, parsed. */
  get heard(): WireMessage[] {
    return this.written.map((line) => JSON.parse(line) as WireMessage);
  }

  write(line: string): boolean {
    if (this.full || this.stdinClosed || this.exited !== undefined) return false;
    this.written.push(line);
    this.#answer(JSON.parse(line) as WireMessage, this);
    return true;
  }

  closeStdin(): void {
    this.stdinClosed = true;
    if (this.ends === 'atEof') this.exit({ code: 0, signal: null });
  }

  signalGroup(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.exited !== undefined && !this.leaves) return;
    this.signals.push(signal);
    if (signal === 'SIGTERM' && this.ends === 'atKill') return;
    this.leaves = false;
    if (this.exited === undefined) this.exit({ code: null, signal });
    else queueMicrotask(() => this.#events.emptied());
  }

  /** Writes a line to its stdout: a text as it is, a message as JSON. */
  say(what: string | object): void {
    if (this.exited !== undefined) throw new Error('It has exited');
    this.#events.line(typeof what === 'string' ? what : JSON.stringify({ jsonrpc: '2.0', ...what }));
  }

  warn(line: string): void {
    this.lastWords += this.lastWords === '' ? line : `\n${line}`;
    this.#events.stderr(line, 0);
  }

  overflow(limit: number): void {
    this.#events.overflowed(limit);
  }

  close(what: 'stdin' | 'stdout'): void {
    this.#events.closed(what);
  }

  exit(exit: ProcessExit): void {
    if (this.exited !== undefined) return;
    this.exited = exit;
    queueMicrotask(() => {
      this.#events.exited(exit);
      if (!this.leaves) this.#events.emptied();
    });
  }
}

export class SimulatedLauncher implements ProcessLauncher {
  readonly processes: SimulatedProcess[] = [];
  /** What the next launches fail with. */
  readonly failures: Error[] = [];
  /** Launches wait for this. */
  gate: Promise<void> | undefined;
  closed = false;
  capabilities: object = CAPABILITIES;
  /** Called with each message that a process is sent. */
  answer = (message: WireMessage, process: SimulatedProcess): void => {
    if (message.method !== 'initialize') return;
    const { protocolVersion } = message.params;
    const result = { protocolVersion, capabilities: this.capabilities, serverInfo: { name: 'sim', version: '1' } };
    process.say({ id: message.id, result });
  };

  async launch(spec: ProcessSpec, events: ProcessEvents, signal: AbortSignal): Promise<SimulatedProcess> {
    await Promise.race([this.gate ?? Promise.resolve(), aborted(signal)]);
    signal.throwIfAborted();
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const process = new SimulatedProcess(1_000 + this.processes.length, spec, events, (message, self) =>
      this.answer(message, self),
    );
    this.processes.push(process);
    return process;
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const process of this.processes) process.signalGroup('SIGKILL');
  }

  /** The processes that have not exited. */
  get living(): SimulatedProcess[] {
    return this.processes.filter(({ exited }) => exited === undefined);
  }

  /** The last process that was started. */
  get last(): SimulatedProcess {
    const process = this.processes.at(-1);
    if (process === undefined) throw new Error('No process was started');
    return process;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}

export const noRoom = () => new SupervisorError('SPAWN_UNAVAILABLE', 'There are too many processes (EAGAIN)');
export const notFound = () => new SupervisorError('COMMAND_NOT_FOUND', 'The command "x" can’t be started (ENOENT)');

export interface SimulatedServing extends Served {
  readonly launcher: SimulatedLauncher;
}

/** A supervisor whose servers are simulated processes. */
export async function serveProcesses(
  options: Partial<StdioServerOptions> = {},
  serving: ServeOptions & { readonly env?: Readonly<Record<string, string>> } = {},
  launcher = new SimulatedLauncher(),
): Promise<SimulatedServing> {
  const { env = {}, ...rest } = serving;
  const clock = rest.clock as Clock | undefined;
  const world = { launcher: () => launcher, env, ...(clock !== undefined && { clock }) };
  const server = factoryOf(resolveStdioOptions({ command: 'x', ...options }), world);
  const served = await serve({ server, ...rest });
  return { ...served, launcher };
}

/** Waits until a process was sent a message of this method; resolves to the last one. */
export async function heardOf(process: SimulatedProcess, method: string): Promise<WireMessage> {
  await until(() => process.heard.some((message) => message.method === method), { what: `${method} at the process` });
  return process.heard.findLast((message) => message.method === method) as WireMessage;
}
