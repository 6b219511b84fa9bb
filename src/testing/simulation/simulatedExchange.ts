/** One request of a client in a simulation, and what came back so far: taken at once, or slowly. */
import type { ModernAsk } from './modernAsk.ts';
import type { Place } from './places.ts';
import { HOLD, type WireMessage } from './simulatedServer.ts';
import { SseReader } from './sseReader.ts';
import type { Wire, WireAnswer } from './wire.ts';

export type ExchangeKind = 'initialize' | 'post' | 'listen' | 'resume' | 'delete' | 'modern';

/** A JSON-RPC request that a POST carries. */
export interface ClientRequest {
  readonly id: number;
  /** What its own answer says. */
  readonly token: string;
  cancelled: boolean;
  /** It was answered with an error outside of a stream, and never was a call. */
  refused: boolean;
  /** Another request of the session has the same id. */
  repeated: boolean;
  readonly responses: WireMessage[];
}

/** A stream as its client sees it: the same over all connections by which it was resumed. */
export interface ClientStream {
  /** The session's, once the client knows it. */
  sessionId: string | undefined;
  readonly requests: readonly ClientRequest[];
  /** Tokens of the messages that came on it and are no responses, in order. */
  readonly tokens: string[];
  lastEventId: string | undefined;
  /** Its client has seen it begin, and so can have an event id to come back with. */
  begun: boolean;
  /** Its client was slow at some time: it may have been cut, and that before its client could see it. */
  wasSlow: boolean;
  /** When its last connection ended. */
  leftAt: number;
  /** The server has sent its client away, to come back. */
  sentAway: boolean;
}

/** What a request says. */
export interface ExchangeInit {
  readonly kind: ExchangeKind;
  readonly client: number;
  readonly sessionId: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly stream: ClientStream;
  /** What takes its time, as bits of `HOLD`. */
  readonly holds: number;
  /** What it asks for without a session. */
  readonly modern?: ModernAsk | undefined;
  /** It says nothing that could be accepted. */
  readonly nonsense?: boolean | undefined;
  /** It is larger than it may be. */
  readonly oversized?: boolean | undefined;
  /** The embedder's code sends it, from here. */
  readonly within?: Place | undefined;
}

/** What an exchange needs of the simulation. */
export interface ExchangeWorld {
  readonly now: number;
  /** The way on which it is sent. */
  wire(exchange: SimulatedExchange): Wire;
  /** Waits at an await point. */
  reach(exchange: SimulatedExchange, what: string): Promise<void>;
  /** Lets it go on from wherever it waits. */
  release(exchange: SimulatedExchange): void;
  /** Something happened that the trace shows. */
  note(text: string): void;
  answered(exchange: SimulatedExchange): void;
  /** A message came that is no response; or a response to a request that this stream does not carry. */
  received(exchange: SimulatedExchange, message: WireMessage): void;
  /** The last chunk of a body is about to arrive. */
  uploaded(exchange: SimulatedExchange): void;
}

/** What there is room for. */
export interface Room {
  readonly full: boolean;
  readonly principalFull: boolean;
}

/** A stream that its client has not seen yet. */
export function newStream(sessionId: string | undefined, requests: readonly ClientRequest[]): ClientStream {
  return {
    sessionId,
    requests,
    tokens: [],
    lastEventId: undefined,
    begun: false,
    wasSlow: false,
    leftAt: 0,
    sentAway: false,
  };
}

/** Tells the `principal` option which exchange it is about. */
export const NAME_HEADER = 'x-exchange';

/** How long a server may read on that has answered, in ms. */
export const LINGER_TIME = 2_000;

const METHOD = {
  initialize: 'POST',
  post: 'POST',
  listen: 'GET',
  resume: 'GET',
  delete: 'DELETE',
  modern: 'POST',
} as const;
const encoder = new TextEncoder();

export class SimulatedExchange {
  readonly name: string;
  readonly kind: ExchangeKind;
  readonly client: number;
  readonly principal: string | undefined;
  readonly sessionId: string | undefined;
  /** What it asks for without a session. */
  readonly modern: ModernAsk | undefined;
  readonly nonsense: boolean;
  readonly oversized: boolean;
  readonly stream: ClientStream;
  readonly sentAt: number;
  /** Its body is still coming. */
  uploading = false;
  /** It has arrived; its session was there and its client's to use, and the supervisor took such requests. */
  found = false;
  /** The `principal` option failed for it. */
  denied = false;
  /** It was answered while its body was still coming. */
  cutShort = false;
  /** When it was sent, no call was open that has the id of one of its requests. */
  idIsFree = false;
  /** The embedder's code sent it, from here. */
  readonly within: Place | undefined;
  status: number | undefined;
  headers: Headers = new Headers();
  /** The message of an error that it was answered with, outside of a stream. */
  error: string | undefined;
  /** The answer is a stream. */
  isStream = false;
  /** The answer is complete, and taken. */
  ended = false;
  /** Its client has gone. */
  hungUp = false;
  /** Its client takes what comes chunk by chunk, when the schedule says so. */
  slow: boolean;
  /** Its client has left it open and forgotten it. */
  abandoned = false;
  /** What the registry held when it asked for a session; undefined when that can't be told from outside. */
  admission: Room | undefined;
  readonly #init: ExchangeInit;
  readonly #world: ExchangeWorld;
  #wire: Wire | undefined;

