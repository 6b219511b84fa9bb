/**
 * One session as a client has it that does with it what clients do: it opens it, uses it, and leaves it in one of many ways,
 * or its process is taken away. What it is told meanwhile has to be right, unless the command was killed in between.
 */
import type { MortalServer } from '../processes/mortalServer.ts';
import { type Sending, type Sent, send } from '../processes/send.ts';
import { until, withTimeout } from '../support/until.ts';

/** How a visit ends, and out of 100 how often. */
export const FATES = {
  delete: 22,
  deleteInCall: 8,
  vanish: 12,
  vanishInCall: 10,
  vanishWhileOpening: 5,
  listenAndVanish: 9,
  listenAndDelete: 8,
  exit: 6,
  killed: 8,
  stopped: 6,
  hardened: 2,
  forked: 3,
  escaped: 1,
} as const;

export type Fate = keyof typeof FATES;

const VERSION = '2025-11-25';

/** A session that was not used for so long may have ended, where others are busy, in ms. */
const MAY_BE_OVER = 2_000;

/** What a client was told that is not so. */
class Wrong extends Error {
  override readonly name = 'Wrong';
}

/** The command was killed meanwhile, and whatever a client sees is right. */
const KILLED = Symbol('killed');

export class Visit {
  /** The number of its process. */
  pid = 0;
  readonly #server: MortalServer;
  readonly #chance: () => number;
  readonly #generation: number;
  readonly #lines: string[] = [];
  #headers: Readonly<Record<string, string>> = {};
  #id = 0;
  #lastUse = 0;

  constructor(server: MortalServer, chance: () => number) {
    this.#server = server;
    this.#chance = chance;
    this.#generation = server.generation;
  }

  /** Resolves to whether it went as it was meant to: otherwise the command was killed meanwhile. */
  async take(fate: Fate): Promise<boolean> {
    try {
      await this.#take(fate);
      return true;
    } catch (error) {
      if (this.#isKilled || error === KILLED) return false;
      throw error instanceof Error ? new Wrong(`${fate}: ${error.message}\n  ${this.#lines.join('\n  ')}`) : error;
    }
  }

  get #isKilled(): boolean {
    return this.#generation !== this.#server.generation;
  }

  async #take(fate: Fate): Promise<void> {
    if (fate === 'vanishWhileOpening') return this.#leave(this.#initializing());
    await this.#open();
    for (let calls = Math.floor(this.#chance() * 4); calls > 0; calls--) {
      await this.#call(this.#chance() < 0.3 ? 'progress' : 'echo');
    }
    switch (fate) {
      case 'delete':
        return this.#delete();
      case 'deleteInCall':
        return this.#fail('hang', () => this.#delete(), /^Session ended: /);
      case 'vanish':
        return;
      case 'vanishInCall':
        return this.#leave(this.#calling('hang'));
      case 'listenAndVanish':
        return this.#listen();
      case 'listenAndDelete':
        return this.#listen(() => this.#delete());
      case 'exit':
        await this.#fail('exit', () => {}, /exited with code 3/);
        return this.#isOver();
      case 'killed':
        await this.#fail('hang', () => this.#signal('SIGKILL'), /SIGKILL/);
        return this.#isOver();
      case 'stopped':
        this.#signal('SIGSTOP');
        return this.#chance() < 0.5 ? this.#delete() : this.#leave(this.#calling('echo'));
      case 'hardened':
        await this.#call('harden');
        return this.#chance() < 0.5 ? this.#delete() : undefined;
      case 'forked':
        await this.#call('fork');
        return this.#chance() < 0.5 ? this.#delete() : undefined;
      case 'escaped':
        await this.#call('escape');
        return this.#delete();
    }
  }

  #initializing(): Sending {
    const clientInfo = { name: 'visitor', version: '1.0.0' };
    const params = { protocolVersion: VERSION, capabilities: {}, clientInfo };
    return { method: 'POST', body: { jsonrpc: '2.0', id: this.#id++, method: 'initialize', params } };
  }

  #calling(name: string): Sending {
    const params = { name, arguments: {}, _meta: { progressToken: 'p' } };
    const body = { jsonrpc: '2.0', id: this.#id++, method: 'tools/call', params };
    return { method: 'POST', headers: this.#headers, body };
  }

  async #open(): Promise<void> {
    const sent = await this.#send(this.#initializing());
    if (sent.status !== 200 || sent.sessionId === undefined) throw new Error(`initialize got ${told(sent)}`);
    this.#headers = { 'mcp-session-id': sent.sessionId, 'mcp-protocol-version': VERSION };
    const body = { jsonrpc: '2.0', method: 'notifications/initialized' };
    await this.#expect({ method: 'POST', headers: this.#headers, body }, 202);
    await this.#call('echo');
  }

  async #call(name: string): Promise<void> {
    const sent = await this.#expect(this.#calling(name), 200);
    const answer = sent.messages.at(-1);
    if (answer?.result === undefined) throw new Error(`${name} got ${told(sent)}`);
    if (name === 'progress' && sent.messages.length !== 2) throw new Error(`progress got ${told(sent)}`);
    const { pid } = answer.result as { pid: number };
    if (this.pid !== 0 && this.pid !== pid) throw new Error(`process ${pid} answered, and ${this.pid} before`);
    this.pid = pid;
  }

