/**
 * One stream of messages to the client: the answer of a POST, or the session's GET stream. It has one connection at
 * most, and with an event log it outlives its connections: what is sent while nobody listens is replayed on resumption.
 * With a log, everything on the stream happens in one queue (store, replay, end), which is what makes delivery
 * happen in order and exactly once.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { EventLog } from '../stores/eventLog.ts';
import type { Connection } from './connection.ts';
import { messageFrame, primingFrame, retryFrame } from './sse.ts';

export interface MessageStreamOptions {
  /** Names the stream within its session; part of its event ids. */
  readonly id: string;
  readonly log: EventLog | undefined;
  readonly retryInterval: number | undefined;
  /** Bytes that may wait for the store; beyond it the stream goes on without the store. */
  readonly maxBuffer: number;
  /** The store failed. The stream goes on without it: no more event ids, nothing to resume from. */
  readonly onStoreFailure: (error: unknown) => void;
}

export class MessageStream {
  readonly id: string;
  readonly #options: MessageStreamOptions;
  #log: EventLog | undefined;
  #connection: Connection | undefined;
  #queue: Promise<void> = Promise.resolve();
  #queuedBytes = 0;

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

  /** Gives the stream a connection; one that it has is ended. */
  connect(connection: Connection): void {
    if (this.#connection !== connection) this.#connection?.end();
    this.#connection = connection;
  }

  /** Lets the client resume before the first message; does nothing without a log. */
  prime(): void {
    this.#enqueue(0, async (log) => {
      const eventId = await log.append(this.id);
      this.#connection?.write(primingFrame(eventId, this.#options.retryInterval));
    });
  }

  /** Sends a message to whoever listens; with a log, also to whoever will. */
  send(message: JSONRPCMessage): void {
    const json = JSON.stringify(message);
    if (this.#log === undefined) return this.#connection?.write(messageFrame(json));
    this.#enqueue(
      json.length,
      async (log) => this.#connection?.write(await this.#stored(log, message, json)),
      () => this.#connection?.write(messageFrame(json)),
    );
  }

  /** Sends the last message, and ends the connection. */
  finish(message?: JSONRPCMessage): void {
    const json = message === undefined ? undefined : JSON.stringify(message);
    const end = (frame?: string) => this.#connection?.end(frame);
    if (this.#log === undefined) return end(json === undefined ? undefined : messageFrame(json));
    this.#enqueue(
      json?.length ?? 0,
      async (log) => end(message && json !== undefined ? await this.#stored(log, message, json) : undefined),
      () => end(json === undefined ? undefined : messageFrame(json)),
    );
  }

  /** Ends the connection, not the stream: the client is meant to come back. */
  disconnect(): void {
    const connection = this.#connection;
    const { retryInterval } = this.#options;
    if (this.#log === undefined) return connection?.end();
    // In the queue, so that the priming event is out: without it the client could not come back.
    const end = () => connection?.end(retryInterval === undefined ? undefined : retryFrame(retryInterval));
    this.#enqueue(0, async () => end(), end);
  }

  /** Looks whether the peer is still there, as far as can be seen from here. */
  probe(): void {
    this.#connection?.probe();
  }

  /**
   * Sends a new connection what came after an event, and makes it the stream's. Resolves to whether the event is known.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`
   */
  async resume(eventId: string, connection: Connection): Promise<boolean> {
    const log = this.#log;
    if (log === undefined) return false;
    const replayed = this.#queue.then(async () => {
      const known = await log.replayAfter(eventId, (message, id) =>
        connection.write(messageFrame(JSON.stringify(message), id)),
      );
      if (known) this.connect(connection);
      return known;
    });
    this.#queue = replayed.then(
      () => undefined,
      () => undefined,
    );
    return replayed;
  }

  /** Resolves when all that was sent so far is stored. */
  settled(): Promise<void> {
    return this.#queue;
  }

  async #stored(log: EventLog, message: JSONRPCMessage, json: string): Promise<string> {
    return messageFrame(json, await log.append(this.id, message));
  }

  #enqueue(bytes: number, work: (log: EventLog) => Promise<void>, without?: () => void): void {
    if (this.#log !== undefined && this.#queuedBytes + bytes > this.#options.maxBuffer && this.#queuedBytes > 0) {
      this.#fail(new Error(`More than ${this.#options.maxBuffer} bytes wait for the event store`));
    }
    this.#queuedBytes += bytes;
    this.#queue = this.#queue.then(async () => {
      this.#queuedBytes -= bytes;
      if (this.#log === undefined) return without?.();
      try {
        await work(this.#log);
      } catch (error) {
        this.#fail(error);
        without?.();
      }
    });
  }

  #fail(error: unknown): void {
    if (this.#log === undefined) return;
    this.#log = undefined;
    this.#options.onStoreFailure(error);
  }
}
