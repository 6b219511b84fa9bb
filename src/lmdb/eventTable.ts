/**
 * Events in the environment, bounded as those of the memory event store: by events, bytes and age, oldest first, so that
 * what is left of a stream is always its end. Its operations are synchronous; those that change something belong into a
 * transaction. Events are numbered in the order in which they came, and no number comes again.
 */
import { Buffer } from 'node:buffer';
import { SupervisorError } from '../errors.ts';
import type { StoreBounds } from '../stores/storeBounds.ts';
import type { Databases } from './environment.ts';
import type { Participant } from './writes.ts';

/** What stands before the message of an event, as a line of JSON. */
type Head = readonly [storedAt: number, previous: number, final: 0 | 1, bytes: number, stream: string];

export interface StoredEvent {
  readonly storedAt: number;
  /** The number of the event before it on its stream, 0 for none: so a gap is seen. */
  readonly previous: number;
  /** Nothing comes after it on its stream. */
  readonly final: boolean;
  /** Of its message as JSON. */
  readonly bytes: number;
  readonly stream: string;
  readonly json: string;
}

interface Totals {
  /** The number of the last event that ever was. */
  last: number;
  events: number;
  bytes: number;
}

/** The longest id of a stream, in bytes: keys of LMDB are bounded. */
const MAX_STREAM = 1_900;

export class EventTable implements Participant {
  readonly #databases: Databases;
  readonly #bounds: StoreBounds;
  readonly #now: () => number;
  #totals: Totals;
  #before: Totals;
  /** How many were added in the transaction. */
  #added = 0;
  /** Where the last look for what is too old came to: those before it are the last of streams that go on. */
  #looked = 0;

  constructor(databases: Databases, bounds: StoreBounds, now: () => number) {
    this.#databases = databases;
    this.#bounds = bounds;
    this.#now = now;
    this.#totals = JSON.parse(databases.facts.get('events') ?? '{"last":0,"events":0,"bytes":0}');
    this.#before = this.#totals;
  }

  begin(): void {
    this.#before = { ...this.#totals };
    this.#added = 0;
  }

