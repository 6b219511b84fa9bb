/**
 * What a server asks its client, and under which ids. A later incarnation of a session has a new server, which numbers
 * its requests from the start again. So the client is given ids that name the epoch, and what it says of a request that
 * another incarnation made reaches nobody: it would answer another question, of the same number.
 */
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { isCancellation, isObject, isRequest, isResponse, progressTokenOf, withParams } from '../protocol/messages.ts';

/** Requests with a progress token of the author's own that are remembered, so that progress of them gets through. */
const MAX_TOKENS = 256;

export class Questions {
  readonly #prefix: string;
  /** Progress tokens that are not the ids of their requests, which the SDKs make them, by those. */
  readonly #tokens = new Map<RequestId, RequestId>();

  /** `epoch` is that of a later incarnation; the first one's server needs no other ids. */
  constructor(epoch: number) {
    this.#prefix = `${epoch}.`;
  }

  /** A message of the server as its client is to see it. */
  asked(message: JSONRPCMessage): JSONRPCMessage {
    if (isRequest(message)) return this.#request(message);
    if (!isCancellation(message)) return message;
    const requestId = message.params?.['requestId'] as RequestId | undefined;
    if (requestId === undefined) return message;
    this.#tokens.delete(requestId);
    return withParams(message, { requestId: this.#name(requestId) });
  }

  /** A message of the client as its server is to see it; undefined where it is about what another incarnation asked. */
  heard(message: JSONRPCMessage): JSONRPCMessage | undefined {
    if (isResponse(message)) {
      if (message.id === undefined) return message; // an error that is about no request
      const id = this.#own(message.id);
      if (id === undefined) return undefined;
      this.#tokens.delete(id);
      return { ...message, id };
    }
    if (message.method !== 'notifications/progress' || !isObject(message.params)) return message;
    const token: unknown = message.params['progressToken'];
    const id = this.#own(token);
    if (id !== undefined) return withParams(message, { progressToken: id });
    return [...this.#tokens.values()].includes(token as RequestId) ? message : undefined;
  }

  #request(message: JSONRPCRequest): JSONRPCMessage {
    const named = { ...message, id: this.#name(message.id) };
    const progressToken = progressTokenOf(message.params);
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
  #name(id: RequestId): string {
    return this.#prefix + JSON.stringify(id);
  }

  /** The server's id of a request of this incarnation, by the client's name of it. */
  #own(name: unknown): RequestId | undefined {
    if (typeof name !== 'string' || !name.startsWith(this.#prefix)) return undefined;
    const json = name.slice(this.#prefix.length);
    try {
      const id: unknown = JSON.parse(json);
      const isId = typeof id === 'string' || typeof id === 'number';
      return isId && JSON.stringify(id) === json ? id : undefined;
    } catch {
      return undefined;
    }
  }
}
