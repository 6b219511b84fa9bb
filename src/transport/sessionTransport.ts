/**
 * The SDK's `Transport` for one session, over HTTP exchanges: what an McpServer connects to. It routes each message to
 * exactly one stream (MCP 2025-11-25, Streamable HTTP), keeps account of the calls in flight, and answers all of them
 * when it is shut. Knows exchanges and messages; nothing of sessions' lives, of HTTP's refusals, of sockets.
 */
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, JSONRPCRequest, MessageExtraInfo, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { SupervisorError } from '../errors.ts';
import { isCancellation, isRequest, isResponse, type ResponseMessage } from '../protocol/messages.ts';
import { EventLog } from '../stores/eventLog.ts';
import { type Answer, JsonAnswer, StreamAnswer, settle } from './answer.ts';
import { BrokenStreams } from './brokenStreams.ts';
import { Connection } from './connection.ts';
import type { Exchange, ResponseHeaders } from './exchange.ts';
import type { Hold } from './hold.ts';
import { MessageExtra } from './messageExtra.ts';
import { MessageStream } from './messageStream.ts';
import { sseHeaders } from './sse.ts';
import { Takeover } from './takeover.ts';
import type { TransportEvents, TransportOptions } from './transportOptions.ts';

/** The revision from which on clients understand an event without data. */
const PRIMING_SINCE = '2025-11-25';

/** The id of the GET stream; those of POSTs are numbers. */
const STANDALONE = 'get';

export class SessionTransport implements Transport {
  // Called by the server that is connected; set by it.
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: (<T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void) | undefined;
  readonly sessionId?: string;

  /** The negotiated version, once there is one. */
  protocolVersion: string | undefined;

  readonly #options: TransportOptions;
  readonly #events: TransportEvents;
  readonly #log: EventLog | undefined;
  /** By the id of a request that is not answered yet. Bounded by the session's exchanges. */
  #calls: Map<RequestId, Answer> | undefined;
  /** With an event log: answers by stream, until all of them is stored. */
  #answers: Map<string, StreamAnswer> | undefined;
  #broken: BrokenStreams | undefined;
  #standalone: MessageStream | undefined;
  #takeover: Takeover | undefined;
  #initialize: { readonly id: RequestId; readonly exchange: Exchange } | undefined;
  #nextStream = 0;
  #openStreams = 0;
  #shut = false;
  #detached: Promise<unknown> | undefined;
  #closed = false;

  constructor(sessionId: string | undefined, options: TransportOptions, events: TransportEvents) {
    if (sessionId !== undefined) this.sessionId = sessionId;
    this.#options = options;
    this.#events = events;
    if (options.eventStore !== undefined && sessionId !== undefined) {
      this.#log = new EventLog(options.eventStore, sessionId, options.clock);
    }
  }

  /** SSE responses open right now. */
  get openStreams(): number {
    return this.#openStreams;
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
      : this.#streamAnswer(ids, exchange, hold);
    this.#calls ??= new Map();
    for (const id of ids) this.#calls.set(id, answer);
    for (const message of messages) this.#dispatch(message, exchange);
  }

