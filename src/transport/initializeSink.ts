/**
 * Where the answer of an initialize goes. An HTTP exchange is one such place; a session that is brought back has its
 * initialize answered for nobody.
 */
import type { JSONRPCMessage, Result } from '@modelcontextprotocol/sdk/types.js';
import { isRequest, type ResponseMessage } from '../protocol/messages.ts';
import type { Answer } from './answer.ts';
import type { ExchangeInfo } from './exchange.ts';
import type { Hold } from './hold.ts';
import { endingOf, type OpenOperation, NOT_JSON as UNWRITABLE } from './operations.ts';

export interface InitializeSink {
  /** What the server's handler is told of the request that brought the initialize. */
  readonly info: ExchangeInfo;
  /** A message of the server that belongs to the initialize, before its answer. Returns false where there is no way. */
  send(message: JSONRPCMessage): boolean;
  /** The server answered. Throws when the answer is no JSON, after somebody was told of that. */
  answer(message: ResponseMessage): Promise<void> | void;
}

/** What becomes of a session whose initialize came over HTTP. */
export interface Opening {
  /**
   * It was answered with a result. Returns the hold of its exchange, or undefined if it came too late; a promise of it where
   * the session has to be stored first.
   */
  opened(result: Result): Hold | undefined | Promise<Hold | undefined>;
  /** It was answered with an error, which has gone out. */
  refused(): void;
}

/** Makes the answer of a request on its exchange: JSON without the id of a session, which there is none, or a stream. */
export interface AnswerMaker {
  plain(): Answer;
  inSession(hold: Hold): Answer;
}

/** Messages that wait for the result; the headers wait as well, since only a result makes a session. */
const MAX_WAITING = 64;

/** The answer as an HTTP response. */
export class HttpInitialize implements InitializeSink {
  readonly info: ExchangeInfo;
  readonly #id: ResponseMessage['id'];
  readonly #answers: AnswerMaker;
  readonly #opening: Opening;
  #waiting: JSONRPCMessage[] | undefined;

  constructor(id: ResponseMessage['id'], info: ExchangeInfo, answers: AnswerMaker, opening: Opening) {
    this.#id = id;
    this.info = info;
    this.#answers = answers;
    this.#opening = opening;
  }

  send(message: JSONRPCMessage): boolean {
    if (isRequest(message)) return false; // it would wait for its answer, and the answer for the initialize's
    this.#waiting ??= [];
    return this.#waiting.length < MAX_WAITING && this.#waiting.push(message) > 0;
  }

  answer(message: ResponseMessage): Promise<void> | void {
    const unwritable = whyNotJson(message);
    if (unwritable !== undefined) {
      this.#refuse({ jsonrpc: '2.0', id: this.#id, error: { code: -32603, message: NOT_JSON } });
      throw unwritable;
    }
    if (!('result' in message)) return this.#refuse(message);
    const hold = this.#opening.opened(message.result);
    if (hold instanceof Promise) return hold.then((late) => this.#send(message, late));
    this.#send(message, hold);
  }

  #send(message: ResponseMessage, hold: Hold | undefined): void {
    if (hold === undefined) return; // it came too late
    const answer = this.#answers.inSession(hold);
    for (const before of this.#waiting ?? []) answer.send(before);
    if (message.id !== undefined) answer.settle(message.id, message);
  }

  #refuse(message: ResponseMessage): void {
    if (message.id !== undefined) this.#answers.plain().settle(message.id, message);
    this.#opening.refused();
  }
}

/** One whose operation is observed. */
export class ObservedInitialize implements InitializeSink {
  readonly #sink: InitializeSink;
  readonly #operation: OpenOperation;

  constructor(sink: InitializeSink, operation: OpenOperation) {
    this.#sink = sink;
    this.#operation = operation;
  }

  get info(): ExchangeInfo {
    return this.#sink.info;
  }

  send(message: JSONRPCMessage): boolean {
    return this.#sink.send(message);
  }

  answer(message: ResponseMessage): Promise<void> | void {
    const end = () => this.#operation.end(endingOf(message));
    try {
      const answered = this.#sink.answer(message);
      return answered instanceof Promise ? answered.then(end) : end();
    } catch (error) {
      this.#operation.end(UNWRITABLE);
      throw error;
    }
  }
}

const NOT_JSON = 'Internal error: the answer is not JSON';

/** What JSON.stringify has against a message, if anything (a bigint, a cycle). */
function whyNotJson(message: JSONRPCMessage): Error | undefined {
  try {
    JSON.stringify(message);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
