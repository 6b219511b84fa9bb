/**
 * One life of a session in this process: its server, its transport, the exchanges that hold it. What happens to it, it
 * tells its session, which decides. It ends once, in `end`, and is silent from then on.
 */
import type { JSONRPCNotification, JSONRPCRequest, RequestId, Result } from '@modelcontextprotocol/sdk/types.js';
import { isCoded, type RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { LogEntry } from '../options.ts';
import { JsonAnswer } from '../transport/answer.ts';
import type { Exchange, ExchangeInfo } from '../transport/exchange.ts';
import { Hold } from '../transport/hold.ts';
import { HttpInitialize, ObservedInitialize, type Opening } from '../transport/initializeSink.ts';
import {
  CLIENT_GONE,
  type OpenOperation,
  type OperationOutcome,
  type OperationSide,
  type OperationWatch,
  refusedAs,
} from '../transport/operations.ts';
import { refuse, withDetail } from '../transport/refuse.ts';
import type { Replayed, Said } from '../transport/replay.ts';
import { SessionTransport } from '../transport/sessionTransport.ts';
import type {
  IncarnationNumber,
  Load,
  Surroundings,
  TransportEvents,
  TransportOptions,
} from '../transport/transportOptions.ts';
import { atMost } from './atMost.ts';
import type { Memory } from './memory.ts';
import type { Observers } from './observers.ts';
import { refusalOf, type ServerHost, ServerInstance, type ServerRequest } from './serverInstance.ts';
import type { SessionState } from './sessionInfo.ts';

/** What an incarnation tells its session. */
export interface Incarnated {
  readonly id: string;
  /** The number of this incarnation, where there may be others. */
  readonly number: IncarnationNumber | undefined;
  /** What it keeps of itself beyond its process. */
  readonly memory: Memory | undefined;
  /** What a server that is a process has to know of it. */
  readonly surroundings: Surroundings;
  /** The initialize was answered with a result. Returns whether that came in time. */
  opened(result: Result): boolean;
  /** An exchange that held it has ended. */
  released(): void;
  /** Nobody waits for a call any more. */
  quiet(): void;
  readonly state: SessionState;
  /** What was negotiated; until then what was asked for. */
  readonly protocolVersion: string;
  /** It can't go on here; its record stays. */
  drop(error: unknown): void;
  /** It has to end. */
  terminate(reason: EndReason, error?: unknown): Promise<boolean>;
}

/** What it needs of the supervisor. */
export interface IncarnationHost extends ServerHost {
  readonly options: ServerHost['options'] & TransportOptions;
  readonly load: Load;
  /** Who observes; undefined where nobody can. */
  readonly observers?: Observers | undefined;
  /** Asking for it has everything here ended where the lease of this node is over. */
  readonly owner?: string | null | undefined;
}

/** What an initialize is answered whose session ended before its server did. */
const REFUSAL_AT_END: Partial<Record<EndReason | 'parked', RefusalName>> = {
  initializeTimeout: 'initializeTimeout',
  lifetime: 'initializeTimeout',
  crashed: 'serverFailed',
  drained: 'draining',
};

/** Why a session stays parked whose server closed itself before it was put back. */
const LEFT_EARLY = 'The server closed itself while it was being put back';

/** What calls are answered that are cut off when their session is parked in a hurry. */
const SET_ASIDE = 'The server let go of the session before it had answered; the session goes on';

export class Incarnation implements TransportEvents, Opening, OperationWatch {
  readonly transport: SessionTransport;
  readonly #session: Incarnated;
  readonly #host: IncarnationHost;
  readonly #server: ServerInstance;
  /** The exchange of the initialize, until it is answered. */
  #opening:
    | { readonly exchange: Exchange; readonly id: RequestId; readonly operation: OpenOperation | undefined }
    | undefined;
  /** The initialize, until the session is stored, if it is to be. */
  #said: JSONRPCRequest | undefined;
  #ended = false;
  #hurried = false;
  #onQuiet: (() => void) | undefined;

  constructor(session: Incarnated, host: IncarnationHost) {
    this.#session = session;
    this.#host = host;
    this.transport = new SessionTransport(session.id, host.options, this, session.number);
    this.#server = new ServerInstance(session.id, host);
  }

  checkLease(): void {
    void this.#host.owner;
  }

  get load(): Load {
    return this.#host.load;
  }

  get watch(): OperationWatch | undefined {
    return this.#host.observers?.any === true ? this : undefined;
  }

  begin(side: OperationSide, message: JSONRPCRequest | JSONRPCNotification): OpenOperation | undefined {
    return this.#host.observers?.begin(side, 'session', message, this.#session);
  }

  get memory(): Memory | undefined {
    return this.#session.memory;
  }

  /** The embedder's server; undefined while it is being built, and after the end. */
  get server(): ServerInstance['server'] {
    return this.#server.server;
  }

  /** Builds the server and has it answer the initialize; `text` is what that was parsed from. */
  async open(exchange: Exchange, initialize: JSONRPCRequest, request: ServerRequest, text?: string): Promise<void> {
    const operation = this.watch?.begin('server', initialize);
    this.#opening = { exchange, id: initialize.id, operation };
    if (this.memory !== undefined) this.#said = initialize;
    exchange.onClose(() => {
      if (this.#opening !== undefined) this.#end('closed'); // nobody is left who could learn the id
    });
    // It was ended by somebody who was told of what made room for it, before there was an exchange to answer.
    if (this.#ended) {
      operation?.end(refusedAs('endedEarly'));
      return refuse(exchange, 'endedEarly', initialize.id);
    }
    try {
      const start = () => this.#server.start(request, this.transport);
      if (!(await (operation === undefined ? start() : operation.run(start)))) return;
      const answers = {
        plain: () => new JsonAnswer([initialize.id], exchange, () => ({}), false, this.#host.options.clock),
        inSession: (hold: Hold) => this.transport.answer([initialize.id], exchange, false, hold),
      };
      const sink = new HttpInitialize(initialize.id, exchange, answers, this);
      if (operation === undefined) this.transport.initialize(initialize, sink, text);
      else operation.run(() => this.transport.initialize(initialize, new ObservedInitialize(sink, operation), text));
    } catch (error) {
      this.failed(error);
    }
  }

  /**
   * Builds the server of a session that is brought back, and tells it what its client said before. Undefined when it was
   * ended meanwhile.
   * @throws whatever the factory or `connect` threw; {SupervisorError} `NOT_RESTORABLE` or `INVALID_SERVER`.
   */
  async restore(
    said: Said,
    version: string,
    request: ServerRequest,
    info: ExchangeInfo,
  ): Promise<Replayed | undefined> {
    if (!(await this.#server.start(request, this.transport))) return undefined;
    this.transport.setNegotiatedVersion(version);
    return this.transport.replay(said, info);
  }

  /** What holds it until the exchange has ended. */
  hold(exchange: Exchange): Hold {
    return new Hold(exchange, () => {
      if (!this.#ended) this.#session.released();
    });
  }

  /** Its calls get no more time to be answered. */
  hurry(): void {
    this.#hurried = true; // its end may be yet to begin
    this.#onQuiet?.();
  }

  /**
   * Answers whoever waits, ends the streams, closes the server, within twice `shutdownTimeout`: for the reason why the
   * session ends, or because it lives on without. Never rejects. `error` is what ended it.
   */
  async end(reason: EndReason | 'parked', error?: unknown): Promise<void> {
    this.#ended = true;
    const { clock, shutdownTimeout } = this.#host.options;
    if (reason === 'lifetime' && !this.#hurried && this.transport.awaitedCalls > 0) {
      this.transport.closeStandalone();
      await atMost(clock, shutdownTimeout, new Promise<void>((resolve) => (this.#onQuiet = resolve)));
    }
    const opening = this.#opening;
    this.#opening = undefined;
    this.#attempt('An answer could not be written', () => {
      if (opening === undefined) return;
      const refusal = refusalAtEnd(reason, error);
      opening.operation?.end(opening.exchange.closed ? CLIENT_GONE : refusedAs(refusal));
      refuse(opening.exchange, refusal, opening.id, causeOf(error));
    });
    const lastWord = withDetail(reason === 'parked' ? SET_ASIDE : `Session ended: ${reason}`, causeOf(error));
    this.#attempt('The streams could not be ended', () => this.transport.shut(lastWord, outcomeOf(reason)));
    // The server hears of it, and its handlers abort, before it is closed: what `close` does is the embedder's.
    const told = this.transport.close().catch((error: unknown) => {
      this.#warn('session.closeFailed', 'The server threw when told of its end', error);
    });
    const parks = reason === 'parked';
    const forgotten = parks ? undefined : this.transport.forget().catch((error: unknown) => this.storeFailed(error));
    await Promise.all([told, this.#server.close(parks), forgotten]);
  }

  // --- what the answer of the initialize tells

  opened(result: Result): Hold | undefined | Promise<Hold | undefined> {
    const { memory } = this;
    const said = this.#said;
    this.#said = undefined;
    if (memory === undefined || said === undefined || this.#ended) return this.#opened(result);
    return memory.create(said.params ?? {}, result).then((refusal) => {
      if (refusal === undefined) return this.#opened(result);
      const opening = this.#opening;
      this.#opening = undefined;
      opening?.operation?.end(refusedAs(refusal));
      if (opening !== undefined) refuse(opening.exchange, refusal, opening.id);
      this.#end('closed');
      return undefined;
    });
  }

  #opened(result: Result): Hold | undefined {
    this.checkLease();
    const opening = this.#opening;
    if (opening === undefined || this.#ended) return undefined;
    if (!this.#session.opened(result)) {
      // It has ended, or somebody who has its actor sent that what only we send. Whoever waits is answered either way.
      this.#end('crashed', new Error('The session was not to be opened when its initialize was answered'));
      return undefined;
    }
    this.#opening = undefined;
    return this.hold(opening.exchange);
  }

  refused(): void {
    this.#opening = undefined;
    this.#end('closed');
  }

  // --- what the transport tells

  quiet(): void {
    this.#onQuiet?.();
    if (!this.#ended) this.#session.quiet();
  }

  failed(error: unknown, reason: EndReason = 'crashed'): void {
    if (this.#ended) this.#warn('server.failed', 'The server failed after its session had ended', error);
    else this.#end(reason, error);
  }

  get surroundings(): Surroundings {
    return this.#session.surroundings;
  }

  closed(): void {
    this.hurry(); // nobody is left who could answer
    this.#end('closed');
  }

  storeFailed(error: unknown): void {
    this.#warn('store.failed', 'The event store failed; a stream goes on without it', error);
  }

  // --- within

  #end(reason: EndReason, error?: unknown): void {
    if (this.#ended) return;
    if (this.#session.state === 'restoring') this.#session.drop(error ?? new Error(LEFT_EARLY));
    else void this.#session.terminate(reason, error);
  }

  #attempt(message: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#warn('session.closeFailed', message, error);
    }
  }

  #warn(event: LogEntry['event'], message: string, error: unknown): void {
    this.#host.log({ level: 'warn', event, message, sessionId: this.#session.id, error });
  }
}

/** How what is cut short by the end of an incarnation ends for those who observe. */
function outcomeOf(reason: EndReason | 'parked'): OperationOutcome {
  return reason === 'drained' ? 'drained' : 'sessionEnded';
}

/** What an initialize is answered whose session has ended for this reason. */
function refusalAtEnd(reason: EndReason | 'parked', error: unknown): RefusalName {
  const refusal = refusalOf(error);
  return refusal === 'serverFailed' ? (REFUSAL_AT_END[reason] ?? 'endedEarly') : refusal;
}

/** What a client is told of what ended its session. */
function causeOf(error: unknown): string | undefined {
  return isCoded(error, 'SERVER_ENDED') ? error.message : undefined;
}
