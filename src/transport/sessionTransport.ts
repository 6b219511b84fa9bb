/**
 * The SDK's `Transport` for one session, over HTTP exchanges: what an McpServer connects to. It routes each message to
 * exactly one stream (MCP 2025-11-25, Streamable HTTP), keeps account of the calls in flight, and answers all of them
 * when it is shut. Knows exchanges and messages; nothing of sessions' lives, of HTTP's refusals, of sockets.
 */
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  MessageExtraInfo,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { SupervisorError } from '../errors.ts';
import { isCancellation, isRequest, isResponse, type ResponseMessage, requestsAmong } from '../protocol/messages.ts';
import { keepText, keepTexts, withId, withParams } from '../protocol/messageText.ts';
import { accept } from './accept.ts';
import { type Answer, isResumable, JsonAnswer, mayBeResumed, notStored, settle, whileHeld } from './answer.ts';
import { Asked } from './asked.ts';
import { type Call, Calls, settleAll } from './calls.ts';
import type { Exchange, ExchangeInfo, ResponseHeaders } from './exchange.ts';
import type { Hold } from './hold.ts';
import type { InitializeSink } from './initializeSink.ts';
import { extraOfStreams, MessageExtra } from './messageExtra.ts';
import { isInitialized, noteOf } from './notes.ts';
import { beginAll, CLIENT_GONE, type Ending, type OperationOutcome, onBehalf } from './operations.ts';
import { Questions } from './questions.ts';
import { Replay, type Replayed, type Said } from './replay.ts';
import { SessionStreams, type StreamsOwner } from './sessionStreams.ts';
import type { IncarnationNumber, Load, TransportEvents, TransportOptions } from './transportOptions.ts';

export class SessionTransport implements Transport, StreamsOwner {
  // Called by the server that is connected; set by it.
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: (<T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void) | undefined;
  readonly sessionId?: string;
  /** The server wants the texts of messages as they came (`protocol/messageText.ts`); set by it. */
  takesText = false;
  /** Called when a GET stream is there that takes messages; set by a server that waits for one. */
  onlisten?: (() => void) | undefined;

  readonly #options: TransportOptions;
  /** Whose it is: what the server has to know of the session, and where it says that it can't go on. */
  readonly owner: TransportEvents;
  readonly #streams: SessionStreams;
  /** Where the session may have several incarnations: what its server asks. */
  readonly #questions: Questions | undefined;
  #calls: Calls | undefined;
  /** What its server asks, as far as that is observed. */
  #asked: Asked | undefined;
  /** While a later incarnation's server is told what the client said before, and while what it asks then waits. */
  #replay: Replay | undefined;
  replaying = false;
  #initialize: { readonly id: RequestId; readonly sink: InitializeSink } | undefined;
  #shut = false;
  /** What calls are answered with that were not answered when it was shut. */
  #lastWord = '';
  #closed = false;

  /** `incarnation` says which one of its session it serves, where there may be others. */
  constructor(
    sessionId: string | undefined,
    options: TransportOptions,
    events: TransportEvents,
    incarnation?: IncarnationNumber,
  ) {
    if (sessionId !== undefined) this.sessionId = sessionId;
    this.#options = options;
    this.owner = events;
    this.#streams = new SessionStreams(sessionId, options, this, incarnation);
    if (incarnation !== undefined) this.#questions = new Questions(incarnation);
  }

  /** The client is to be treated as one of this version. */
  setNegotiatedVersion(version: string): void {
    this.#streams.protocolVersion = version;
  }

  /** SSE responses open right now. */
  get openStreams(): number {
    return this.#streams.open;
  }

  /** Requests of the client that are not answered yet, whoever waits for them. */
  get unansweredCalls(): number {
    return this.#calls?.unanswered ?? 0;
  }

  /** Those of them that somebody waits for or may come back for. */
  get awaitedCalls(): number {
    return this.#calls?.awaited ?? 0;
  }

  /** A handler runs, whoever waits for it, or the client has been asked something. */
  get busy(): boolean {
    return this.#calls?.empty === false || this.#questions?.none === false;
  }

  /** Whether the client, which is there, waits for the answer of a request with this id. */
  isAwaited(id: RequestId): boolean {
    return this.#calls?.isAwaited(id) ?? false;
  }

