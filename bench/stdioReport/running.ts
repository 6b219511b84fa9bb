/** A gateway that runs: its process, what it prints, and sessions with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { accepts, PEERS_FOLDER } from '../peerReport/peerProcess.ts';
import { signal } from './processes.ts';
import { type Answer, ClientSession, newId, outcome, type PostOptions, VERSION, Wire } from './wire.ts';

const LISTENS_WITHIN = 20_000;
const PRINTED_KEPT = 1_000_000;

/** What had to work before the case could begin did not: that is an outcome too. */
export class NotThatFar extends Error {}

export interface OpenOptions extends PostOptions {
  readonly capabilities?: object;
  /** Without it `notifications/initialized` is sent. */
  readonly onlyInitialize?: true;
}

export class Running {
  readonly wire: Wire;
  readonly listened: Promise<void>;
  listens = false;
  readonly #child: ChildProcess;
  #printed = '';
  /** All that it printed, in bytes. */
  printedBytes = 0;
  #gone = false;

  constructor(port: number, [command = '', ...args]: readonly string[], env: Readonly<Record<string, string>>) {
    this.wire = new Wire(`http://127.0.0.1:${port}/mcp`);
    const child = spawn(command, args, {
      cwd: fileURLToPath(PEERS_FOLDER),
      env: { ...process.env, NODE_ENV: 'production', ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.printedBytes += chunk.length;
        this.#printed = `${this.#printed}${chunk}`.slice(-PRINTED_KEPT);
      });
    }
    child.on('exit', () => {
      this.#gone = true;
    });
    child.on('error', () => {
      this.#gone = true;
    });
    this.listened = this.#listen(port);
  }

  async #listen(port: number): Promise<void> {
    const deadline = Date.now() + LISTENS_WITHIN;
    while (!this.#gone && Date.now() < deadline) {
      if (await accepts(port)) {
        this.listens = true;
        return;
      }
      await delay(50);
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isGone(): boolean {
    return this.#gone;
  }

  get printed(): string {
    return this.#printed;
  }

  signal(name: NodeJS.Signals): void {
    signal(this.pid, name);
  }

  /** With its group. */
  kill(): void {
    if (this.pid !== 0) signal(-this.pid, 'SIGKILL');
  }

  /** An initialize, whatever comes of it. */
  initialize({ capabilities = {}, version = VERSION, ...options }: OpenOptions = {}): Promise<Answer> {
    const params = { protocolVersion: version, capabilities, clientInfo: { name: 'field', version: '1.0.0' } };
    return this.wire.post({ jsonrpc: '2.0', id: newId(), method: 'initialize', params }, options);
  }

  /** An open session. @throws {NotThatFar} where there is none. */
  async open(options: OpenOptions = {}): Promise<ClientSession> {
    const answer = await this.initialize(options);
    if (answer.sessionId === undefined || !answer.messages.some(({ result }) => result !== undefined)) {
      throw new NotThatFar(`no session opens: ${outcome(answer)}`);
    }
    const sessionId = answer.sessionId;
    const { agent, version } = options;
    const initialized = options.onlyInitialize
      ? answer
      : await this.wire.post(
          { jsonrpc: '2.0', method: 'notifications/initialized' },
          { sessionId, ...(agent && { agent }), ...(version && { version }) },
        );
    return new ClientSession(this.wire, sessionId, initialized);
  }

  /** What ends a session's process: DELETE, or where all have one, the end of the gateway. */
  async end(session: ClientSession, perSession: boolean): Promise<string> {
    if (perSession) {
      await session.delete(15_000);
      return 'DELETE';
    }
    this.signal('SIGTERM');
    return 'SIGTERM to the gateway';
  }
}
