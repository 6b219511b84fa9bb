/**
 * The requests of one session's client that its server has not answered: under which id the server knows each, who still
 * waits for it, and how many handlers run. The client's ids are the client's: it may use one again as soon as it does
 * not wait for its answer any more, while the handler of the first call may run on. So the server is given another id
 * for the second call, an alias (and one for its progress token), and neither call hears anything of the other.
 */
import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../clock.ts';
import { isObject, progressTokenOf } from '../protocol/messages.ts';
import { translated, withId, withParams } from '../protocol/messageText.ts';
import type { Answer } from './answer.ts';
import type { Note } from './notes.ts';
import type { OpenOperation } from './operations.ts';

/** Calls of one session whose handlers may run at a time, whoever waits for them. */
const MAX_RUNNING = 4_096;

/** How long the handler of a cancelled call is taken to run on, in ms: it was told to end, and tells nobody when it has. */
const CANCELLED_RUNS = 60_000;

/** What aliases begin with. */
const ALIAS = 'mcp-session-supervisor/';

/** A call that its server has not answered. */
export interface Call {
  /** The client's id of it. */
  readonly id: RequestId;
  /** The server's; also what distinguishes it. */
  readonly alias: RequestId;
  readonly answer: Answer;
  /** Its progress token, as the client knows it, and as the server does. */
  readonly token: RequestId | undefined;
  readonly tokenAlias: RequestId | undefined;
  /** Somebody waits for the answer, or may come back for it. */
  awaited: boolean;
  /** Its client has used its id again since: by that it now means another call. */
  renamed: boolean;
  /** What has to be remembered when it is granted. */
  readonly note: Note | undefined;
  /** It is observed. */
  readonly operation: OpenOperation | undefined;
}

/** What is remembered of a cancelled call: until when, and the token under which its handler may still tell of progress. */
interface Cancelled {
  readonly until: number;
  readonly tokenAlias: RequestId | undefined;
}

export class Calls {
  /** How many of them somebody waits for. */
  awaited = 0;

  readonly #clock: Clock;
  /** By the server's id. */
  readonly #running = new Map<RequestId, Call>();
  /** Those with an alias that the client still means by their id, by that. */
  #aliased: Map<RequestId, Call> | undefined;
  /** Calls with an alias for their progress token, by that. */
  #tokens: Map<RequestId, Call> | undefined;
  /** Progress tokens, as the server knows them, of calls that nobody waits for. */
  #silenced: Set<RequestId> | undefined;
  /** By the server's id, oldest first. */
  #cancelled: Map<RequestId, Cancelled> | undefined;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** None of them runs; those that were cancelled have been told to end. */
  get empty(): boolean {
    return this.#running.size === 0;
  }

  /** How many of them have no answer, whoever waits for them. */
  get unanswered(): number {
    return this.#running.size;
  }

  /** Whether so many more handlers may run. Forgets the cancelled calls whose time is up. */
  hasRoomFor(more: number): boolean {
    return more === 0 || this.#running.size + this.#stillCancelled + more <= MAX_RUNNING;
  }

  /** Whether the client, which is there, waits for the answer of a request with this id. */
  isAwaited(id: RequestId): boolean {
    const call = this.named(id);
    return call?.awaited === true && call.answer.connected;
  }

  /** The calls that an answer is still to be given to. */
  *of(answer: Answer): Iterable<Call> {
    for (const id of answer.pending) {
      const call = this.named(id);
      if (call?.answer === answer) yield call;
    }
  }

  /** The call that the client means by this id: the last one that it made under it. */
  named(id: RequestId): Call | undefined {
    const call = this.#aliased?.get(id) ?? this.#running.get(id);
    return call?.id === id && !call.renamed ? call : undefined;
  }

