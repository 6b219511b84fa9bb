/**
 * An event store in memory, bounded by events, bytes and age. On the SDK's `EventStore` contract, so it works with any
 * server; what it holds is gone with the process.
 */
import { Buffer } from 'node:buffer';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';
import type { ForgettingEventStore } from './eventLog.ts';
import { checkBounds } from './storeBounds.ts';

/**
 * Bounds of `createMemoryEventStore`. What is beyond one is dropped, oldest first, when the store is next used. So what
 * is left of a stream is always its end: a client resumes without a gap, or not at all.
 */
export interface MemoryEventStoreOptions {
  /** Events of all streams together. Default 100 000. */
  maxEvents?: number | undefined;
  /** Events of one stream; keeps a busy one from pushing the others out. Default 1 000. */
  maxEventsPerStream?: number | undefined;
  /** Bytes of all messages together, as JSON. Default 64 MiB. */
  maxBytes?: number | undefined;
  /**
   * Age of an event, in ms. Default 300 000 (5 minutes), as long as `resumeTimeout`. Does not count for the last event
   * of a stream, as long as that is no response: however long nothing was sent, it is what a client resumes from.
   */
  maxAge?: number | undefined;
  /** Time. Default: `Date.now`. */
  clock?: Pick<Clock, 'now'> | undefined;
}

/** What a memory event store holds. */
export interface MemoryEventStore extends Required<Omit<ForgettingEventStore, 'forget'>> {
  /** Drops the events of the streams whose id is `prefix` and a last part without a colon. */
  forget(prefix: string): void;
  /** How many events it holds. */
  readonly events: number;
  /** How many bytes their messages are, as JSON. */
  readonly bytes: number;
}

interface StoredEvent {
  readonly id: string;
  readonly stream: Stream;
  /** As text: what is replayed is what was stored, and its size is known. */
  readonly json: string;
  readonly bytes: number;
  storedAt: number;
  /** Nothing comes after it on its stream. */
  readonly final: boolean;
  /** Its neighbours among all events, in order of age. */
  older: StoredEvent | undefined;
  newer: StoredEvent | undefined;
  /** The event after it on its stream. */
  next: StoredEvent | undefined;
}

interface Stream {
  readonly id: string;
  /** What stands before the last colon of its id: `forget` names it. */
  readonly prefix: string;
  size: number;
  first: StoredEvent | undefined;
  last: StoredEvent | undefined;
}

/**
 * Makes an event store that holds a bounded number of events in memory.
 * @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION`
 * @example
 * ```ts
 * import { createMemoryEventStore, createSessionSupervisor } from 'mcp-session-supervisor';
 *
 * const eventStore = createMemoryEventStore({ maxBytes: 16 * 1024 * 1024 });
 * const supervisor = createSessionSupervisor({ server, eventStore });
 * ```
 */
export function createMemoryEventStore(options: MemoryEventStoreOptions = {}): MemoryEventStore {
  return new BoundedEventStore(options);
}

class BoundedEventStore implements MemoryEventStore {
  readonly #bounds: ReturnType<typeof checkBounds>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #byId = new Map<string, StoredEvent>();
  readonly #streams = new Map<string, Stream>();
  readonly #byPrefix = new Map<string, Set<Stream>>();
  /** Ends of the list of all events. A list, because the first entry of a Map that is used as a queue is slow to find. */
  #oldest: StoredEvent | undefined;
  #newest: StoredEvent | undefined;
  #bytes = 0;
  #count = 0;

  constructor(options: MemoryEventStoreOptions) {
    this.#bounds = checkBounds(options);
    this.#clock = options.clock ?? SYSTEM_CLOCK;
  }

  get events(): number {
    this.#dropOld();
    return this.#byId.size;
  }

