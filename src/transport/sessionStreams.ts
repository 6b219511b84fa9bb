/**
 * The SSE streams of one session: the answers of POSTs and the GET streams, how they are opened, resumed and kept in the
 * event log. Knows streams and who may have them; nothing of what is sent on them.
 */
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { EventLog } from '../stores/eventLog.ts';
import { type AnswerOwner, StreamAnswer } from './answer.ts';
import { Backlog } from './backlog.ts';
import { BrokenStreams } from './brokenStreams.ts';
import { Connection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import { GetStreams } from './getStreams.ts';
import type { Hold } from './hold.ts';
import { MessageStream } from './messageStream.ts';
import { PastStreams } from './pastStreams.ts';
import { reconnectionDelay } from './reconnectionDelay.ts';
import { sseHeaders } from './sse.ts';
import { formatStreamName, parseStreamName, type StreamName } from './streamName.ts';
import type { IncarnationNumber, Load, SessionMemory, TransportOptions } from './transportOptions.ts';

/** The revision from which on clients understand a block without data. */
const DATALESS_SINCE = '2025-11-25';

/** Whoever has the streams. */
export interface StreamsOwner extends AnswerOwner {
  readonly load: Load;
  /** The event store failed; a stream goes on without it. */
  storeFailed(error: unknown): void;
  /** Whose transport it is; its memory knows whether the session may be another process's by now. */
  readonly owner?: { readonly memory: Pick<SessionMemory, 'mayWrite'> | undefined };
}

/**
 * How long the head of a stream waits for an answer out of another process, in ms: by itself it would be a write more for
 * each call, which is a fifth of what such a call costs.
 */
const FAR = 50;

/** How long an end waits for the event store, in ms. */
const FORGET_TIMEOUT = 1_000;

export class SessionStreams {
  /** The negotiated version, once there is one. */
  protocolVersion: string | undefined;

  readonly #sessionId: string | undefined;
  readonly #options: TransportOptions;
  readonly #owner: StreamsOwner;
  readonly #log: EventLog | undefined;
  readonly #epoch: number | undefined;
  /** With an event log: answers by stream, until all of them is stored. */
  #answers: Map<string, StreamAnswer> | undefined;
  /** Streams of answers that somebody resumes, until the store is through with that. */
  #resumed: Map<string, MessageStream> | undefined;
  #broken: BrokenStreams | undefined;
  #gets: GetStreams | undefined;
  /** With an event log, in a later incarnation, until its client has opened a GET stream again. */
  #backlog: Backlog | undefined;
  #past: PastStreams | undefined;
  #knownRetry: number | undefined;
  #next = 0;
  #open = 0;
  #detached = false;

  constructor(
    sessionId: string | undefined,
    options: TransportOptions,
    owner: StreamsOwner,
    incarnation: IncarnationNumber | undefined,
  ) {
    this.#sessionId = sessionId;
    this.#options = options;
    this.#owner = owner;
    this.#epoch = incarnation?.epoch;
    if (options.eventStore !== undefined && sessionId !== undefined) {
      this.#log = new EventLog(options.eventStore, sessionId, options.clock, this.#epoch !== undefined);
      if (incarnation?.first === false) this.#backlog = new Backlog(options.clock, options.resumeTimeout);
    }
  }

  /** SSE responses open right now. */
  get open(): number {
    return this.#open;
  }

  /** Whether the client takes a priming event, and so can be sent away to resume later. */
  get primes(): boolean {
    return this.#log !== undefined && this.#takesDataless;
  }

  /** Whether the client takes a block without data, as a priming event and `retry` alone are; older ones stumble over it. */
  get #takesDataless(): boolean {
    return this.protocolVersion !== undefined && this.protocolVersion >= DATALESS_SINCE;
  }

  /**
   * When the client is to come back, in ms: on each of its streams the same, because it may keep one value for all of
   * them. Undefined where it would stumble over being told, or has no session to come back to.
   */
  get #retry(): number | undefined {
    if (!this.#takesDataless || this.#sessionId === undefined) return undefined;
    this.#knownRetry ??= this.#options.retryInterval ?? reconnectionDelay(this.#sessionId);
    return this.#knownRetry;
  }

  /** A stream for the answer of a POST; with `far` from a server in another process. */
  answer(ids: RequestId[], exchange: Exchange, hold: Hold, far = false): StreamAnswer {
    const stream = this.#stream(this.#newName(false, ids));
    const answer = new StreamAnswer(ids, stream, this.#owner);
    if (this.#log !== undefined) this.#remember(answer);
    const connection = this.#connection(exchange);
    stream.connect(connection);
    // With its first event, where that lets the client resume: one that has the head alone would wait for ever if this
    // process died before the event is stored.
    const open = () => connection.openSoon(far ? FAR : 0);
    if (this.primes) stream.prime(open);
    else open();
    this.#holdBy(answer, hold);
    return answer;
  }

  /** Opens a GET stream, beside those that there are. */
  listen(exchange: Exchange): void {
    this.#openGet(this.#connection(exchange), exchange);
  }

  /** Whether a message that belongs to no call has a way. */
  get listens(): boolean {
    return this.#gets?.receiver !== undefined;
  }

  /**
   * Sends a message that belongs to no call on one of the GET streams, or has it wait for the first. Returns false where
   * none could carry it.
   */
  send(message: JSONRPCMessage): boolean {
    const stream = this.#gets?.receiver;
    if (stream === undefined) return this.#backlog?.keep(message) ?? false;
    stream.send(message);
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
    const name = streamId === undefined ? undefined : parseStreamName(streamId);
    if (this.#log === undefined || streamId === undefined || name === undefined) return false;
    if (name.epoch !== this.#epoch) return this.#resumePast(exchange, eventId, streamId, name);
    const stream = this.#find(streamId, name.number);
    if (stream === undefined) return false;
    const answer = this.#answers?.get(stream.id);
    const { isGet } = name;
    const goesOn = isGet || (answer?.pending.size ?? 0) > 0;
    const connection = this.#connection(exchange, 204);
    const resuming = stream.resume(eventId, connection, goesOn && this.primes);
    if (isGet) this.#getStreams.keep(stream);
    else this.#keep(stream);
    const known = await orAbandoned(resuming, connection);
    if (!known || exchange.closed) return known;
    if (isGet) {
      this.#receive(stream, connection, exchange);
    } else if (answer === undefined || answer.pending.size === 0) {
      stream.finish(); // all of it has been replayed
    } else {
      connection.open();
      answer.resume();
      this.#holdBy(answer, hold);
    }
    return true;
  }

  /**
   * Continues a stream of an earlier incarnation: what is left of it is replayed. Nobody is left who would answer its
   * calls, so they get an error, which is stored like an answer; and a GET stream goes on as one of this incarnation.
   */
  async #resumePast(exchange: Exchange, eventId: string, streamId: string, name: StreamName): Promise<boolean> {
    if (this.#epoch === undefined) return false;
    this.#past ??= new PastStreams((id) => this.#stream(id));
    const connection = this.#connection(exchange, 204);
    const known = await orAbandoned(this.#past.resume(streamId, name, eventId, connection), connection);
    if (known && name.isGet && !exchange.closed) this.#openGet(connection, exchange);
    return known;
  }

  /** Ends the GET streams. */
  closeStandalone(): void {
    this.#gets?.close();
  }

  /** Ends the connections of the GET streams, for their clients to come back. */
  disconnectStandalone(): void {
    this.#gets?.disconnect();
  }

  /** Nobody can resume any more, so nobody has to wait for the store. */
  detach(): void {
    this.#detached = true;
    for (const { stream } of this.#answers?.values() ?? []) stream.detach();
    for (const stream of this.#resumed?.values() ?? []) stream.detach();
    this.#gets?.detach();
    this.#past?.detach();
  }

  /**
   * Lets the event store forget the session, once what it has begun to store is stored. Settles within `shutdownTimeout`,
   * and a second at most: nobody is left who needs that.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`
   */
  async forget(): Promise<void> {
    await this.#log?.forget(Math.min(this.#options.shutdownTimeout, FORGET_TIMEOUT));
  }

  get #getStreams(): GetStreams {
    this.#gets ??= new GetStreams();
    return this.#gets;
  }

  /** Makes a GET stream of this incarnation on a connection. */
  #openGet(connection: Connection, exchange: Exchange): void {
    const stream = this.#stream(this.#newName(true, []));
    stream.connect(connection);
    this.#receive(stream, connection, exchange);
    if (this.primes) stream.prime();
    const waiting = this.#backlog?.take();
    this.#backlog = undefined;
    for (const message of waiting ?? []) stream.send(message);
  }

  /** Has messages that belong to no call go to a stream, as long as somebody is there or may come back. */
  #receive(stream: MessageStream, connection: Connection, exchange: Exchange): void {
    const gets = this.#getStreams;
    gets.add(stream);
    exchange.onClose(() => gets.left(stream, connection));
    connection.open();
  }

  /** What is sent last may still be on its way to the store when the client asks for it. */
  #remember(answer: StreamAnswer): void {
    this.#answers ??= new Map();
    this.#answers.set(answer.streamId, answer);
    void answer.completed.then(() => this.#answers?.delete(answer.streamId));
  }

  /** The answer may be complete, and forgotten, while it is being resumed; the end of the session has to reach it. */
  #keep(stream: MessageStream): void {
    this.#resumed ??= new Map();
    this.#resumed.set(stream.id, stream);
    stream.onQuiet(() => this.#resumed?.delete(stream.id));
  }

  #holdBy(answer: StreamAnswer, hold: Hold): void {
    answer.connections++;
    hold.onLeave(() => this.#leave(answer, hold));
  }

  /** A connection of an answer has ended: a call that may be resumed goes on holding its session for a while. */
  #leave(answer: StreamAnswer, hold: Hold): void {
    const { connected, resumable } = answer.stream;
    // Another connection has taken over, or has not let go yet: it holds the session.
    const held = --answer.connections > 0 || connected;
    if (held || answer.pending.size === 0 || this.#detached) return hold.release();
    if (resumable) return answer.park(hold, this.#options.resumeTimeout, this.#options.clock);
    answer.abandon();
    hold.release();
  }

  #connection(exchange: Exchange, emptyStatus?: number): Connection {
    const { load } = this.#owner;
    this.#open++;
    load.streams++;
    const headers = () => sseHeaders(this.#sessionId);
    const connection = new Connection(exchange, headers, this.#options, emptyStatus, this.#retry);
    exchange.onClose(() => {
      this.#open--;
      load.streams--;
      if (connection.dropped !== undefined) load.dropped?.(connection.dropped);
    });
    return connection;
  }

  #stream(id: string): MessageStream {
    return new MessageStream({
      id,
      log: this.#log,
      retry: this.#retry,
      maxBuffer: this.#options.maxStreamBuffer,
      memory: this.#owner.owner?.memory,
      onStoreFailure: (error) => this.#storeFailed(id, error),
    });
  }

  #newName(isGet: boolean, calls: readonly RequestId[]): string {
    return formatStreamName({ epoch: this.#epoch, isGet, number: this.#next++, calls });
  }

  /** The stream that a client names, if the session has or had it and the store has all of it. */
  #find(streamId: string, number: number): MessageStream | undefined {
    const kept = this.#answers?.get(streamId)?.stream ?? this.#resumed?.get(streamId) ?? this.#gets?.find(streamId);
    if (kept !== undefined) return kept;
    return number < this.#next && !this.#broken?.has(number) ? this.#stream(streamId) : undefined;
  }

  #storeFailed(streamId: string, error: unknown): void {
    const answer = this.#answers?.get(streamId);
    if (answer !== undefined && !answer.connected) answer.abandon();
    const name = parseStreamName(streamId);
    if (name !== undefined && name.epoch === this.#epoch) {
      this.#broken ??= new BrokenStreams();
      this.#broken.add(name.number);
    }
    this.#owner.storeFailed(error);
  }
}

/** Whether an event was known; ends the connection that its resumption would have had where it was not. */
async function orAbandoned(resuming: Promise<boolean>, connection: Connection): Promise<boolean> {
  try {
    const known = await resuming;
    if (!known) connection.abandon();
    return known;
  } catch (error) {
    connection.abandon();
    throw error;
  }
}
