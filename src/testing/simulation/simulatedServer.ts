/**
 * The MCP server of one session in a simulation: it does what its client's plan says, and waits wherever the plan wants
 * it to. It speaks to its transport directly, without an SDK.
 */
import type { ConnectableServer, ServerWithCleanup, SessionContext } from '../../index.ts';
import type { AwaitPoints } from './awaitPoints.ts';
import type { Place } from './places.ts';

/** What waits at an await point, as bits. */
export const HOLD = {
  factory: 1,
  connect: 2,
  answer: 4,
  body: 8,
  reader: 16,
  close: 32,
  cleanup: 64,
  store: 128,
} as const;

/** A JSON-RPC message, as far as a simulation looks at it. */
export interface WireMessage {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: {
    readonly token?: string;
    readonly how?: number;
    readonly requestId?: string | number;
    readonly tokens?: readonly string[];
    readonly protocolVersion?: string;
    readonly uri?: string;
  };
  readonly result?: { readonly token?: string };
  readonly error?: { readonly code: number; readonly message: string };
}

interface WireTransport {
  onmessage?: ((message: WireMessage, extra?: MessageExtra) => void) | undefined;
  onclose?: (() => void) | undefined;
  start(): Promise<void>;
  send(message: object, options?: { relatedRequestId: string | number }): Promise<void>;
  close(): Promise<void>;
}

interface MessageExtra {
  readonly closeSSEStream?: () => void;
  readonly closeStandaloneSSEStream?: () => void;
}

/** A call that the server has not answered yet. */
export interface ServedCall {
  readonly id: string | number;
  /** What its answer says. */
  readonly token: string;
  readonly extra: MessageExtra | undefined;
}

/** What a server needs of the simulation. */
export interface ServerWorld {
  readonly now: number;
  readonly points: AwaitPoints;
  /** Something happened that the trace shows. */
  note(text: string): void;
  /** A text that has not been used. */
  token(): string;
  /** A client has an exchange open for the answer of this call, and reads. */
  isWaitedFor(token: string): boolean;
  /** The embedder's code is called. Returns what it returns, where it does what it should not. */
  called(place: Place, sessionId: string): unknown;
}

/** What a call can do besides being answered. */
export type CallManner = 'answers' | 'answersTwice' | 'throws' | 'closes' | 'tells';
export const CALL_MANNERS: readonly CallManner[] = ['answers', 'answersTwice', 'tells', 'throws', 'closes'];

export class SimulatedServer implements ConnectableServer {
  readonly name: string;
  /** The number of its client. */
  readonly client: number;
  readonly context: SessionContext;
  readonly holds: number;
  /** Calls that it has not answered, by their tokens. */
  readonly calls = new Map<string, ServedCall>();
  /** By the id that clients give, the token of the last call that they gave it to. */
  readonly latest = new Map<string | number, string>();
  /** Tokens of calls that it answers twice: the second answer goes to whoever has the id by then. */
  readonly twice = new Set<string>();
  /** What it heard that was meant for another call; undefined when there was nothing of the kind. */
  misled: string | undefined;
  /** Tokens of the messages that belong to no call, in the order in which they were sent. */
  readonly pushed: string[] = [];
  /** Tokens of the messages that belong to a call, by the token of the call. */
  readonly told = new Map<string, string[]>();
  /** Tokens of the calls that it has answered. */
  readonly answered = new Set<string>();
  /** Ids of its requests to the client that are not answered. */
  readonly asked = new Set<string | number>();
  /** Requests that reached it after the initialize. */
  requests = 0;
  signal: AbortSignal | undefined;
  /** The factory has returned it. */
  built = false;
  /** How often each happened. */
  connects = 0;
  closes = 0;
  cleanups = 0;
  ends = 0;
  /** Its `connect` has not settled. */
  connecting = false;
  /** It was closed while it was being connected. */
  closedEarly = false;
  /** It is being closed or cleaned up after. */
  closing = false;
  /** The factory or `connect` is at work. */
  starting = false;
  /** When it heard of its end. */
  closedAt = Number.NaN;
  /** Calls that it had not answered when it heard of its end, though their clients were there. */
  cut = 0;
  /** It threw, or failed to start. */
  failed = false;
  /** It closed its connection by itself. */
  left = false;
  /** It refused the initialize. */
  refused = false;
  #transport: WireTransport | undefined;
  readonly #world: ServerWorld;

