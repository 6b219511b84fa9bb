/**
 * One stream of messages to the client: the answer of a POST, or a GET stream of the session. It has one connection at
 * most, and with an event log it outlives its connections: what is sent while nobody listens is replayed on resumption.
 * With a log, everything on the stream happens in one queue (store, replay, end), which is what makes delivery
 * happen in order and exactly once. A log that fails is given up for good: what waits for it goes out at once, in order.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { nextTurn } from '../clock.ts';
import { textOf } from '../protocol/messageText.ts';
import type { EventLog } from '../stores/eventLog.ts';
import type { Connection } from './connection.ts';
import { messageFrame, primingFrame, retryFrame } from './sse.ts';
import type { SessionMemory } from './transportOptions.ts';

export interface MessageStreamOptions {
  /** Names the stream within its session; part of its event ids. */
  readonly id: string;
  readonly log: EventLog | undefined;
  /** When a client that is sent away is to come back, in ms; undefined where it takes no block without data. */
  readonly retry: number | undefined;
  /** Bytes that may wait for the store, or one message; beyond it the stream goes on without the store. */
  readonly maxBuffer: number;
  /** Where the session may be another process's by now, what waits for the store is not for this client any more. */
  readonly memory?: Pick<SessionMemory, 'mayWrite'> | undefined;
  /** The store failed. The stream goes on without it: no more event ids, nothing to resume from. */
  readonly onStoreFailure: (error: unknown) => void;
}

/** What waits for the store. */
interface Step {
  readonly bytes: number;
  /** Resolves to what is to be done when the store is through with it. */
  store(log: EventLog): Promise<() => void>;
  /** What is to be done instead once the log is given up, its own store operation included. */
  without(): void;
}

const NOTHING = () => {};

export class MessageStream {
  readonly id: string;
  readonly #options: MessageStreamOptions;
  #log: EventLog | undefined;
  #connection: Connection | undefined;
  /** The first one is with the store. Without a log there is none. */
  #steps: Step[] | undefined;
  /** Without those of the first step. */
  #waitingBytes = 0;
  #quietListeners: (() => void)[] | undefined;
  #judging = false;
  #identified = false;

  constructor(options: MessageStreamOptions) {
    this.id = options.id;
    this.#options = options;
    this.#log = options.log;
  }

  /** Somebody listens. */
  get connected(): boolean {
    return this.#connection !== undefined && !this.#connection.closed;
  }

  /** Somebody was there, and takes nothing any more. */
  get stalled(): boolean {
    return this.#connection?.stalled ?? false;
  }

  /** What is sent can be replayed later. */
  get resumable(): boolean {
    return this.#log !== undefined;
  }

  /** An event id was sent: there is something to resume from. */
  get identified(): boolean {
    return this.#identified;
  }

  /** The log is not through with all that was sent so far. */
  get busy(): boolean {
    return this.#steps !== undefined;
  }

  /** Gives the stream a connection; one that it has is ended. */
  connect(connection: Connection): void {
    this.#connection?.end();
    this.#connection = connection;
  }

