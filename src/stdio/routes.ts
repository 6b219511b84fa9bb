/**
 * Which way a message of a process goes to its client, when nothing but stdout says where it belongs. What names a call
 * goes with that call; else it goes with the one call that is in flight, or where there are several on a GET stream if
 * there is one; where there is no way at all it is held for a moment, since clients open their streams late.
 */
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../clock.ts';
import { isCancellation, isObject, isRequest } from '../protocol/messages.ts';
import { textOf } from '../protocol/messageText.ts';
import type { SessionTransport } from '../transport/sessionTransport.ts';

/** How long a message is held that has no way, in ms, and how many and how much of them, in characters. */
const HELD_FOR = 2_000;
const MOST_HELD = 64;
const MOST_HELD_TEXT = 256 * 1024;

/** Requests of a process that are remembered until they are answered, for their cancellation. */
const MOST_ASKED = 1_024;

const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/** A request of the client that the process has not answered, as far as a message can name it. */
export interface RunningCall {
  readonly progressToken: RequestId | undefined;
  readonly taskId: string | undefined;
}

/** What the routes are found by, and who is told. */
export interface RoutesOwner {
  readonly transport: Pick<SessionTransport, 'carriers' | 'listens' | 'send'>;
  readonly clock: Clock;
  /** By the id that the process knows. */
  readonly running: ReadonlyMap<RequestId, RunningCall>;
  /** The initialize that is not answered yet. */
  readonly initialize: RequestId | undefined;
  /** A request of the process can't reach the client. */
  undeliverable(request: JSONRPCRequest): void;
}

/** With a call, by the id that the process knows; or by itself. */
type Way = { readonly with: RequestId | undefined };

interface Held {
  readonly message: JSONRPCMessage;
  readonly length: number;
  readonly timer: unknown;
}

export class Routes {
  readonly #owner: RoutesOwner;
  readonly #held: Held[] = [];
  #heldText = 0;
  /** With which call a request went, by the id of the request. */
  readonly #asked = new Map<RequestId, RequestId | undefined>();

  constructor(owner: RoutesOwner) {
    this.#owner = owner;
  }

  /** Sends a message that is no response, now or as soon as there is a way. */
  send(message: JSONRPCMessage): void {
    if (isCancellation(message) && this.#withdraw(message.params?.['requestId'] as RequestId)) return;
    const way = this.#wayOf(message);
    if (way === undefined) this.#hold(message);
    else this.#go(message, way);
  }

  /** The client has answered a request of the process. */
  answered(id: RequestId): void {
    this.#asked.delete(id);
  }

  /** There may be a way for what is held. */
  flush(): void {
    for (const held of [...this.#held]) {
      const way = this.#wayOf(held.message);
      if (way === undefined) continue;
      this.#release(held);
      this.#go(held.message, way);
    }
  }

  /** Forgets all of it: the process that said it is gone. */
  clear(): void {
    for (const held of [...this.#held]) this.#release(held);
    this.#asked.clear();
  }

  #wayOf(message: JSONRPCMessage): Way | undefined {
    const { transport, initialize } = this.#owner;
    if (initialize !== undefined) return isRequest(message) ? undefined : { with: initialize };
    const named = this.#named(message);
    if (named !== undefined) return { with: named };
    const [oldest, another] = transport.carriers();
    if (oldest !== undefined && (another === undefined || !transport.listens)) return { with: oldest };
    return transport.listens ? { with: undefined } : undefined;
  }

  /** The call that a message names. */
  #named(message: JSONRPCMessage): RequestId | undefined {
    const params: unknown = 'params' in message ? message.params : undefined;
    if (!('method' in message) || !isObject(params)) return undefined;
    if (message.method === 'notifications/progress') {
      const token = params['progressToken'];
      return this.#running(({ progressToken }) => progressToken !== undefined && progressToken === token);
    }
    if (isCancellation(message)) {
      const call = this.#asked.get(params['requestId'] as RequestId);
      return call !== undefined && [...this.#owner.transport.carriers()].includes(call) ? call : undefined;
    }
    const meta = params['_meta'];
    const task = isObject(meta) ? meta[RELATED_TASK] : undefined;
    if (!isObject(task)) return undefined;
    return this.#running(({ taskId }) => taskId !== undefined && taskId === task['taskId']);
  }

  #running(matches: (call: RunningCall) => boolean): RequestId | undefined {
    for (const [id, call] of this.#owner.running) if (matches(call)) return id;
    return undefined;
  }

  #go(message: JSONRPCMessage, way: Way): void {
    if (isRequest(message) && this.#asked.size < MOST_ASKED) this.#asked.set(message.id, way.with);
    if (isCancellation(message)) this.#asked.delete(message.params?.['requestId'] as RequestId);
    const related = way.with === undefined ? {} : { relatedRequestId: way.with };
    this.#owner.transport.send(message, related).catch(() => {
      if (isRequest(message)) this.#lose(message);
    });
  }

  #hold(message: JSONRPCMessage): void {
    const { length } = textOf(message);
    if (this.#held.length >= MOST_HELD || this.#heldText + length > MOST_HELD_TEXT) return this.#lose(message);
    const timer = this.#owner.clock.setTimeout(() => {
      this.#release(held);
      this.#lose(message);
    }, HELD_FOR);
    const held: Held = { message, length, timer };
    this.#held.push(held);
    this.#heldText += length;
  }

  #release(held: Held): void {
    const index = this.#held.indexOf(held);
    if (index === -1) return;
    this.#held.splice(index, 1);
    this.#heldText -= held.length;
    this.#owner.clock.clearTimeout(held.timer);
  }

  /** Takes back a request that is still held. */
  #withdraw(id: RequestId): boolean {
    const held = this.#held.find(({ message }) => isRequest(message) && message.id === id);
    if (held !== undefined) this.#release(held);
    return held !== undefined;
  }

  /** A notification may be lost; whoever asked has to hear that nobody was asked. */
  #lose(message: JSONRPCMessage): void {
    if (!isRequest(message)) return;
    this.#asked.delete(message.id);
    this.#owner.undeliverable(message);
  }
}