  /** Opens the GET stream. Returns false when another connection has it and keeps it (see `Takeover`). */
  listen(exchange: Exchange): boolean {
    const stream = this.#standaloneStream();
    this.#takeover ??= new Takeover(this.#options.clock);
    if (!this.#takeover.allows(stream)) return false;
    const connection = this.#connection(exchange);
    stream.connect(connection);
    connection.open();
    if (this.#primes(exchange)) stream.prime();
    return true;
  }

  /**
   * Continues a stream after an event, in place of the connection that it may have. Resolves to whether there is such
   * an event. Where the client has all of a stream already, the answer is 204, which tells it not to come again (WHATWG
   * HTML, section 9.2); some clients would, for ever.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`
   */
  async resume(exchange: Exchange, eventId: string, hold: Hold): Promise<boolean> {
    const streamId = EventLog.streamOf(eventId);
    if (this.#log === undefined || streamId === undefined || !this.#mayResume(streamId)) return false;
    const answer = this.#answers?.get(streamId);
    const stream = streamId === STANDALONE ? this.#standaloneStream() : (answer?.stream ?? this.#stream(streamId));
    const connection = this.#connection(exchange, 204);
    const goesOn = streamId === STANDALONE || (answer?.pending.size ?? 0) > 0;
    const known = await stream.resume(eventId, connection, goesOn && this.#primes(exchange)).catch((error: unknown) => {
      connection.abandon();
      throw error;
    });
    if (!known) connection.abandon();
    if (!known || exchange.closed) return known;
    if (streamId === STANDALONE) {
      this.#takeover?.forget();
      connection.open();
    } else if (answer === undefined || answer.pending.size === 0) {
      stream.finish(); // all of it has been replayed
    } else {
      connection.open();
      answer.unpark();
      hold.onLeave(() => this.#leave(answer, hold));
    }
    return true;
  }

  /** Ends the GET stream. */
  closeStandalone(): void {
    this.#standalone?.finish();
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
    // Nobody can resume any more, so nobody has to wait for the store.
    const answers = [...(this.#answers?.values() ?? [])];
    this.#detached = Promise.all([...answers.map(({ stream }) => stream.detach()), this.#standalone?.detach()]);
  }

  /** Lets the event store forget a session that was shut, once what it has begun to store is stored. */
  async forget(): Promise<void> {
    await this.#detached;
    await this.#log?.forget();
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
    settle(json ? this.#jsonAnswer([id], exchange, false) : this.#streamAnswer([id], exchange, hold), id, message);
  }

  #broadcast(message: JSONRPCMessage): boolean {
    const stream = this.#standaloneStream();
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
    if (!isRequest(message) || !this.#primes(exchange)) return extra;
    extra.closeStandaloneSSEStream = () => this.#standalone?.disconnect();
    const answer = this.#calls?.get(message.id);
    if (answer instanceof StreamAnswer) extra.closeSSEStream = () => answer.stream.disconnect();
    return extra;
  }

  #jsonAnswer(ids: RequestId[], exchange: Exchange, batch: boolean): JsonAnswer {
    return new JsonAnswer(ids, exchange, () => this.#sessionHeaders(), batch, this.#options.clock);
  }

  #streamAnswer(ids: RequestId[], exchange: Exchange, hold: Hold): StreamAnswer {
    const stream = this.#stream(String(this.#nextStream++));
    const answer = new StreamAnswer(ids, stream);
    if (this.#log !== undefined) this.#remember(answer);
    const connection = this.#connection(exchange);
    stream.connect(connection);
    if (this.#primes(exchange)) stream.prime();
    connection.openSoon();
    hold.onLeave(() => this.#leave(answer, hold));
    return answer;
  }

  /** What is sent last may still be on its way to the store when the client asks for it. */
  #remember(answer: StreamAnswer): void {
    this.#answers ??= new Map();
    this.#answers.set(answer.streamId, answer);
    void answer.completed.then(() => this.#answers?.delete(answer.streamId));
  }

  /** A connection of an answer has ended: a call that may be resumed goes on holding its session for a while. */
  #leave(answer: StreamAnswer, hold: Hold): void {
    const { connected, resumable } = answer.stream;
    // Connected: another connection has taken over, and holds the session.
    if (connected || !resumable || answer.pending.size === 0 || this.#shut) hold.release();
    else answer.park(hold, this.#options.resumeTimeout, this.#options.clock);
  }

  #connection(exchange: Exchange, emptyStatus?: number): Connection {
    this.#openStreams++;
    exchange.onClose(() => this.#openStreams--);
    return new Connection(exchange, () => sseHeaders(this.sessionId), this.#options, emptyStatus);
  }

  #standaloneStream(): MessageStream {
    this.#standalone ??= this.#stream(STANDALONE);
    return this.#standalone;
  }

  #stream(id: string): MessageStream {
    return new MessageStream({
      id,
      log: this.#log,
      retryInterval: this.#options.retryInterval,
      maxBuffer: this.#options.maxStreamBuffer,
      onStoreFailure: (error) => this.#storeFailed(id, error),
    });
  }

  /** What a client sends names a stream that there is or was, and that the store has all of. */
  #mayResume(streamId: string): boolean {
    if (this.#broken?.has(streamId)) return false;
    return streamId === STANDALONE || (/^\d{1,15}$/.test(streamId) && Number(streamId) < this.#nextStream);
  }

  #storeFailed(streamId: string, error: unknown): void {
    this.#answers?.get(streamId)?.unpark();
    this.#broken ??= new BrokenStreams();
    this.#broken.add(streamId);
    this.#events.storeFailed(error);
  }

  /** Whether the client of this exchange takes a priming event, and so can be sent away to resume later. */
  #primes(exchange: Exchange): boolean {
    if (this.#log === undefined) return false;
    const header = exchange.headers['mcp-protocol-version'];
    const version = typeof header === 'string' ? header : this.protocolVersion;
    return version !== undefined && version >= PRIMING_SINCE;
  }

  #sessionHeaders(): ResponseHeaders {
    return this.sessionId === undefined ? {} : { 'Mcp-Session-Id': this.sessionId };
  }
}