  constructor(name: string, client: number, context: SessionContext, holds: number, world: ServerWorld) {
    this.name = name;
    this.client = client;
    this.context = context;
    this.holds = holds;
    this.#world = world;
    if (client % 2 === 0) this.signal = context.signal; // some factories ask for it at once, others too late
  }

  /** What the factory returns, when the plan lets it. */
  build(): Promise<ServerWithCleanup> {
    this.starting = true;
    const made = async () => {
      await this.#hold('factory');
      return { server: this, cleanup: (id: string | undefined) => this.#cleanUp(id) };
    };
    return this.#does('the factory', made, (failed) => {
      this.starting = false;
      this.built = !failed;
      this.failed ||= failed;
    });
  }

  connect(transport: WireTransport): Promise<void> {
    this.connects++;
    this.connecting = true;
    this.starting = true;
    this.#transport = transport;
    transport.onclose = () => {
      this.ends++;
      this.#cutCalls();
      this.calls.clear();
      this.asked.clear();
    };
    transport.onmessage = (message, extra) => this.#take(message, extra);
    const connected = async () => {
      await transport.start();
      await this.#hold('connect');
    };
    return this.#does('connect', connected, (failed) => {
      this.connecting = false;
      this.starting = false;
      this.failed ||= failed;
    });
  }

  /** Like the SDK's servers, it closes its transport; the plan may have it take its time, or fail. */
  close(): Promise<void> {
    this.closes++;
    this.closedEarly ||= this.connecting;
    this.closing = true;
    this.#cutCalls();
    this.#world.note(`${this.name} is closed`);
    const closed = async () => {
      await this.#transport?.close();
      await this.#hold('close');
    };
    return this.#does('close', closed, () => {
      this.closing = false;
    });
  }

  #cleanUp(id: string | undefined): Promise<void> {
    this.cleanups++;
    if (id !== this.context.id) this.cleanups = Number.NaN; // not ours to clean up
    this.#world.note(`${this.name} is cleaned up after`);
    this.closing = true;
    return this.#does(
      'cleanup',
      () => this.#hold('cleanup'),
      () => {
        this.closing = false;
      },
    );
  }

  /** What the embedder's code does where it should not, or else what it is for. */
  #does<T>(place: Place, normally: () => Promise<T>, over: (failed: boolean) => void): Promise<T> {
    try {
      const done = (this.#world.called(place, this.name) as Promise<T> | undefined) ?? normally();
      done.then(
        () => over(false),
        () => over(true),
      );
      return done;
    } catch (error) {
      over(true);
      throw error;
    }
  }

  /** It has this call, and has not answered it. */
  serves(token: string): boolean {
    return this.calls.has(token);
  }

  #cutCalls(): void {
    if (!Number.isNaN(this.closedAt)) return;
    this.closedAt = this.#world.now;
    for (const token of this.calls.keys()) if (this.#world.isWaitedFor(token)) this.cut++;
  }

  /** Waits where the plan says so, and fails where the schedule does. */
  async #hold(what: keyof typeof HOLD): Promise<void> {
    if (this.holds & HOLD[what]) await this.#world.points.reach(this, this.client, `${this.name}: ${what}`, true);
  }

  // --- what the schedule has it do

  /** Closes its connection by itself. */
  leave(): void {
    this.left = true;
    void this.#transport?.close();
  }

  /** Sends a message that belongs to no call. Returns its token. */
  push(asks: boolean, padding: number): string {
    const token = this.#world.token();
    this.pushed.push(token);
    void this.#send(this.#message(token, asks, padding));
    return token;
  }

  /** Sends a message that belongs to a call. Returns its token. */
  tell(call: ServedCall, asks: boolean, padding: number): string {
    const token = this.#world.token();
    this.told.get(call.token)?.push(token);
    void this.#send(this.#message(token, asks, padding), { relatedRequestId: call.id });
    return token;
  }

  /** Closes the connection of a call, or of the GET stream, for the client to come back to. */
  disconnect(call: ServedCall | undefined, standalone: boolean): void {
    if (standalone) call?.extra?.closeStandaloneSSEStream?.();
    else call?.extra?.closeSSEStream?.();
  }

  // --- what the client sends

  #take(message: WireMessage, extra: MessageExtra | undefined): void {
    const { id, method, params } = message;
    try {
      this.#world.called('onmessage', this.name);
    } catch (error) {
      this.failed = true;
      throw error;
    }
    if (method === undefined) return void (id !== undefined && this.asked.delete(id));
    if (method === 'notifications/cancelled') return this.#cancel(params);
    if (id === undefined) return;
    if (method === 'initialize') return void this.#initialize(id, params?.protocolVersion);
    this.requests++;
    const call: ServedCall = { id, token: params?.token ?? '', extra };
    this.calls.set(call.token, call);
    this.told.set(call.token, []);
    this.latest.set(params?.requestId ?? id, call.token);
    const how = params?.how ?? 0;
    const manner = CALL_MANNERS[(how >> 8) % CALL_MANNERS.length];
    if (manner === 'throws') {
      this.failed = true;
      throw new Error('The server throws');
    }
    if (manner === 'tells') this.tell(call, false, 0);
    if (manner === 'closes') this.leave();
    else void this.#answer(call, how, manner === 'answersTwice' ? 2 : 1);
  }

  /** A call is cancelled by its id; `tokens` are those of all calls to which its client gave that, the last one is meant. */
  #cancel({ requestId, tokens = [] }: NonNullable<WireMessage['params']> = {}): void {
    const meant = [...this.told.keys()].findLast((token) => tokens.includes(token));
    for (const { id, token } of this.calls.values()) {
      if (id !== requestId) continue;
      if (token !== meant) this.misled = `call ${token} is told that call ${meant} is cancelled`;
      this.calls.delete(token);
    }
  }

  async #initialize(id: string | number, protocolVersion: string | undefined): Promise<void> {
    try {
      await this.#hold('answer');
    } catch {
      this.refused = true;
      return this.#send({ id, error: { code: -32_603, message: 'The server refuses' } });
    }
    const serverInfo = { name: this.name, version: '1.0.0' };
    await this.#send({ id, result: { protocolVersion, capabilities: {}, serverInfo } });
  }

  async #answer(call: ServedCall, how: number, times: number): Promise<void> {
    const { id, token } = call;
    let response: object = { id, result: { token } };
    if (how & HOLD.answer) {
      try {
        await this.#world.points.reach(this, this.client, `${this.name}: answer of ${token}`, true);
      } catch {
        response = { id, error: { code: -32_000, message: token } };
      }
    }
    if (!this.calls.delete(token)) return; // cancelled, or the connection is closed
    this.answered.add(token);
    if (times > 1) this.twice.add(token);
    for (let n = 0; n < times; n++) await this.#send(response);
  }

  #message(token: string, asks: boolean, padding: number): object {
    const params = { token, padding: 'x'.repeat(padding) };
    if (!asks) return { method: 'notifications/message', params };
    this.asked.add(token);
    return { id: token, method: 'sampling/createMessage', params };
  }

  /** A message that nobody can get any more is lost, as with the SDK's servers. */
  async #send(message: object, options?: { relatedRequestId: string | number }): Promise<void> {
    try {
      await this.#transport?.send({ jsonrpc: '2.0', ...message }, options);
    } catch {
      if ('id' in message && 'method' in message) this.asked.delete(String(message.id));
    }
  }
}