  end(): void {
    if (this.#added > 0) this.#dropOld(2 * this.#added + 16);
    const { last, events } = this.#totals;
    if (last === this.#before.last && events === this.#before.events) return;
    this.#databases.facts.putSync('events', JSON.stringify(this.#totals));
  }

  undo(): void {
    this.#totals = this.#before;
    this.#looked = 0;
  }

  // --- what only reads

  /** How many events there are, and how many bytes their messages have, as JSON. */
  get totals(): Readonly<Totals> {
    return this.#totals;
  }

  /** An event, unless it is too old. */
  get(number: number): StoredEvent | undefined {
    const event = this.peek(number);
    return event === undefined || this.#isTooOld(number, event) ? undefined : event;
  }

  /** An event, however old it is. */
  peek(number: number): StoredEvent | undefined {
    const text = this.#databases.events.get(number);
    if (text === undefined) return undefined;
    const end = text.indexOf('\n');
    const [storedAt, previous, final, bytes, stream]: Head = JSON.parse(text.slice(0, end));
    return { storedAt, previous, final: final === 1, bytes, stream, json: text.slice(end + 1) };
  }

  /** The numbers of the events after one on its stream, `limit` of them at most. */
  after(stream: string, number: number, limit: number): number[] {
    return [...this.#databases.streams.getValues(keyOf(stream), { start: number, exclusiveStart: true, limit })];
  }

  /** How many events a session has. */
  countOf(prefix: string): number {
    let count = 0;
    for (const stream of this.#streamsOf(prefix)) count += this.#databases.streams.getValuesCount(keyOf(stream));
    return count;
  }

  // --- what changes something

  /** Stores an event; its number. */
  append(stream: string, json: string, final: boolean): number {
    const { maxEvents, maxEventsPerStream, maxBytes } = this.#bounds;
    const number = ++this.#totals.last;
    const bytes = Buffer.byteLength(json);
    if (bytes > maxBytes) {
      // It can't be kept, and what came before it must not be replayed as if nothing had come after.
      this.#dropStream(stream);
      return number;
    }
    const { events, streams } = this.#databases;
    const [previous = 0] = streams.getValues(keyOf(stream), { reverse: true, limit: 1 });
    const head: Head = [this.#now(), previous, final ? 1 : 0, bytes, stream];
    events.putSync(number, `${JSON.stringify(head)}\n${json}`);
    streams.putSync(keyOf(stream), number);
    this.#added++;
    this.#totals.events++;
    this.#totals.bytes += bytes;
    if (streams.getValuesCount(keyOf(stream)) > maxEventsPerStream) this.#dropFirst(stream);
    while (this.#totals.events > maxEvents || this.#totals.bytes > maxBytes) this.#dropOldest();
    return number;
  }

  /** Drops the streams whose id is `prefix` and a last part without a colon. */
  forget(prefix: string): void {
    for (const stream of this.#streamsOf(prefix)) this.#dropStream(stream);
  }

  // --- within

  #streamsOf(prefix: string): string[] {
    const streams: string[] = [];
    if (Buffer.byteLength(prefix) > MAX_STREAM) return streams;
    for (const key of this.#databases.streams.getKeys({ start: keyOf(prefix) })) {
      const stream = key.toString();
      if (!stream.startsWith(prefix)) break;
      if (!stream.includes(':', prefix.length)) streams.push(stream);
    }
    return streams;
  }

  /** One that is not the last of its stream is what a client resumes from until the next one is too old as well. */
  #isTooOld(number: number, event: StoredEvent): boolean {
    const limit = this.#now() - this.#bounds.maxAge;
    if (event.storedAt >= limit) return false;
    if (event.final) return true;
    const [next] = this.after(event.stream, number, 1);
    const storedNext = next === undefined ? undefined : this.peek(next)?.storedAt;
    return storedNext !== undefined && storedNext < limit;
  }

  /** Drops what is too old, looking at so many events at most. */
  #dropOld(atMost: number): void {
    const limit = this.#now() - this.#bounds.maxAge;
    const start = this.#looked;
    this.#looked = 0;
    for (const number of [...this.#databases.events.getKeys({ start, exclusiveStart: true, limit: atMost })]) {
      const event = this.peek(number);
      if (event === undefined) continue;
      if (event.storedAt >= limit) return; // and so are all after it
      if (this.#isTooOld(number, event)) this.#drop(number, event);
      this.#looked = number;
    }
  }

  /** The oldest of all is the first of its stream. */
  #dropOldest(): void {
    const [oldest] = this.#databases.events.getKeys({ limit: 1 });
    const event = oldest === undefined ? undefined : this.peek(oldest);
    if (oldest === undefined || event === undefined) {
      throw new SupervisorError('STORE_FAILED', 'The events of the store are not as many as it has counted');
    }
    this.#drop(oldest, event);
  }

  #dropFirst(stream: string): void {
    const [first] = this.#databases.streams.getValues(keyOf(stream), { limit: 1 });
    const event = first === undefined ? undefined : this.peek(first);
    if (first !== undefined && event !== undefined) this.#drop(first, event);
  }

  #dropStream(stream: string): void {
    for (const number of [...this.#databases.streams.getValues(keyOf(stream))]) {
      const event = this.peek(number);
      if (event !== undefined) this.#drop(number, event);
    }
  }

  #drop(number: number, { stream, bytes }: StoredEvent): void {
    this.#databases.events.removeSync(number);
    this.#databases.streams.removeSync(keyOf(stream), number);
    this.#totals.events--;
    this.#totals.bytes -= bytes;
  }
}

function keyOf(stream: string): Buffer {
  return Buffer.from(stream);
}

/** @throws {SupervisorError} `STORE_FAILED` where the id of a stream is longer than a key may be. */
export function checkStream(stream: string): void {
  if (Buffer.byteLength(stream) <= MAX_STREAM) return;
  throw new SupervisorError('STORE_FAILED', `The id of a stream may have ${MAX_STREAM} bytes`);
}
