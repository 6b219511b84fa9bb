/** The event store on LMDB, on the SDK's `EventStore` contract. */
import { Buffer } from 'node:buffer';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { SupervisorError } from '../errors.ts';
import type { ForgettingEventStore } from '../stores/eventLog.ts';
import { checkStream } from './eventTable.ts';
import type { LmdbStores } from './lmdbStores.ts';

/** Pages that an event changes at most, with others that make room for it; and pages that dropping one changes. */
const PAGES = 16;
const PER_EVENT = 2;

/** What stands before a message but its stream, in bytes. */
const FOR_HEAD = 100;

/** How many events of a replay are looked up at once. */
const AT_ONCE = 64;

export class EventStoreOnLmdb implements Required<ForgettingEventStore> {
  readonly #stores: LmdbStores;

  constructor(stores: LmdbStores) {
    this.#stores = stores;
  }

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    checkStream(streamId);
    const json = JSON.stringify(message);
    const final = 'result' in message || 'error' in message;
    const { events, writes } = await this.#stores.use();
    const number = await writes.run({
      pages: () => PAGES,
      text: () => Buffer.byteLength(json) + Buffer.byteLength(streamId) + FOR_HEAD,
      apply: () => events.append(streamId, json, final),
    });
    return number.toString(36);
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    const number = numberOf(eventId);
    if (number === undefined) return undefined;
    return (await this.#stores.use()).events.get(number)?.stream;
  }

  /** Replays what came after an event on its stream; resolves to `''` when the event is not there (any more). */
  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const number = numberOf(lastEventId);
    if (number === undefined) return '';
    const { events } = await this.#stores.use();
    const stream = events.get(number)?.stream;
    if (stream === undefined) return '';
    let last = number;
    for (;;) {
      const numbers = events.after(stream, last, AT_ONCE);
      for (const next of numbers) {
        const { events: now } = await this.#stores.use(); // it may have been closed meanwhile
        const event = now.peek(next);
        if (event?.previous !== last) {
          throw new SupervisorError('STORE_FAILED', 'Events were dropped while they were replayed');
        }
        await send(next.toString(36), JSON.parse(event.json));
        last = next;
      }
      if (numbers.length === 0) return stream;
    }
  }

  async forget(prefix: string): Promise<void> {
    const { events, writes } = await this.#stores.use();
    await writes.run({
      pages: () => PAGES + PER_EVENT * events.countOf(prefix),
      onlyRemoves: true,
      apply: () => events.forget(prefix),
    });
  }
}

/** The number of an event by its id, which is written in one way only. */
function numberOf(eventId: string): number | undefined {
  if (!/^[1-9a-z][0-9a-z]{0,10}$/.test(eventId)) return undefined;
  const number = Number.parseInt(eventId, 36);
  return Number.isSafeInteger(number) ? number : undefined;
}