  /** Lets go of a connection that has ended, and of the exchange that comes with it. */
  release(connection: Connection): void {
    if (this.#connection === connection) this.#connection = undefined;
  }

  /**
   * Lets the client resume before the first message. Calls `otherwise` where nobody will be able to: without a log, at
   * once, and else when the log is given up.
   */
  prime(otherwise: () => void = NOTHING): void {
    this.#enqueue({
      bytes: 0,
      store: async (log) => {
        const eventId = await log.append(this.id);
        return () => {
          this.#identified ||= this.connected;
          this.#connection?.write(primingFrame(eventId));
        };
      },
      without: otherwise,
    });
  }

  /** Sends a message to whoever listens; with a log, also to whoever will. */
  send(message: JSONRPCMessage): void {
    const json = textOf(message);
    if (this.#log === undefined) return this.#connection?.write(messageFrame(json));
    this.#deliver(json, (frame) => this.#connection?.write(frame));
  }

  /** Sends the last message, and ends the connection. */
  finish(message?: JSONRPCMessage): void {
    if (message === undefined) return this.#endWith(undefined);
    const json = textOf(message);
    const end = (frame: string) => this.#connection?.end(frame);
    if (this.#log === undefined) end(messageFrame(json));
    else this.#deliver(json, end, 'error' in message);
  }

  /** Ends the connection, and says when to come back: the stream has no end of its own. */
  dismiss(): void {
    this.#endWith(this.#farewell);
  }

  #endWith(frame: string | undefined): void {
    const end = () => this.#connection?.end(frame);
    if (this.#log === undefined) end();
    else this.#enqueue({ bytes: 0, store: async () => end, without: end });
  }

  /** What a client is told before it is sent away; nothing where it would stumble over that. */
  get #farewell(): string | undefined {
    const { retry } = this.#options;
    return retry === undefined ? undefined : retryFrame(retry);
  }

  /** Ends the connection, not the stream: the client is to come back. Does nothing where it could not resume. */
  disconnect(): void {
    const connection = this.#connection;
    // In the queue, so that the priming event is out: without it the client could not come back.
    this.#enqueue({
      bytes: 0,
      store: async () => () => connection?.end(this.#farewell),
      without: NOTHING,
    });
  }

  /**
   * Sends a new connection what came after an event, and makes it the stream's, unless its client has left meanwhile.
   * Resolves to whether the event is known. With `primes`, a client that nothing is replayed to gets the event's id
   * again: some know on each connection only what came on it, and could not resume from this one. `replayed` is told
   * what is.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`
   */
  resume(
    eventId: string,
    connection: Connection,
    primes: boolean,
    replayed?: (message: JSONRPCMessage) => void,
  ): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.#log === undefined) return resolve(false);
      const replay = async (log: EventLog): Promise<() => void> => {
        try {
          let count = 0;
          const known = await log.replayAfter(eventId, (message, id) => {
            count++;
            replayed?.(message);
            connection.write(messageFrame(JSON.stringify(message), id));
          });
          return () => {
            this.#identified ||= known;
            if (known && !connection.gone) this.connect(connection);
            if (known && primes && count === 0) connection.write(primingFrame(eventId));
            resolve(known);
          };
        } catch (error) {
          return () => reject(error); // nothing of the stream is lost by it
        }
      };
      // What the store still replays then goes nowhere.
      const without = () => {
        connection.abandon();
        resolve(false);
      };
      this.#enqueue({ bytes: 0, store: replay, without });
    });
  }

  /** Does without the log from now on: there will be nobody who could resume. What waits for the store goes out now. */
  detach(): void {
    for (const step of this.#leaveLog()) step.without();
  }

  /** Resolves when the store is through with all that was sent so far, or given up. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#steps === undefined) resolve();
      else this.#enqueue({ bytes: 0, store: async () => resolve, without: resolve });
    });
  }

  /** Calls the listener once, when the log is through with all, what is asked of it meanwhile included, or given up. */
  onQuiet(listener: () => void): void {
    if (this.#steps === undefined) return listener();
    this.#quietListeners ??= [];
    this.#quietListeners.push(listener);
  }

  /** Stores a message and delivers it; where the session has moved on meanwhile, only that this was all. */
  #deliver(json: string, deliver: (frame: string) => void, isError = false): void {
    const deliverHere = (frame: string) => {
      if (!isError && this.#options.memory?.mayWrite === false) this.#connection?.end();
      else deliver(frame);
    };
    this.#enqueue({
      bytes: Buffer.byteLength(json),
      store: async (log) => {
        // The text is what is sent: whoever made the message may change it while it waits, or while it is stored.
        const eventId = await log.append(this.id, JSON.parse(json));
        return () => {
          this.#identified ||= this.connected;
          deliverHere(messageFrame(json, eventId));
        };
      },
      without: () => deliverHere(messageFrame(json)),
    });
  }

  #enqueue(step: Step): void {
    if (this.#log === undefined) return step.without();
    if (this.#steps === undefined) {
      this.#steps = [step];
      void this.#work(this.#log, this.#steps);
      return;
    }
    this.#steps.push(step);
    this.#waitingBytes += step.bytes;
    if (this.#waitingBytes > this.#options.maxBuffer) this.#judgeSoon();
  }

  async #work(log: EventLog, steps: Step[]): Promise<void> {
    for (let step = steps[0]; step !== undefined; step = steps[0]) {
      try {
        const done = await step.store(log);
        if (this.#steps !== steps) return; // given up meanwhile
        steps.shift();
        this.#waitingBytes -= steps[0]?.bytes ?? 0;
        done();
      } catch (error) {
        return this.#giveUp(error);
      }
    }
    this.#beQuiet();
  }

  #beQuiet(): void {
    this.#steps = undefined;
    const listeners = this.#quietListeners;
    this.#quietListeners = undefined;
    for (const listener of listeners ?? []) listener();
  }

  /** What is sent within one turn of the event loop waits however quick the store is: the next turn tells. */
  #judgeSoon(): void {
    if (this.#judging) return;
    this.#judging = true;
    nextTurn(() => {
      this.#judging = false;
      const { maxBuffer } = this.#options;
      const messages = (this.#steps ?? []).slice(1).filter(({ bytes }) => bytes > 0);
      if (this.#waitingBytes <= maxBuffer || messages.length < 2) return;
      this.#giveUp(new Error(`More than ${maxBuffer} bytes wait for the event store`));
    });
  }

  #giveUp(error: unknown): void {
    if (this.#log === undefined) return;
    const steps = this.#leaveLog();
    for (const step of steps) step.without();
    this.#options.onStoreFailure(error); // last: whoever is told may end the session
  }

  /** Returns what waited for it. */
  #leaveLog(): Step[] {
    const steps = this.#steps ?? [];
    this.#log = undefined;
    this.#waitingBytes = 0;
    this.#beQuiet();
    return steps;
  }
}
