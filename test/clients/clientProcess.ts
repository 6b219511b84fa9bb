/** A client as a process, on the Node that is installed beside it: told what to do, heard. Every wait is bounded. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until, withTimeout } from '../support/until.ts';
import type { ClientProgram } from './clientList.ts';

const PACKAGES = new URL('packages/', import.meta.url);
const RUN = fileURLToPath(new URL('run.js', PACKAGES));
const NODE = fileURLToPath(
  new URL(`node_modules/node/bin/${process.platform === 'win32' ? 'node.exe' : 'node'}`, PACKAGES),
);

/** Eight of them start at once, each with all that its package loads, in ms. */
const STARTS_WITHIN = 60_000;
const ENDS_WITHIN = 10_000;
/** Longer than a client takes to come back to a server that was away, in ms. */
const ANSWERS_WITHIN = 30_000;

/** The end of what a process printed, for a message. */
const SHOWN = 2_000;

interface Told {
  readonly ready?: true;
  /** `null` where the client does not show what it heard. */
  readonly heard?: unknown;
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
}

export class ClientProcess<C extends ClientProgram = ClientProgram> {
  readonly client: C;
  /** What the server said by itself, as the client shows it. */
  readonly heard: unknown[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #waiting = new Map<number, (told: Told) => void>();
  #ready = false;
  #over = false;
  #printed = '';

  /** `directory`: where it may leave what it has to remember. */
  constructor(client: C, directory: string) {
    this.client = client;
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#child = fork(RUN, [client.module], {
      execPath: NODE,
      execArgv: [],
      env: { ...env, MCP_REMOTE_CONFIG_DIR: directory, DO_NOT_TRACK: '1', NO_COLOR: '1' },
      silent: true,
      // The proxies are its children, and end with it.
      detached: true,
    });
    this.#exited = new Promise((resolve) => this.#child.once('exit', resolve));
    // Where it can't be started, or told anything any more.
    this.#child.on('error', ({ message }) => {
      this.#printed += `${message}\n`;
      this.#over = true;
    });
    this.#child.once('exit', () => {
      this.#over = true;
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#printed = (this.#printed + text).slice(-SHOWN);
      });
    }
    this.#child.on('message', (told: Told) => {
      if (told.ready) this.#ready = true;
      else if (told.id === undefined) this.heard.push(told.heard);
      else this.#waiting.get(told.id)?.(told);
    });
  }

  /** Waits until its packages are loaded. */
  async ready(): Promise<void> {
    const what = `${this.client.name} to start`;
    await until(() => this.#ready || this.#over, { within: STARTS_WITHIN, what });
    if (this.#over) throw new Error(`${this.client.name} ended; it printed:\n${this.#printed}`);
  }

  connect(url: string): Promise<unknown> {
    return this.#bounded('connect', url);
  }

  async tools(url: string): Promise<unknown> {
    return this.#bounded('tools', url);
  }

  /** Opens a listen stream, where it can; how that ends is heard. */
  async listen(url: string): Promise<unknown> {
    return this.#bounded('listen', url);
  }

  /** Calls a tool; resolves to what its text says. */
  async call(url: string, name: string, args: object = {}): Promise<unknown> {
    return JSON.parse(String(await this.#bounded('call', url, name, args)));
  }

  /** The same without a bound, for a call that is not to be answered. */
  begin(url: string, name: string, args: object): Promise<unknown> {
    return this.#do('call', url, name, args);
  }

  /** Ends it, and what it has started. */
  async end(): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
    } catch {
      return; // It is gone, and so are they.
    }
    await withTimeout(this.#exited, { within: ENDS_WITHIN, what: `${this.client.name} to end` });
  }

  #bounded(way: string, ...args: unknown[]): Promise<unknown> {
    return withTimeout(this.#do(way, ...args), {
      within: ANSWERS_WITHIN,
      what: `${this.client.name}: ${way} ${JSON.stringify(args)}; it printed:\n${this.#printed}`,
    });
  }

  async #do(way: string, ...args: unknown[]): Promise<unknown> {
    const id = this.#waiting.size;
    const { result, error } = await new Promise<Told>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, way, args });
    });
    if (error !== undefined) throw new Error(error);
    return result;
  }
}
