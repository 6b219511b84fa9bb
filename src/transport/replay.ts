/**
 * What the client of a session said before, said again to the server of a later incarnation, which answers nobody. What
 * the server sends meanwhile of its own accord goes nowhere: the client has heard it once. But what it asks waits a while
 * for the client to come back.
 */
import type { JSONRPCMessage, JSONRPCRequest, RequestId, Result } from '@modelcontextprotocol/sdk/types.js';
import { type Clock, nextTurn } from '../clock.ts';
import { SupervisorError } from '../errors.ts';
import { isRequest, type ResponseMessage } from '../protocol/messages.ts';

/** What a session's client said that its server has to know. */
export interface Said {
  /** The parameters of its initialize. */
  readonly initialize: Readonly<Record<string, unknown>>;
  /** It sent `notifications/initialized`. */
  readonly initialized: boolean;
  /** What it set by `logging/setLevel`, if it did. */
  readonly logLevel: string | null;
  /** URIs of the resources that it subscribed to. */
  readonly subscriptions: readonly string[];
}

/** What came of saying it again. */
export interface Replayed {
  /** The answer of the initialize. */
  readonly result: Result;
  /** What was refused that was not refused before, in words. */
  readonly refused: readonly string[];
}

/** How long a question that a server asks its client while that is away waits for a stream, in ms. */
const QUESTION_WAITS = 2_000;

/** How many of them wait at a time. */
const MAX_QUESTIONS = 64;

/** What the ids of replayed requests begin with: no client's, since none of them is delivered meanwhile. */
const ID = 'mcp-session-supervisor/replay/';

export class Replay {
  readonly #clock: Clock;
  readonly #answers = new Map<RequestId, (response: ResponseMessage) => void>();
  readonly #questions = new Set<() => void>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Some of the server's questions wait. */
  get waits(): boolean {
    return this.#questions.size > 0;
  }

  /**
   * Says all of it again; `deliver` hands a message to the server. Resolves when the server has answered all of it, and is through with the turn in which it did.
   * @throws {SupervisorError} `NOT_RESTORABLE` when it refuses the initialize.
   */
  async run(
    { initialize, initialized, logLevel, subscriptions }: Said,
    deliver: (message: JSONRPCMessage) => void,
  ): Promise<Replayed> {
    const ask = (method: string, params: JSONRPCRequest['params']) => this.#ask(deliver, method, params);
    const first = await ask('initialize', initialize);
    if (!('result' in first)) {
      throw new SupervisorError('NOT_RESTORABLE', `The server refuses the initialize: ${first.error.message}`);
    }
    if (initialized) deliver({ jsonrpc: '2.0', method: 'notifications/initialized' });
    const rest: [what: string, answer: Promise<ResponseMessage>][] = subscriptions.map((uri) => [
      `the subscription of ${uri}`,
      ask('resources/subscribe', { uri }),
    ]);
    if (logLevel !== null) rest.push([`the log level ${logLevel}`, ask('logging/setLevel', { level: logLevel })]);
    const refused: string[] = [];
    for (const [what, answer] of rest) if (!('result' in (await answer))) refused.push(what);
    await new Promise<void>((resolve) => nextTurn(resolve)); // what it does about `initialized` comes after that
    return { result: first.result, refused };
  }

  /** The server has answered something. Returns whether that was one of these requests. */
  answered(response: ResponseMessage): boolean {
    const resolve = response.id === undefined ? undefined : this.#answers.get(response.id);
    if (response.id === undefined || resolve === undefined) return false;
    this.#answers.delete(response.id);
    resolve(response);
    return true;
  }

  /** The server sends something else. Resolves to whether it is to be sent, now that the client may be there. */
  async sent(message: JSONRPCMessage): Promise<boolean> {
    if (!isRequest(message)) return false;
    if (this.#questions.size >= MAX_QUESTIONS) return true; // it is told that nobody is there
    await new Promise<void>((resolve) => {
      const go = () => {
        this.#clock.clearTimeout(timer);
        this.#questions.delete(go);
        resolve();
      };
      const timer = this.#clock.setTimeout(go, QUESTION_WAITS);
      this.#questions.add(go);
    });
    return true;
  }

  /** A stream is there that questions can go to, or none will be any more. */
  release(): void {
    for (const go of [...this.#questions]) go();
  }

  #ask(
    deliver: (message: JSONRPCMessage) => void,
    method: string,
    params: JSONRPCRequest['params'],
  ): Promise<ResponseMessage> {
    const id = `${ID}${this.#count++}`;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      deliver({ jsonrpc: '2.0', id, method, params });
    });
  }
}