  /** Takes a call in, and calls nobody; `note` is what to remember when it is granted. Returns what its server is to see. */
  add(request: JSONRPCRequest, answer: Answer, note?: Note, operation?: OpenOperation): JSONRPCRequest {
    const { id } = request;
    const token = progressTokenOf(request.params);
    const alias = this.#running.has(id) || this.#cancelled?.has(id) ? this.#newAlias() : id;
    const tokenAlias = token !== undefined && this.#silenced?.has(token) ? this.#newAlias() : token;
    const call: Call = { id, alias, answer, token, tokenAlias, awaited: true, renamed: false, note, operation };
    // Or another that went by this id, under an alias, was left and runs on: it is not what the id means any more.
    if (alias !== id || this.#aliased?.has(id)) {
      const before = this.named(id);
      if (before !== undefined) before.renamed = true;
      this.#aliased ??= new Map();
      this.#aliased.set(id, call);
    }
    this.#running.set(alias, call);
    this.awaited++;
    if (tokenAlias === token || tokenAlias === undefined) return withId(request, alias);
    this.#tokens ??= new Map();
    this.#tokens.set(tokenAlias, call);
    const params = { ...request.params, _meta: { ...request.params?._meta, progressToken: tokenAlias } };
    return translated({ ...request, id: alias, params }, request);
  }

  /** The call that the server knows by this id. */
  find(alias: RequestId): Call | undefined {
    return this.#running.get(alias);
  }

  /** The call is over: it was answered. */
  delete(call: Call): void {
    if (!this.#running.delete(call.alias)) return;
    this.#leave(call);
    if (this.#aliased?.get(call.id) === call) this.#aliased.delete(call.id);
    if (call.tokenAlias === undefined) return;
    this.#silenced?.delete(call.tokenAlias);
    this.#tokens?.delete(call.tokenAlias);
  }

  /** The call is over for its client, which has cancelled it; its handler runs on for a while. */
  cancel(call: Call): void {
    this.delete(call);
    this.#silence(call.tokenAlias);
    this.#cancelled ??= new Map();
    this.#cancelled.set(call.alias, { until: this.#clock.now() + CANCELLED_RUNS, tokenAlias: call.tokenAlias });
  }

  /** Nobody waits for the call any more, which runs on. */
  abandon(call: Call): void {
    if (!call.awaited || this.#running.get(call.alias) !== call) return;
    this.#leave(call);
    this.#silence(call.tokenAlias);
  }

  /** Its client has come back for a call that nobody waited for. */
  resume(call: Call): void {
    if (call.awaited || this.#running.get(call.alias) !== call) return;
    call.awaited = true;
    this.awaited++;
    if (call.tokenAlias !== undefined) this.#silenced?.delete(call.tokenAlias);
  }

  /** All that are not answered. */
  [Symbol.iterator](): IterableIterator<Call> {
    return this.#running.values();
  }

  /**
   * A message of the server as its client is to see it; undefined where it is for a call that nobody waits for. That
   * concerns progress alone, which names its call by a token.
   */
  translate(message: JSONRPCMessage): JSONRPCMessage | undefined {
    if (this.#silenced === undefined || !('method' in message) || message.method !== 'notifications/progress')
      return message;
    const token = isObject(message.params) ? (message.params['progressToken'] as RequestId) : undefined;
    if (token === undefined) return message;
    if (this.#silenced.has(token)) return undefined;
    const call = this.#tokens?.get(token);
    if (call === undefined) return message;
    return withParams(message as JSONRPCNotification, { progressToken: call.token });
  }

  #leave(call: Call): void {
    if (!call.awaited) return;
    call.awaited = false;
    this.awaited--;
  }

  #silence(token: RequestId | undefined): void {
    if (token === undefined) return;
    this.#silenced ??= new Set();
    this.#silenced.add(token);
  }

  #newAlias(): RequestId {
    for (;;) {
      const alias = `${ALIAS}${++this.#count}`;
      if (!this.#running.has(alias) && !this.#cancelled?.has(alias)) return alias;
    }
  }

  /** Cancelled calls whose handlers are still taken to run. */
  get #stillCancelled(): number {
    if (this.#cancelled === undefined) return 0;
    const now = this.#clock.now();
    for (const [alias, { until, tokenAlias }] of this.#cancelled) {
      if (until > now) break;
      this.#cancelled.delete(alias);
      if (tokenAlias !== undefined) this.#silenced?.delete(tokenAlias);
    }
    return this.#cancelled.size;
  }
}

/** Settles calls whose session has ended before they were taken in. */
export function settleAll(
  answer: Answer,
  ids: readonly RequestId[],
  message: string,
  operations: ReadonlyMap<unknown, OpenOperation> | undefined,
): void {
  for (const operation of operations?.values() ?? []) operation.end({ outcome: 'sessionEnded' });
  for (const id of ids) answer.settle(id, { jsonrpc: '2.0', id, error: { code: -32000, message } });
}
