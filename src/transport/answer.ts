/**
 * What one POST gets back: the responses to the requests that it carried, and on a stream also the messages sent while
 * they are being answered. It holds its session until it is complete or nobody can receive it any more.
 */
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../clock.ts';
import type { ResponseMessage } from '../protocol/messages.ts';
import { textOf } from '../protocol/messageText.ts';
import { destroyWhenStalled } from './connection.ts';
import type { Reply, ResponseHeaders } from './exchange.ts';
import type { Hold } from './hold.ts';
import type { MessageStream } from './messageStream.ts';
import { CLIENT_GONE, endingOf, NOT_JSON, type OpenOperation } from './operations.ts';

export interface Answer {
  /** Requests that are not answered yet. */
  readonly pending: Set<RequestId>;
  /** Names the stream; undefined for an answer that is no stream. */
  readonly streamId: string | undefined;
  /** The client is there. */
  readonly connected: boolean;
  /** There is a way for messages that belong to one of the requests. */
  readonly carries: boolean;
  /** Sends a message that belongs to one of the requests. Returns false where there is no way for it. */
  send(message: JSONRPCMessage): boolean;
  /**
   * Answers a request. The last one completes the answer. Throws, and changes nothing, when the response can't be
   * written as JSON.
   */
  settle(id: RequestId, response: JSONRPCMessage): void;
  /** A request was cancelled by its client, which expects no response (MCP 2025-11-25, Cancellation). */
  cancel(id: RequestId): void;
}

/** Whoever had an answer made. */
export interface AnswerOwner {
  /** Nobody can receive the rest of it any more, or has come for it in time. */
  abandoned(answer: Answer): void;
  /** Its client is back, though it may have been given up. */
  resumed(answer: Answer): void;
}

/** The response to a request that its client cancelled, where something has to be sent. */
function cancelled(id: RequestId): JSONRPCMessage {
  return { jsonrpc: '2.0', id, error: { code: -32000, message: 'Request cancelled' } };
}

/** One JSON body, sent when all requests are answered. */
export class JsonAnswer implements Answer {
  readonly pending: Set<RequestId>;
  readonly streamId = undefined;
  readonly #reply: Reply;
  readonly #headers: () => ResponseHeaders;
  readonly #batch: boolean;
  readonly #clock: Clock;
  readonly #responses: string[] = [];

  constructor(ids: Iterable<RequestId>, reply: Reply, headers: () => ResponseHeaders, batch: boolean, clock: Clock) {
    this.pending = new Set(ids);
    this.#reply = reply;
    this.#headers = headers;
    this.#batch = batch;
    this.#clock = clock;
  }

  get connected(): boolean {
    return !this.#reply.closed;
  }

  get carries(): boolean {
    return false;
  }

  send(): boolean {
    return false;
  }