  async #delete(): Promise<void> {
    await this.#expect({ method: 'DELETE', headers: this.#headers }, 200);
    await this.#isOver();
  }

  /** Nobody knows the session any more. */
  async #isOver(): Promise<void> {
    const sent = await this.#send(this.#calling('echo'));
    if (sent.status !== 404) throw new Error(`a session that is over answered ${told(sent)}`);
  }

  /** A call fails with this, when something is done while it lasts. */
  async #fail(name: string, cause: () => void | Promise<void>, why: RegExp): Promise<void> {
    let sent: Sent | undefined;
    let begun = false;
    const onEvent = () => {
      begun = true;
    };
    const calling = this.#expect({ ...this.#calling(name), onEvent }, 200).then((answer) => {
      sent = answer;
    });
    calling.catch(() => {}); // told by what awaits it
    // The process says something before it does what makes the call fail.
    await Promise.race([calling, until(() => begun, { within: 10_000, what: `the beginning of ${name}` })]);
    await cause();
    await withTimeout(calling, { within: 15_000, what: `the end of ${name}` });
    if (sent === undefined) throw new Error(`${name} got nothing`);
    const message = sent.messages.at(-1)?.error?.message;
    if (message === undefined || !why.test(message)) throw new Error(`${name} got ${told(sent)}`);
  }

  /** Sends it, and goes without a word at some moment before or after its answer has begun. */
  async #leave(sending: Sending): Promise<void> {
    const leaving = new AbortController();
    const sent = this.#send({ ...sending, signal: leaving.signal });
    const timer = setTimeout(() => leaving.abort(), this.#chance() * 60);
    await sent;
    clearTimeout(timer);
  }

  /** Opens a GET stream, and is told something there. It stays open until the session is over, or is cut. */
  async #listen(isOver?: () => Promise<void>): Promise<void> {
    const listening = new AbortController();
    let heard = false;
    const onEvent = ({ data }: { data: string }) => {
      heard ||= data.includes('announced');
    };
    const stream = this.#send({ method: 'GET', headers: this.#headers, signal: listening.signal, onEvent });
    stream.catch(() => {}); // told by what awaits it
    try {
      // What is said before the stream is open waits for it.
      await this.#expect(this.#calling('announce'), 200);
      await until(() => heard || this.#isKilled, { within: 10_000, what: 'an announcement' });
      await isOver?.();
      if (isOver !== undefined) await withTimeout(stream, { within: 10_000, what: 'the end of the GET stream' });
    } finally {
      listening.abort();
      await stream;
    }
  }

  #signal(signal: NodeJS.Signals): void {
    // Its number is another's only when it is gone, and then the command was killed.
    if (!this.#isKilled) process.kill(this.pid, signal);
  }

  async #expect(sending: Sending, status: number): Promise<Sent> {
    const idle = performance.now() - this.#lastUse;
    const sent = await this.#send(sending);
    if (sent.status === status) return sent;
    // It may have been left alone for too long.
    if (sent.status === 404 && this.#lastUse > 0 && idle > MAY_BE_OVER) throw KILLED;
    throw new Error(`${sending.method} got ${told(sent)} instead of ${status}`);
  }

  async #send(sending: Sending): Promise<Sent> {
    await this.#server.up;
    if (this.#isKilled) throw KILLED;
    const { method, params } = (sending.body ?? {}) as { method?: string; params?: { name?: string } };
    const sent = await send(this.#server.url, sending);
    this.#lines.push(`${[sending.method, method, params?.name].join(' ')}: ${told(sent)}`);
    this.#lastUse = performance.now();
    if (sent.refused || (!sent.complete && sending.signal === undefined)) {
      // The line breaks a moment before the test has noticed the death.
      await until(() => this.#isKilled, { within: 5_000, what: 'a reason why the line broke' });
      throw KILLED;
    }
    return sent;
  }
}

function told({ status, complete, messages }: Sent): string {
  return `${status ?? 'nothing'}${complete ? '' : ', not to its end'} ${JSON.stringify(messages).slice(0, 300)}`;
}
