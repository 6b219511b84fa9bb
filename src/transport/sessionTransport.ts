/**
 * The SDK's `Transport` for one session, over HTTP exchanges: what an McpServer connects to. It routes each message to
 * exactly one stream (MCP 2025-11-25, Streamable HTTP), keeps account of the calls in flight, and answers all of them
 * when it is shut. Knows exchanges and messages; nothing of sessions' lives, of HTTP's refusals, of sockets.
 */
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, JSONRPCRequest, MessageExtraInfo, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { SupervisorError } from '../errors.ts';
import { isCancellation, isRequest, isResponse, type ResponseMessage } from '../protocol/messages.ts';
import { type Answer, JsonAnswer, StreamAnswer, settle } from './answer.ts';
import type { Exchange, ResponseHeaders } from './exchange.ts';
import type { Hold } from './hold.ts';
import { MessageExtra } from './messageExtra.ts';
import { SessionStreams } from './sessionStreams.ts';
import type { TransportEvents, TransportOptions } from './transportOptions.ts';

export class SessionTransport implements Transport {
  // Called by the server that is connected; set by it.
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: (<T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void) | undefined;
  readonly sessionId?: string;

  readonly #options: TransportOptions;
  readonly #events: TransportEvents;
  readonly #streams: SessionStreams;
  /** By the id of a request that is not answered yet. Bounded by the session's exchanges. */
  #calls: Map<RequestId, Answer> | undefined;
  #initialize: { readonly id: RequestId; readonly exchange: Exchange } | undefined;
  #shut = false;
  #closed = false;

  constructor(sessionId: string | undefined, options: TransportOptions, events: TransportEvents) {
    if (sessionId !== undefined) this.sessionId = sessionId;
    this.#options = options;
    this.#events = events;
    this.#streams = new SessionStreams(sessionId, options, (error) => events.storeFailed(error));
  }

  /** The client is to be treated as one of this version. */
  setNegotiatedVersion(version: string): void {
    this.#streams.protocolVersion = version;
  }

  /** SSE responses open right now. */
  get openStreams(): number {
    return this.#streams.open;
  }

  /** Requests of the client that are not answered yet. */
  get pendingCalls(): number {
    return this.#calls?.size ?? 0;
  }

  isPending(id: RequestId): boolean {
    return this.#calls?.has(id) ?? false;
  }

  // --- what the server calls

  async start(): Promise<void> {}

  /** Sends a message of the server on the stream that it belongs to. */
  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (isResponse(message)) return this.#respond(message);
    if (this.#shut) throw new SupervisorError('SESSION_CLOSED', 'The session has ended');
    const { relatedRequestId } = options ?? {};
    const sent =
      relatedRequestId === undefined ? this.#broadcast(message) : this.#calls?.get(relatedRequestId)?.send(message);
    // A notification that nobody can receive is lost, as the protocol allows; a request must not wait for ever.
    if (!sent && isRequest(message)) {
      throw new SupervisorError('NO_STREAM', `No stream is open that could carry ${message.method} to the client`);
    }
  }

  /** The server closes its connection; also what closing the session ends with. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.closed();
    this.onclose?.();
  }

  // --- what HTTP calls

  /** Delivers an initialize. Its answer waits for the result, since only a result makes a session. */
  initialize(exchange: Exchange, message: JSONRPCRequest): void {
    this.#initialize = { id: message.id, exchange };
    this.#dispatch(message, exchange);
  }