  settle(id: RequestId, response: JSONRPCMessage): void {
    if (!this.pending.has(id)) return;
    this.#responses.push(textOf(response));
    this.pending.delete(id);
    if (this.pending.size > 0) return;
    const all = this.#responses.join(',');
    const headers = { 'Content-Type': 'application/json', ...this.#headers() };
    this.#reply.respond(200, headers, this.#batch ? `[${all}]` : all);
    destroyWhenStalled(this.#reply, this.#clock);
  }

  cancel(id: RequestId): void {
    this.settle(id, cancelled(id)); // an HTTP response needs a body, and there is no other
  }
}

/** The answer is given up when the exchange that it is for has ended before it was complete. */
export function whileHeld(answer: JsonAnswer, hold: Hold, owner: Pick<AnswerOwner, 'abandoned'>): JsonAnswer {
  hold.onLeave(() => {
    owner.abandoned(answer);
    hold.release();
  });
  return answer;
}

const RESOLVED = Promise.resolve();

/** A stream of messages. */
export class StreamAnswer implements Answer {
  readonly pending: Set<RequestId>;
  /** Its connections that have not ended: the stream's, and those before it whose peers still take what they had. */
  connections = 0;
  readonly #stream: MessageStream;
  #complete = () => {};
  /** Resolves when the last response is stored and sent. */
  readonly completed: Promise<void>;
  #unpark: (() => void) | undefined;
  readonly #owner: AnswerOwner;

  constructor(ids: Iterable<RequestId>, stream: MessageStream, owner: AnswerOwner) {
    this.pending = new Set(ids);
    this.#stream = stream;
    this.#owner = owner;
    this.completed = stream.resumable ? new Promise((resolve) => (this.#complete = resolve)) : RESOLVED;
  }

  get streamId(): string {
    return this.#stream.id;
  }

  get stream(): MessageStream {
    return this.#stream;
  }

  get connected(): boolean {
    return this.#stream.connected;
  }

  get carries(): boolean {
    return this.#stream.connected || this.#stream.resumable;
  }

  send(message: JSONRPCMessage): boolean {
    if (!this.carries) return false;
    this.#stream.send(message);
    return true;
  }

  settle(id: RequestId, response: JSONRPCMessage): void {
    if (!this.pending.delete(id)) return;
    try {
      if (this.pending.size > 0) return this.#stream.send(response);
      this.#stream.finish(response);
    } catch (error) {
      this.pending.add(id);
      throw error;
    }
    this.unpark();
    void this.#stream.settled().then(this.#complete);
  }

  /** Its client lost the connection and may resume: goes on holding the session until then, for a while. */
  park(hold: Hold, timeout: number, clock: Clock): void {
    this.unpark();
    const timer = clock.setTimeout(() => this.abandon(), timeout);
    this.#unpark = () => {
      clock.clearTimeout(timer);
      hold.release();
    };
  }

  /** Its client is gone, and does not come back: the calls run on, and hold nothing. */
  abandon(): void {
    this.unpark();
    this.#owner.abandoned(this);
  }

  /** Its client is back: whatever holds the session for it from now on, the calls are waited for. */
  resume(): void {
    this.unpark();
    this.#owner.resumed(this);
  }

  /** Lets go of the session: the client is back, or the answer is complete. */
  unpark(): void {
    const unpark = this.#unpark;
    this.#unpark = undefined;
    unpark?.();
  }

  cancel(id: RequestId): void {
    // A client with an event id takes a stream that ends without a response for a broken one, and would resume it.
    if (this.#stream.resumable) return this.settle(id, cancelled(id));
    if (!this.pending.delete(id) || this.pending.size > 0) return;
    this.#stream.finish();
    this.#complete();
  }
}

/**
 * Settles a call. Throws when its response is no JSON (a bigint, a cycle): its client gets an error all the same. `awaited`
 * says whether there is a client, to those who observe the operation.
 */
export function settle(
  answer: Answer,
  id: RequestId,
  response: ResponseMessage,
  operation: OpenOperation | undefined,
  awaited: boolean,
): void {
  try {
    answer.settle(id, response);
    operation?.end(awaited ? endingOf(response) : CLIENT_GONE);
  } catch (error) {
    operation?.end(NOT_JSON);
    answer.settle(id, {
      jsonrpc: '2.0',
      id,
      error: { code: -32603, message: 'Internal error: the answer is not JSON' },
    });
    throw error;
  }
}

/** A client that has left it may come back for it. */
export function isResumable(answer: Answer): boolean {
  return answer instanceof StreamAnswer && answer.stream.resumable;
}

/** A call that was given up may be resumed all the same, and then nothing of its stream is to be missing. */
export function mayBeResumed(answer: Answer, id: RequestId): boolean {
  return isResumable(answer) && answer.pending.has(id);
}

const NOT_STORED = 'Internal error: what the call changed could not be stored';

/** What a call is answered that changed what could not be stored. */
export function notStored(id: RequestId): ResponseMessage {
  return { jsonrpc: '2.0', id, error: { code: -32603, message: NOT_STORED } };
}