  /** Whether the calls among these messages may run too. */
  hasRoomFor(messages: readonly JSONRPCMessage[]): boolean {
    return this.#calls?.hasRoomFor(requestsAmong(messages)) ?? true;
  }

  get load(): Load {
    return this.owner.load;
  }

  // --- what a server asks that routes its messages itself

  /** Calls whose streams take messages, by the server's ids, oldest first. */
  *carriers(): Iterable<RequestId> {
    for (const call of this.#calls ?? []) if (call.awaited && call.answer.carries) yield call.alias;
  }

  /** A GET stream takes messages. */
  get listens(): boolean {
    return this.#streams.listens;
  }

  // --- what the server calls

  async start(): Promise<void> {}

  /** Sends a message of the server on the stream that it belongs to. */
  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    this.owner.checkLease?.();
    if (isResponse(message)) return this.#respond(message);
    if (this.replaying && !(await this.#replay?.sent(message))) return;
    if (this.#shut) throw new SupervisorError('SESSION_CLOSED', SESSION_ENDED);
    // A notification that nobody can receive is lost, as the protocol allows; a request must not wait for ever.
    const { watch } = this.owner;
    if (watch !== undefined) this.#asked ??= new Asked();
    const carried = this.#asked === undefined ? message : this.#asked.sending(watch, message);
    const isLost = !this.#route(carried, options?.relatedRequestId) && isRequest(message);
    if (isLost) for (const open of [this.#questions, this.#asked]) open?.unsent(message);
    if (isLost || isCancellation(message)) this.#judgeSettled();
    if (isLost) throw new SupervisorError('NO_STREAM', noStreamFor(message.method));
  }

  /** The server closes its connection; also what closing the session ends with. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.owner.closed();
    this.#watch(this.onclose?.());
  }

  // --- what HTTP calls

  /** Delivers an initialize; `text` is what it was parsed from. */
  initialize(message: JSONRPCRequest, sink: InitializeSink, text?: string): void {
    this.#initialize = { id: message.id, sink };
    if (this.takesText && text !== undefined) keepText(message, text);
    this.#dispatch(message, new MessageExtra(sink.info));
  }

  /**
   * Tells the server of a later incarnation what the client said before. `info` is of the request that has it told.
   * @throws {SupervisorError} `NOT_RESTORABLE`
   */
  async replay(said: Said, info: ExchangeInfo): Promise<Replayed> {
    const replay = new Replay(this.#options.clock);
    this.#replay = replay;
    this.replaying = true;
    try {
      return await replay.run(said, (message) => this.#dispatch(message, new MessageExtra(info)));
    } finally {
      this.replaying = false;
      if (!replay.waits) this.#replay = undefined;
    }
  }

  /** Delivers the messages of a POST, whose session is held until the answer has ended; `text` is what they were parsed from. */
  deliver(exchange: Exchange, messages: readonly JSONRPCMessage[], batch: boolean, hold: Hold, text?: string): void {
    if (this.takesText && text !== undefined) keepTexts(messages, text, batch);
    const ids = messages.filter(isRequest).map(({ id }) => id);
    if (ids.length === 0) {
      for (const message of messages) this.#receive(message, exchange);
      return accept(exchange, this.#sessionHeaders(), this.owner.memory);
    }
    const { memory, watch } = this.owner;
    const operations = watch && beginAll(watch, messages);
    for (const id of ids) this.#endWaiting(id);
    const answer = this.answer(ids, exchange, batch, hold);
    // Who observes may have ended the session, or the event store, when it was asked for the priming event.
    if (this.#shut) return settleAll(answer, ids, SESSION_ENDED, operations);
    this.#calls ??= new Calls(this.#options.clock);
    this.load.calls += ids.length;
    // All are taken in before the first is delivered, whose handler may end them all.
    const taken = (message: JSONRPCRequest) =>
      this.#calls?.add(message, answer, memory && noteOf(message), operations?.get(message));
    const requests = messages.map((message) => (isRequest(message) ? taken(message) : message));
    for (const message of requests) if (message !== undefined) this.#receive(message, exchange, answer);
    // Its client left before they were taken in, and nobody else will say so.
    if (exchange.closed && !isResumable(answer)) this.abandoned(answer);
  }

  /** Makes the answer of these requests, as the exchange is to have it. */
  answer(ids: RequestId[], exchange: Exchange, batch: boolean, hold: Hold): Answer {
    const streams = !this.#shut && !this.#options.enableJsonResponse;
    if (streams) return this.#streams.answer(ids, exchange, hold, this.takesText);
    const answer = new JsonAnswer(ids, exchange, () => this.#sessionHeaders(), batch, this.#options.clock);
    return whileHeld(answer, hold, this);
  }

  /** Opens a GET stream. */
  listen(exchange: Exchange): void {
    this.#streams.listen(exchange);
    this.#replay?.release();
    this.onlisten?.();
  }

  /**
   * Continues a stream after an event. Resolves to whether there is such an event.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`
   */
  async resume(exchange: Exchange, eventId: string, hold: Hold): Promise<boolean> {
    const known = await this.#streams.resume(exchange, eventId, hold);
    this.#replay?.release();
    if (this.listens) this.onlisten?.();
    return known;
  }

  /** Ends the GET streams. */
  closeStandalone(): void {
    this.#streams.closeStandalone();
  }

  /**
   * Answers every call in flight with an error and ends every stream. Nothing can be sent after it. `outcome` is how what is
   * cut short ends for those who observe.
   */
  shut(message: string, outcome: OperationOutcome = 'sessionEnded'): void {
    if (this.#shut) return;
    this.#shut = true;
    this.#lastWord = message;
    this.#replay?.release();
    this.#answerAll({ outcome });
    this.#asked?.endAll({ outcome });
    this.closeStandalone();
    this.#streams.detach();
  }

  /** Does without the event store from now on. */
  detach(): void {
    this.#streams.detach();
  }

  /** Lets the event store forget a session that was shut. */
  forget(): Promise<void> {
    return this.#streams.forget();
  }

  // --- what the streams tell

  abandoned(answer: Answer): void {
    const calls = this.#calls;
    if (calls === undefined || answer.pending.size === 0) return;
    for (const call of calls.of(answer)) calls.abandon(call);
    if (calls.awaited === 0) this.owner.quiet();
  }

  resumed(answer: Answer): void {
    for (const call of this.#calls?.of(answer) ?? []) this.#calls?.resume(call);
  }

  storeFailed(error: unknown): void {
    this.owner.storeFailed(error);
  }

  // --- within

  /** Answers every call in flight with an error. */
  #answerAll(ending: Ending): void {
    const message = this.#lastWord;
    for (const { id, answer, operation, awaited } of this.#calls ?? []) {
      this.load.calls--;
      operation?.end(awaited ? ending : CLIENT_GONE);
      answer.settle(id, { jsonrpc: '2.0', id, error: { code: -32000, message } });
    }
    this.#calls = undefined;
  }

  #respond(message: ResponseMessage): Promise<void> | void {
    const { id } = message;
    if (id === this.#initialize?.id) return this.#answerInitialize(message);
    if (this.replaying && this.#replay?.answered(message)) return;
    const call = this.#calls?.find(id ?? Number.NaN);
    // A response to a call that was cancelled, or that the end of the session answered: nobody waits for it.
    if (call === undefined) return;
    const { memory } = this.owner;
    if (memory === undefined) return this.#answer(call, message);
    if (call.note !== undefined && 'result' in message) memory.note(call.note);
    const stored = memory.stored();
    if (stored === undefined) return this.#answer(call, message);
    return stored.then((isStored) => {
      this.owner.checkLease?.();
      if (this.#calls?.find(call.alias) === call) this.#answer(call, isStored ? message : notStored(call.id));
    });
  }

  #answer(call: Call, message: ResponseMessage): void {
    const { awaited, operation } = call;
    this.#calls?.delete(call);
    this.load.calls--;
    try {
      settle(call.answer, call.id, withId(message, call.id), operation, awaited);
    } finally {
      this.#judgeQuiet();
    }
  }

  #answerInitialize(message: ResponseMessage): Promise<void> | void {
    const sink = this.#initialize?.sink;
    this.#initialize = undefined;
    return sink?.answer(message);
  }

  /** Sends a message that is no response where it belongs. Returns false where there is no way. */
  #route(message: JSONRPCMessage, related: RequestId | undefined): boolean {
    if (related !== undefined && related === this.#initialize?.id) return this.#initialize.sink.send(message);
    const named = this.#questions === undefined ? message : this.#questions.asked(message);
    const sent = this.#calls === undefined ? named : this.#calls.translate(named);
    if (sent === undefined) return false;
    if (related === undefined) return this.#streams.send(sent);
    const call = this.#calls?.find(related);
    return call !== undefined && (call.awaited || mayBeResumed(call.answer, call.id)) && call.answer.send(sent);
  }

  /** Hands a message of the client to the server, on behalf of its operation where it is observed. */
  #receive(message: JSONRPCMessage, exchange: Exchange, answer?: Answer): void {
    const { watch } = this.owner;
    if (watch === undefined || isResponse(message)) return this.#take(message, exchange, answer);
    const operation = isRequest(message) ? this.#calls?.find(message.id)?.operation : watch.begin('server', message);
    onBehalf(operation, message, () => this.#take(message, exchange, answer));
  }

  #take(message: JSONRPCMessage, exchange: Exchange, answer?: Answer): void {
    if (isCancellation(message)) return this.#cancel(message, exchange);
    const heard = this.#questions === undefined ? message : this.#questions.heard(message);
    if (heard === undefined) return;
    if (this.#asked !== undefined && isResponse(heard)) this.#asked.answered(heard);
    if (isInitialized(heard)) this.owner.memory?.note({ what: 'initialized' });
    this.#judgeSettled();
    if (this.takesText) return this.#dispatch(heard); // on the other side nobody could ask for more
    const mayComeBack = isRequest(message) && this.#streams.primes;
    this.#dispatch(heard, mayComeBack ? extraOfStreams(exchange, this.#streams, answer) : new MessageExtra(exchange));
  }

  #dispatch(message: JSONRPCMessage, extra?: MessageExtraInfo): void {
    try {
      this.#watch(this.onmessage?.(message, extra));
    } catch (error) {
      this.owner.failed(error);
    }
  }

  /** A callback of a server may be async, whatever its type says; nobody else would hear that it rejects. */
  #watch(returned: unknown): void {
    if (returned instanceof Promise) void returned.catch((error: unknown) => this.owner.failed(error));
  }

  /** The client wants no answer to a call any more. */
  #cancel(message: JSONRPCNotification, info: ExchangeInfo): void {
    const requestId = message.params?.['requestId'] as RequestId | undefined;
    const call = requestId === undefined ? undefined : this.#calls?.named(requestId);
    // The server knows a call by this id that the client does not mean any more.
    if (call === undefined && requestId !== undefined && this.#calls?.find(requestId) !== undefined) return;
    const meant = call?.alias === call?.id ? message : withParams(message, { requestId: call?.alias });
    this.#dispatch(meant, new MessageExtra(info));
    if (call === undefined || this.#calls?.find(call.alias) !== call) return;
    this.#calls.cancel(call);
    this.load.calls--;
    call.operation?.end({ outcome: 'cancelled' });
    call.answer.cancel(call.id);
    this.#judgeQuiet();
  }

  /** The client uses an id again whose call it has left and could still resume, or waits for: then it does not. */
  #endWaiting(id: RequestId): void {
    const call = this.#calls?.named(id);
    if (call === undefined || !(call.awaited || isResumable(call.answer))) return;
    this.#calls?.abandon(call);
    const message = 'Request superseded: its id was used again';
    call.answer.settle(id, { jsonrpc: '2.0', id, error: { code: -32000, message } });
  }

  #judgeQuiet(): void {
    if (this.awaitedCalls === 0) this.owner.quiet();
    this.#judgeSettled();
  }

  #judgeSettled(): void {
    if (!this.busy) this.owner.memory?.settled();
  }

  #sessionHeaders(): ResponseHeaders {
    return this.sessionId === undefined ? {} : { 'Mcp-Session-Id': this.sessionId };
  }
}

const SESSION_ENDED = 'The session has ended';
const noStreamFor = (method: string) => `No stream is open that could carry ${method} to the client`;
