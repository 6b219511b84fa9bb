/** A host as a process: started, heard until it says where it listens, and ended. Every wait is bounded. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withTimeout } from '../support/until.ts';
import type { Host } from './hostList.ts';

const FOLDER = fileURLToPath(new URL('servers/', import.meta.url));

/** A bundler that has no core for itself takes its time. */
const PREPARED_WITHIN = 120_000;
const LISTENS_WITHIN = 20_000;
const ENDS_WITHIN = 10_000;

/** No host may ask its makers for news. */
const QUIET = { DENO_NO_UPDATE_CHECK: '1', NEXT_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', NO_COLOR: '1' };

const run = promisify(execFile);

export class HostProcess {
  /** Where it listens, without a path. */
  readonly origin: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | NodeJS.Signals>;
  readonly #said: () => string;

  private constructor(
    child: ChildProcess,
    exited: Promise<number | NodeJS.Signals>,
    origin: string,
    said: () => string,
  ) {
    this.#child = child;
    this.#exited = exited;
    this.origin = origin;
    this.#said = said;
  }

  /** Runs what has to be run before a host starts, if there is something. */
  static async prepare({ before }: Host): Promise<void> {
    if (before === undefined) return;
    const env = { ...process.env, ...QUIET };
    await run(process.execPath, before, { cwd: FOLDER, env, timeout: PREPARED_WITHIN, killSignal: 'SIGKILL' });
  }

  /** Starts a host; rejects with what it said when it ends instead of listening. */
  static async start(
    { runtime, args, env: own }: Host,
    settings: Readonly<Record<string, string>>,
  ): Promise<HostProcess> {
    const program = runtime === undefined ? process.execPath : `${FOLDER}node_modules/${runtime}`;
    const env = { ...process.env, ...QUIET, ...own, ...settings, NODE_ENV: 'production', PORT: '0' };
    const child = spawn(program, args, { cwd: FOLDER, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
    const listening = new Promise<string>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          said += chunk;
          const [origin] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
          if (origin !== undefined) resolve(origin);
        });
      }
    });
    const ended = exited.then((how) => Promise.reject<string>(new Error(`It ended with ${how}:\n${said}`)));
    try {
      const options = { within: LISTENS_WITHIN, what: `${program} ${args.join(' ')} to listen` };
      const origin = await withTimeout(Promise.race([listening, ended]), options);
      return new HostProcess(child, exited, origin, () => said);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      ended.catch(() => {}); // from now on it may end
    }
  }

  /** What it has printed. */
  get said(): string {
    return this.#said();
  }

  /** Asks it to end, and resolves to how it did: its exit code, or the signal that ended it. */
  async end(): Promise<number | NodeJS.Signals> {
    this.#child.kill('SIGTERM');
    try {
      return await withTimeout(this.#exited, { within: ENDS_WITHIN, what: 'the host to end after SIGTERM' });
    } finally {
      this.#child.kill('SIGKILL');
    }
  }
}
