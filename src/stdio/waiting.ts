/** What the client says while there is no process to say it to: it waits for the next one, bounded in number, size and time. */
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../clock.ts';
import { isRequest } from '../protocol/messages.ts';
import { textOf } from '../protocol/messageText.ts';

/** How many messages wait, and how much of them, in characters. */
const MOST = 256;
const MOST_TEXT = 8 * 1024 * 1024;

interface Waiter {
  readonly message: JSONRPCMessage;
  readonly length: number;
  readonly timer: unknown;
}

export class Waiting {
  readonly #clock: Clock;
  /** How long a request waits, in ms. */
  readonly #patience: number;
  readonly #refuse: (request: JSONRPCRequest, why: string) => void;
  readonly #waiters: Waiter[] = [];
  #text = 0;

  constructor(clock: Clock, patience: number, refuse: (request: JSONRPCRequest, why: string) => void) {
    this.#clock = clock;
    this.#patience = patience;
    this.#refuse = refuse;
  }

  /** Has a message wait. A request that can't, or waited for too long, is refused. */
  add(message: JSONRPCMessage): void {
    const { length } = textOf(message);
    if (this.#waiters.length >= MOST || this.#text + length > MOST_TEXT) return this.#lose(message, TOO_MUCH);
    const timer = this.#clock.setTimeout(() => {
      this.#take(waiter);
      this.#lose(message, TOO_LONG);
    }, this.#patience);
    const waiter: Waiter = { message, length, timer };
    this.#waiters.push(waiter);
    this.#text += length;
  }

  /** Takes back a request, which its client does not want any more. Returns whether it waited. */
  withdraw(id: RequestId): boolean {
    const waiter = this.#waiters.find(({ message }) => isRequest(message) && message.id === id);
    if (waiter !== undefined) this.#take(waiter);
    return waiter !== undefined;
  }

  /** All that waits, in order; then nothing does. */
  release(): JSONRPCMessage[] {
    const released = this.#waiters.map(({ message }) => message);
    this.clear();
    return released;
  }

  clear(): void {
    for (const waiter of [...this.#waiters]) this.#take(waiter);
  }

  #take(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter);
    if (index === -1) return;
    this.#waiters.splice(index, 1);
    this.#text -= waiter.length;
    this.#clock.clearTimeout(waiter.timer);
  }

  #lose(message: JSONRPCMessage, why: string): void {
    if (isRequest(message)) this.#refuse(message, why);
  }
}

const TOO_MUCH = 'Too much waits for the server, which is being started again';
const TOO_LONG = 'The server is being started again, which takes long';
