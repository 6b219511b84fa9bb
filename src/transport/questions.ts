/**
 * What a server asks its client, under which ids, and what of it is open. A later incarnation of a session has a new
 * server, which numbers its requests from the start again. So the client is given ids that name the epoch, and what it
 * says of a request that another incarnation made reaches nobody: it would answer another question, of the same number.
 */
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { isCancellation, isObject, isRequest, isResponse, progressTokenOf } from '../protocol/messages.ts';
import { withId, withParams } from '../protocol/messageText.ts';
import type { IncarnationNumber } from './transportOptions.ts';

/** Requests with a progress token of the author's own that are remembered, so that progress of them gets through. */
const MAX_TOKENS = 256;

/** More open questions than these are not told apart. */
const MAX_OPEN = 10_000;

/** What an id looks like that names an epoch. */
const NAMED = /^\d+\./;

export class Questions {
  readonly #prefix: string;
  readonly #first: boolean;
  /** Progress tokens that are not the ids of their requests, which the SDKs make them, by those. */
  readonly #tokens = new Map<RequestId, RequestId>();
  /** The server's ids of what its client has not answered. */
  readonly #open = new Set<RequestId>();

  /** The first incarnation's server needs no other ids; but for those that could be taken for a later one's. */
  constructor({ epoch, first }: IncarnationNumber) {
    this.#prefix = `${epoch}.`;
    this.#first = first;
  }

  /** Nothing is open: it makes no difference to the client whether the server lives. */
  get none(): boolean {
    return this.#open.size === 0;
  }

  /** A message of the server as its client is to see it. */
  asked(message: JSONRPCMessage): JSONRPCMessage {
    if (isRequest(message)) return this.#request(message);
    if (!isCancellation(message)) return message;
    const requestId = message.params?.['requestId'] as RequestId | undefined;
    if (requestId === undefined) return message;
    this.#over(requestId);
    return withParams(message, { requestId: this.#name(requestId) });
  }

  /** A request found no way to the client. */
  unsent({ id }: JSONRPCRequest): void {
    this.#over(id);
  }

  /** A message of the client as its server is to see it; undefined where it is about what another incarnation asked. */
  heard(message: JSONRPCMessage): JSONRPCMessage | undefined {
    if (isResponse(message)) {
      if (message.id === undefined) return message; // an error that is about no request
      const id = this.#own(message.id);
      if (id === undefined) return undefined;
      this.#over(id);
      return withId(message, id);
    }
    if (message.method !== 'notifications/progress' || !isObject(message.params)) return message;
    const token: unknown = message.params['progressToken'];
    const id = this.#own(token);
    if (id !== undefined) return id === token ? message : withParams(message, { progressToken: id });
    return [...this.#tokens.values()].includes(token as RequestId) ? message : undefined;
  }

  #over(id: RequestId): void {
    this.#open.delete(id);
    this.#tokens.delete(id);
  }

  #request(message: JSONRPCRequest): JSONRPCMessage {
    if (this.#open.size < MAX_OPEN) this.#open.add(message.id);
    const name = this.#name(message.id);
    const progressToken = progressTokenOf(message.params);
    if (name === message.id && progressToken === undefined) return message;
    const named = withId(message, name);
    if (progressToken === undefined) return named;
    if (progressToken === message.id) {
      return withParams(named, { _meta: { ...message.params?._meta, progressToken: named.id } });
    }
    this.#tokens.set(message.id, progressToken);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > MAX_TOKENS && oldest !== undefined) this.#tokens.delete(oldest);
    return named;
  }

  /** The client's name of a request: the epoch, and the server's id as JSON, which tells `1` from `"1"`. */
  #name(id: RequestId): RequestId {
    const isPlain = this.#first && !(typeof id === 'string' && NAMED.test(id));
    return isPlain ? id : this.#prefix + JSON.stringify(id);
  }

  /** The server's id of a request of this incarnation, by the client's name of it. */
  #own(name: unknown): RequestId | undefined {
    if (this.#first && (typeof name === 'number' || (typeof name === 'string' && !NAMED.test(name)))) return name;
    if (typeof name !== 'string' || !name.startsWith(this.#prefix)) return undefined;
    try {
      const id: unknown = JSON.parse(name.slice(this.#prefix.length));
      const isId = typeof id === 'string' || typeof id === 'number';
      return isId && this.#name(id) === name ? id : undefined;
    } catch {
      return undefined;
    }
  }
}