  /** Delivers the messages of a POST, whose session is held until the answer has ended. */
  deliver(exchange: Exchange, messages: readonly JSONRPCMessage[], batch: boolean, hold: Hold): void {
    const ids: RequestId[] = [];
    for (const message of messages) if (isRequest(message)) ids.push(message.id);
    if (ids.length === 0) {
      for (const message of messages) this.#dispatch(message, exchange);
      exchange.respond(202, this.#sessionHeaders());
      return;
    }
    const answer = this.#options.enableJsonResponse
      ? this.#jsonAnswer(ids, exchange, batch)
      : this.#streams.answer(ids, exchange, hold);
    this.#calls ??= new Map();
    for (const id of ids) this.#calls.set(id, answer);
    for (const message of messages) this.#dispatch(message, exchange);
  }

  /** Opens the GET stream. Returns false when another connection has it and keeps it. */
  listen(exchange: Exchange): boolean {
    return this.#streams.listen(exchange);
  }

  /**
   * Continues a stream after an event. Resolves to whether there is such an event.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`
   */
  resume(exchange: Exchange, eventId: string, hold: Hold): Promise<boolean> {
    return this.#streams.resume(exchange, eventId, hold);
  }

  /** Ends the GET stream. */
  closeStandalone(): void {
    this.#streams.closeStandalone();
  }

  /** Answers every call in flight with an error and ends every stream. Nothing can be sent after it. */
  shut(message: string): void {
    if (this.#shut) return;
    for (const [id, answer] of this.#calls ?? []) {
      answer.settle(id, { jsonrpc: '2.0', id, error: { code: -32000, message } });
    }
    this.#calls?.clear();
    this.#shut = true;
    this.closeStandalone();
    this.#streams.detach();
  }

  /** Lets the event store forget a session that was shut. */
  forget(): Promise<void> {
    return this.#streams.forget();
  }

  // --- within

  #respond(message: ResponseMessage): void {
    const { id } = message;
    if (id === this.#initialize?.id) return this.#answerInitialize(message);
    const answer = this.#calls?.get(id ?? Number.NaN);
    // A response to a call that was cancelled, or that the end of the session answered: nobody waits for it.
    if (answer === undefined || id === undefined) return;
    this.#calls?.delete(id);
    try {
      settle(answer, id, message);
    } finally {
      if (this.pendingCalls === 0) this.#events.quiet();
    }
  }

  #answerInitialize(message: ResponseMessage): void {
    const initialize = this.#initialize;
    if (initialize === undefined) return;
    const { id, exchange } = initialize;
    this.#initialize = undefined;
    if (!('result' in message)) {
      const answer = new JsonAnswer([id], exchange, () => ({}), false, this.#options.clock);
      try {
        return settle(answer, id, message);
      } finally {
        this.#events.initializeRefused();
      }
    }
    const hold = this.#events.initialized(message.result);
    if (hold === undefined) return; // it came too late
    const json = this.#options.enableJsonResponse;
    settle(json ? this.#jsonAnswer([id], exchange, false) : this.#streams.answer([id], exchange, hold), id, message);
  }

  #broadcast(message: JSONRPCMessage): boolean {
    const stream = this.#streams.standalone;
    if (!stream.connected && !stream.resumable) return false;
    stream.send(message);
    return true;
  }

  #dispatch(message: JSONRPCMessage, exchange: Exchange): void {
    try {
      this.onmessage?.(message, this.#extra(message, exchange));
    } catch (error) {
      return this.#events.failed(error);
    }
    if (!isCancellation(message)) return;
    const id = (message.params as { requestId?: RequestId } | undefined)?.requestId;
    const answer = id === undefined ? undefined : this.#calls?.get(id);
    if (id === undefined || answer === undefined) return;
    this.#calls?.delete(id);
    answer.cancel(id);
    if (this.pendingCalls === 0) this.#events.quiet();
  }

  #extra(message: JSONRPCMessage, exchange: Exchange): MessageExtraInfo {
    const extra = new MessageExtra(exchange);
    if (!isRequest(message) || !this.#streams.primes(exchange)) return extra;
    extra.closeStandaloneSSEStream = () => this.#streams.standalone.disconnect();
    const answer = this.#calls?.get(message.id);
    if (answer instanceof StreamAnswer) extra.closeSSEStream = () => answer.stream.disconnect();
    return extra;
  }

  #jsonAnswer(ids: RequestId[], exchange: Exchange, batch: boolean): JsonAnswer {
    return new JsonAnswer(ids, exchange, () => this.#sessionHeaders(), batch, this.#options.clock);
  }

  #sessionHeaders(): ResponseHeaders {
    return this.sessionId === undefined ? {} : { 'Mcp-Session-Id': this.sessionId };
  }
}