  get bytes(): number {
    this.#dropOld();
    return this.#bytes;
  }

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    const { maxEvents, maxEventsPerStream, maxBytes } = this.#bounds;
    const id = (++this.#count).toString(36);
    const json = JSON.stringify(message);
    const bytes = Buffer.byteLength(json);
    const known = this.#streams.get(streamId);
    if (bytes > maxBytes) {
      // It can't be kept, and what came before it must not be replayed as if nothing had come after.
      if (known !== undefined) this.#dropStream(known);
      return id;
    }
    const event: StoredEvent = {
      id,
      stream: known ?? this.#addStream(streamId),
      json,
      bytes,
      storedAt: this.#clock.now(),
      final: 'result' in message || 'error' in message,
      older: undefined,
      newer: undefined,
      next: undefined,
    };
    this.#append(event);
    if (event.stream.size > maxEventsPerStream) this.#dropFirst(event.stream);
    while (this.#byId.size > maxEvents || this.#bytes > maxBytes) this.#dropOldest();
    this.#dropOld();
    return id;
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    this.#dropOld();
    return this.#byId.get(eventId)?.stream.id;
  }

  /** Replays what came after an event on its stream; resolves to `''` when the event is not there (any more). */
  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    this.#dropOld();
    const last = this.#byId.get(lastEventId);
    if (last === undefined) return '';
    // Dropped events keep their way to the next one, so what is dropped meanwhile does no harm.
    for (let event = last.next; event !== undefined; event = event.next) {
      await send(event.id, JSON.parse(event.json));
    }
    return last.stream.id;
  }

  forget(prefix: string): void {
    for (const stream of this.#byPrefix.get(prefix) ?? []) this.#dropStream(stream);
  }

  #addStream(id: string): Stream {
    const stream = { id, prefix: id.slice(0, id.lastIndexOf(':') + 1), size: 0, first: undefined, last: undefined };
    this.#streams.set(id, stream);
    const siblings = this.#byPrefix.get(stream.prefix);
    if (siblings === undefined) this.#byPrefix.set(stream.prefix, new Set([stream]));
    else siblings.add(stream);
    return stream;
  }

  #append(event: StoredEvent): void {
    const { stream } = event;
    this.#byId.set(event.id, event);
    this.#putLast(event);
    if (stream.last === undefined) stream.first = event;
    else stream.last.next = event;
    stream.last = event;
    stream.size++;
    this.#bytes += event.bytes;
  }

  #dropOld(): void {
    const now = this.#clock.now();
    const limit = now - this.#bounds.maxAge;
    for (let event = this.#oldest; event !== undefined && event.storedAt < limit; event = this.#oldest) {
      if (event.final || event.next !== undefined) {
        this.#dropOldest();
      } else {
        event.storedAt = now; // the last of a stream that is not over: its time begins anew
        this.#takeOut(event);
        this.#putLast(event);
      }
    }
  }

  /** The oldest of all is the first of its stream. */
  #dropOldest(): void {
    if (this.#oldest !== undefined) this.#dropFirst(this.#oldest.stream);
  }

  #dropStream(stream: Stream): void {
    while (stream.size > 0) this.#dropFirst(stream);
  }

  #dropFirst(stream: Stream): void {
    const event = stream.first;
    if (event === undefined) return;
    this.#byId.delete(event.id);
    this.#bytes -= event.bytes;
    this.#takeOut(event);
    stream.first = event.next;
    stream.size--;
    if (stream.size > 0) return;
    stream.last = undefined;
    this.#streams.delete(stream.id);
    const siblings = this.#byPrefix.get(stream.prefix);
    siblings?.delete(stream);
    if (siblings?.size === 0) this.#byPrefix.delete(stream.prefix);
  }

  #putLast(event: StoredEvent): void {
    event.older = this.#newest;
    event.newer = undefined;
    if (this.#newest === undefined) this.#oldest = event;
    else this.#newest.newer = event;
    this.#newest = event;
  }

  #takeOut({ older, newer }: StoredEvent): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}