  constructor(name: string, init: ExchangeInit, world: ExchangeWorld) {
    this.name = name;
    this.kind = init.kind;
    this.client = init.client;
    this.principal = init.headers['X-Principal'];
    this.sessionId = init.sessionId;
    this.within = init.within;
    this.#init = init;
    this.modern = init.modern;
    this.nonsense = init.nonsense === true;
    this.oversized = init.oversized === true;
    this.stream = init.stream;
    this.sentAt = world.now;
    this.slow = (init.holds & HOLD.reader) !== 0;
    if (this.slow) this.stream.wasSlow = true;
    this.#world = world;
  }

  /** Sends the request. */
  send(): void {
    const { body, headers, holds, kind } = this.#init;
    const slowly = body !== undefined && (holds & HOLD.body) !== 0;
    this.uploading = slowly;
    this.#wire = this.#world.wire(this);
    if (this.waitsForTurn) this.stream.wasSlow = true;
    if (!slowly) this.#world.uploaded(this);
    const request = { method: METHOD[kind], headers: { ...headers, [NAME_HEADER]: this.name }, body, slowly };
    void this.#wire.send(request).then((answer) => this.#take(answer));
    if (slowly) void this.#sendSlowly(encoder.encode(body));
  }

  /** Neither complete nor left by its client. */
  get open(): boolean {
    return !this.ended && !this.hungUp;
  }

  /** Its answer comes when those to the requests before it on its connection have come. */
  get waitsForTurn(): boolean {
    return this.#wire?.before.some(({ open }) => open) === true;
  }

  /** It shares its connection with others, and so their fate. */
  get pipelined(): boolean {
    return this.#wire?.shared === true;
  }

  /** Its connection has ended, without an answer. */
  get cut(): boolean {
    return this.ended && this.status === undefined;
  }

  /** It was answered while its body was still coming: a server may read on for a moment, so that its client sees that. */
  get lingers(): boolean {
    const refused = this.pipelined && (this.status ?? 0) >= 400;
    return (this.cutShort || refused) && this.#world.now <= this.stream.leftAt + LINGER_TIME;
  }

  /** It asks for the messages that belong to no call. */
  get isGetStream(): boolean {
    return this.kind === 'listen' || (this.kind === 'resume' && this.stream.requests.length === 0);
  }

  /** Its client takes whatever comes. */
  get reading(): boolean {
    return !this.slow && !this.abandoned;
  }

  /** Its client goes away: the request is aborted, its body breaks off, and nobody reads the answer. */
  hangUp(readerFirst: boolean): void {
    if (!this.open) return;
    this.hungUp = true;
    this.stream.leftAt = this.#world.now;
    this.uploading = false;
    this.#wire?.leave(readerFirst);
    this.#world.release(this);
  }

  /** Forgets the exchange without closing it, as a client does whose network is gone. */
  abandon(): void {
    this.abandoned = true;
    this.stream.wasSlow = true;
  }

  /** From now on takes whatever comes. */
  hurry(): void {
    this.slow = false;
    this.#world.release(this);
  }

  /** Nobody wants the rest of its body. */
  stopUpload(): void {
    this.uploading = false;
  }

  /** The body comes in two chunks, each when the schedule says so. */
  async #sendSlowly(bytes: Uint8Array): Promise<void> {
    const middle = bytes.length >> 1;
    await this.#world.reach(this, 'first half of the body');
    if (this.uploading) this.#wire?.upload(bytes.subarray(0, middle), false);
    await this.#world.reach(this, 'second half of the body');
    if (!this.uploading) return;
    this.uploading = false;
    this.#world.uploaded(this);
    this.#wire?.upload(bytes.subarray(middle), true);
  }

  async #take(answer: WireAnswer | undefined): Promise<void> {
    if (this.hungUp) return;
    if (answer === undefined) return this.#end();
    this.status = answer.status;
    this.cutShort = this.uploading;
    this.headers = answer.headers;
    this.isStream = answer.headers.get('content-type') === 'text/event-stream';
    if (!this.isStream) {
      const text = await answer.text();
      if (this.hungUp) return;
      if (text !== '') this.#judge(text);
      this.#end();
      return this.#world.answered(this);
    }
    this.stream.begun = true;
    this.#world.answered(this);
    await this.#read(answer);
  }

  async #read(answer: WireAnswer): Promise<void> {
    const events = new SseReader();
    for (;;) {
      if (this.slow) await this.#world.reach(this, 'reads on');
      if (this.abandoned || this.hungUp) return;
      const chunk = await answer.read();
      if (this.hungUp || this.abandoned) return;
      if (chunk === undefined) return this.#end();
      for (const { id, data } of events.take(chunk)) {
        if (id !== undefined) this.stream.lastEventId = id;
        if (data !== '') this.#message(JSON.parse(data) as WireMessage);
      }
    }
  }

  #judge(text: string): void {
    const parsed: unknown = JSON.parse(text);
    for (const message of (Array.isArray(parsed) ? parsed : [parsed]) as WireMessage[]) {
      if (this.status !== 200) this.#refused(message);
      else this.#message(message);
    }
  }

  #refused({ error }: WireMessage): void {
    this.error = error?.message;
    if (this.kind === 'post' || this.kind === 'modern')
      for (const request of this.stream.requests) request.refused = true;
  }

  #message(message: WireMessage): void {
    const request = this.stream.requests.find(({ id }) => id === message.id);
    if (message.method !== undefined || request === undefined) return this.#world.received(this, message);
    request.responses.push(message);
    const { token } = message.result ?? {};
    this.#world.note(`${this.name} ← ${message.error === undefined ? `answer ${token ?? ''}` : message.error.message}`);
  }

  #end(): void {
    this.ended = true;
    this.stream.leftAt = this.#world.now;
    if (this.isStream || this.status === undefined) this.#world.note(`${this.name} ends`);
  }
}
