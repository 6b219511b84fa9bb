/**
 * The SSE streams of one session: the answers of POSTs and the GET stream, how they are opened, resumed and kept in the
 * event log. Knows streams and who may have them; nothing of what is sent on them.
 */
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { EventLog } from '../stores/eventLog.ts';
import { type AnswerOwner, StreamAnswer } from './answer.ts';
import { BrokenStreams } from './brokenStreams.ts';
import { Connection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import type { Hold } from './hold.ts';
import { MessageStream } from './messageStream.ts';
import { sseHeaders } from './sse.ts';
import { Takeover } from './takeover.ts';
import type { Load, TransportOptions } from './transportOptions.ts';

/** The revision from which on clients understand an event without data. */
const PRIMING_SINCE = '2025-11-25';

/** The id of the GET stream; those of POSTs are numbers. */
const STANDALONE = 'get';

/** Whoever has the streams. */
export interface StreamsOwner extends AnswerOwner {
  readonly load: Load;
  /** The event store failed; a stream goes on without it. */
  storeFailed(error: unknown): void;
}

export class SessionStreams {
  /** The negotiated version, once there is one. */
  protocolVersion: string | undefined;

  readonly #sessionId: string | undefined;
  readonly #options: TransportOptions;
  readonly #owner: StreamsOwner;
  readonly #log: EventLog | undefined;
  /** With an event log: answers by stream, until all of them is stored. */
  #answers: Map<string, StreamAnswer> | undefined;
  #broken: BrokenStreams | undefined;
  #standalone: MessageStream | undefined;
  #takeover: Takeover | undefined;
  #next = 0;
  #open = 0;
  #detached: Promise<unknown> | undefined;

  constructor(sessionId: string | undefined, options: TransportOptions, owner: StreamsOwner) {
    this.#sessionId = sessionId;
    this.#options = options;
    this.#owner = owner;
    if (options.eventStore !== undefined && sessionId !== undefined) {
      this.#log = new EventLog(options.eventStore, sessionId, options.clock);
    }
  }

  /** SSE responses open right now. */
  get open(): number {
    return this.#open;
  }

  /** The GET stream, whether somebody listens or not. */
  get standalone(): MessageStream {
    this.#standalone ??= this.#stream(STANDALONE);
    return this.#standalone;
  }

  /** A stream for the answer of a POST. */
  answer(ids: RequestId[], exchange: Exchange, hold: Hold): StreamAnswer {
    const stream = this.#stream(String(this.#next++));
    const answer = new StreamAnswer(ids, stream, this.#owner);
    if (this.#log !== undefined) this.#remember(answer);
    const connection = this.#connection(exchange);
    stream.connect(connection);
    if (this.primes(exchange)) stream.prime();
    connection.openSoon();
    this.#holdBy(answer, hold);
    return answer;
  }

  /** Opens the GET stream. Returns false when another connection has it and keeps it (see `Takeover`). */
  listen(exchange: Exchange): boolean {
    const stream = this.standalone;
    this.#takeover ??= new Takeover(this.#options.clock);
    if (!this.#takeover.allows(stream)) return false;
    const connection = this.#connection(exchange);
    stream.connect(connection);
    connection.open();
    if (this.primes(exchange)) stream.prime();
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
    const stream = streamId === STANDALONE ? this.standalone : (answer?.stream ?? this.#stream(streamId));
    const connection = this.#connection(exchange, 204);
    const goesOn = streamId === STANDALONE || (answer?.pending.size ?? 0) > 0;
    const known = await stream.resume(eventId, connection, goesOn && this.primes(exchange)).catch((error: unknown) => {
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
      this.#holdBy(answer, hold);
    }
    return true;
  }

  /** Ends the GET stream. */
  closeStandalone(): void {
    this.#standalone?.finish();
  }

  /** Nobody can resume any more, so nobody has to wait for the store. */
  detach(): void {
    const answers = [...(this.#answers?.values() ?? [])];
    this.#detached = Promise.all([...answers.map(({ stream }) => stream.detach()), this.#standalone?.detach()]);
  }

  /** Lets the event store forget the session, once what it has begun to store is stored. */
  async forget(): Promise<void> {
    await this.#detached;
    await this.#log?.forget();
  }

  /** Whether the client of this exchange takes a priming event, and so can be sent away to resume later. */
  primes(exchange: Exchange): boolean {
    if (this.#log === undefined) return false;
    const header = exchange.headers['mcp-protocol-version'];
    const version = typeof header === 'string' ? header : this.protocolVersion;
    return version !== undefined && version >= PRIMING_SINCE;
  }

  /** What is sent last may still be on its way to the store when the client asks for it. */
  #remember(answer: StreamAnswer): void {
    this.#answers ??= new Map();
    this.#answers.set(answer.streamId, answer);
    void answer.completed.then(() => this.#answers?.delete(answer.streamId));
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
    if (held || answer.pending.size === 0 || this.#detached !== undefined) return hold.release();
    if (resumable) return answer.park(hold, this.#options.resumeTimeout, this.#options.clock);
    answer.abandon();
    hold.release();
  }

  #connection(exchange: Exchange, emptyStatus?: number): Connection {
    this.#open++;
    this.#owner.load.streams++;
    exchange.onClose(() => {
      this.#open--;
      this.#owner.load.streams--;
    });
    return new Connection(exchange, () => sseHeaders(this.#sessionId), this.#options, emptyStatus);
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
    return streamId === STANDALONE || (/^\d{1,15}$/.test(streamId) && Number(streamId) < this.#next);
  }

  #storeFailed(streamId: string, error: unknown): void {
    const answer = this.#answers?.get(streamId);
    if (answer !== undefined && !answer.connected) answer.abandon();
    this.#broken ??= new BrokenStreams();
    this.#broken.add(streamId);
    this.#owner.storeFailed(error);
  }
}
