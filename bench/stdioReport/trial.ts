/**
 * One case with one gateway: a folder for what the children hear, the gateway as a process, and what was found. After the
 * trial nothing of it lives.
 */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, PEERS_FOLDER } from '../peerReport/peerProcess.ts';
import type { Gateway, Wishes } from './gateways.ts';
import { allProcesses, type Process, signal } from './processes.ts';
import { NotThatFar, Running } from './running.ts';
import type { ClientSession } from './wire.ts';

const NASTY = fileURLToPath(new URL('servers/nasty.js', PEERS_FOLDER));

/** How the next children behave; see `nasty.js`. */
export interface Mood {
  readonly start?: 'crash' | 'mute' | 'noisy' | 'error' | 'dies';
  readonly startMs?: number;
  readonly version?: string;
  readonly capabilities?: object;
  readonly ignoresEof?: boolean;
  readonly ignoresTerm?: boolean;
  readonly stops?: boolean;
  readonly leaves?: { readonly detached?: boolean; readonly stdio?: 'ignore' };
  readonly wordy?: boolean;
  readonly asksRoots?: boolean;
}

/** What a child wrote down. */
export interface Heard {
  readonly pid: number;
  readonly at: number;
  readonly event: 'start' | 'line' | 'eof' | 'term' | 'exit' | 'roots' | 'error';
  readonly text?: string;
  readonly code?: number;
  readonly reply?: object;
}

/** The case asks for what this gateway does not have. */
export class DoesNotApply extends Error {}

export interface StartOptions {
  readonly command?: readonly string[];
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Trial {
  readonly gateway: Gateway;
  readonly folder: string = mkdtempSync(join(tmpdir(), 'nasty-'));
  readonly saw: string[] = [];
  readonly wrong: string[] = [];
  readonly #started: Running[] = [];

  constructor(gateway: Gateway) {
    this.gateway = gateway;
    this.mood({});
  }

  /** The command of the nasty child. */
  get nasty(): readonly string[] {
    return [process.execPath, NASTY, this.folder];
  }

  mood(mood: Mood): void {
    // At once, or a child that starts right now reads half of it.
    writeFileSync(join(this.folder, 'mood.next'), JSON.stringify(mood));
    renameSync(join(this.folder, 'mood.next'), join(this.folder, 'mood'));
  }

  expect(isRight: boolean, otherwise: string): boolean {
    if (!isRight) this.wrong.push(otherwise);
    return isRight;
  }

  /** For a case that means nothing where all sessions have one process. */
  needsProcessPerSession(): void {
    if (!this.gateway.perSession) throw new DoesNotApply('one process serves all sessions');
  }

  needsOurs(why: string): void {
    if (this.gateway.package !== undefined) throw new DoesNotApply(why);
  }

  /** Starts the gateway, whether it gets to listen or not. */
  async start(wishes: Wishes = {}, { command = this.nasty, prefix = [], env = {} }: StartOptions = {}) {
    const port = await freePort();
    const running = new Running(port, [...prefix, ...this.gateway.run(command, port, wishes)], env);
    this.#started.push(running);
    await running.listened;
    return running;
  }

  /** Starts the gateway. @throws {NotThatFar} where it does not listen. */
  async serve(wishes: Wishes = {}, options: StartOptions = {}): Promise<Running> {
    const running = await this.start(wishes, options);
    if (!running.listens) throw new NotThatFar(`does not start: ${running.printed.trim().slice(-300)}`);
    return running;
  }

  /** Serves, and opens a session. */
  async session(wishes: Wishes = {}): Promise<{ running: Running; session: ClientSession }> {
    const running = await this.serve(wishes);
    return { running, session: await running.open() };
  }

  /** What lives of what the gateways have started; they themselves do not count. */
  living(): Process[] {
    const own = new Set(this.#started.map(({ pid }) => pid));
    return allProcesses().filter(
      ({ pid, command, state }) => command.includes(this.folder) && !own.has(pid) && !'ZX'.includes(state),
    );
  }

  /** Waits for it; undefined when it does not come within the time. */
  async until(condition: () => boolean | Promise<boolean>, within = 5_000): Promise<number | undefined> {
    const start = Date.now();
    for (;;) {
      if (await condition()) return Date.now() - start;
      if (Date.now() - start > within) return undefined;
      await delay(50);
    }
  }

  /** Nothing lives of what the gateway has started; how long that took. */
  async expectNothingLeft(within: number, after: string): Promise<void> {
    const took = await this.until(() => this.living().length === 0, within);
    const left = this.living().length;
    if (this.expect(took !== undefined, `${left} processes live ${within / 1000} s after ${after}`)) {
      this.saw.push(`nothing is left ${took} ms after ${after}`);
    }
  }

  heard(): Heard[] {
    const names = readdirSync(this.folder).filter((name) => name.startsWith('log-'));
    const entries = names.flatMap((name) =>
      readFileSync(join(this.folder, name), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => ({ pid: Number(name.slice(4)), ...JSON.parse(line) }) as Heard),
    );
    return entries.toSorted((a, b) => a.at - b.at);
  }

  /** The lines that children have read which hold a text. */
  linesWith(text: string): string[] {
    return this.heard().flatMap((entry) => (entry.event === 'line' && entry.text?.includes(text) ? entry.text : []));
  }

  /** Ends all that was started, so that the case can go on with another gateway. */
  async reset(): Promise<void> {
    for (const running of this.#started) running.kill();
    for (const { pid } of this.living()) signal(pid, 'SIGKILL');
    const isQuiet = await this.until(() => this.living().length === 0, 3_000);
    // Behind unshare: what was started between two looks.
    if (isQuiet === undefined) for (const { pid } of this.living()) signal(pid, 'SIGKILL');
    this.mood({});
  }

  async cleanUp(): Promise<void> {
    await this.reset();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
