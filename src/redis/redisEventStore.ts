/** The event store in Redis, on the SDK's `EventStore` contract. An event id is `<hash tag>.<id of the stream's entry>`. */
import { Buffer } from 'node:buffer';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { SupervisorError } from '../errors.ts';
import type { ForgettingEventStore } from '../stores/eventLog.ts';
import { APPEND, FORGET, MAX_EVENT_BYTES } from './eventScripts.ts';
import type { HeldEpochs } from './heldEpochs.ts';
import { keysOf, streamEpoch, streamTag, tagOf } from './keys.ts';
import type { RedisStores } from './redisStores.ts';

/** How many events of a replay are read at once. */
const AT_ONCE = 64;

/** An entry as Redis gives it: its id; the stream and the message. */
type Entry = readonly [id: string, fields: readonly [stream: string, json: string]];

interface EventId {
  readonly tag: string;
  readonly entry: string;
}

export class RedisEventStore implements Required<ForgettingEventStore> {
  readonly #stores: RedisStores;
  readonly #held: HeldEpochs;

  constructor(stores: RedisStores, held: HeldEpochs) {
    this.#stores = stores;
    this.#held = held;
  }

  /** Rejects where the session has ended, or has another incarnation by now. */
  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    const json = JSON.stringify(message);
    const tag = streamTag(streamId);
    const epoch = this.#held.get(tag) ?? streamEpoch(streamId) ?? '';
    const kept = Buffer.byteLength(json) < MAX_EVENT_BYTES ? json : '';
    const answer = await this.#stores.run(APPEND, this.#keys(tag), [String(epoch), streamId, kept]);
    const [verdict, entry] = answer as readonly [string, string?];
    if (verdict === 'stored') return `${tag}.${entry}`;
    const why = verdict === 'gone' ? 'The session has ended' : 'The session has another incarnation by now';
    throw new SupervisorError('STORE_FAILED', `${why}; its event was not stored`);
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    const id = parseEventId(eventId);
    if (id === undefined) return undefined;
    const [event] = await this.#read(id, 1);
    return event?.[0] === id.entry ? event[1][0] : undefined;
  }

  /** Replays what came after an event on its stream; resolves to `''` when the event is not there (any more). */
  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const id = parseEventId(lastEventId);
    if (id === undefined) return '';
    let entry = id.entry;
    let stream: string | undefined;
    for (;;) {
      // The last one that was read is read once more: if it is not there, those after it may not be either.
      const [last, ...next] = await this.#read({ tag: id.tag, entry }, AT_ONCE + 1);
      if (last?.[0] !== entry) {
        if (stream === undefined) return '';
        throw new SupervisorError('STORE_FAILED', 'Events were dropped while they were replayed');
      }
      stream ??= last[1][0];
      for (const [at, [of, json]] of next) {
        entry = at;
        if (of === stream) await send(`${id.tag}.${at}`, JSON.parse(json));
      }
      if (next.length < AT_ONCE) return stream;
    }
  }

  async forget(prefix: string): Promise<void> {
    if (!prefix.endsWith(':')) return;
    const tag = tagOf(prefix.slice(0, -1));
    await this.#stores.run(FORGET, this.#keys(tag), [String(this.#held.get(tag) ?? '')]);
  }

  /** The entries from one on. */
  async #read({ tag, entry }: EventId, count: number): Promise<readonly Entry[]> {
    const [, events] = this.#keys(tag);
    return (await this.#stores.command(events, ['XRANGE', events, entry, '+', 'COUNT', String(count)])) as Entry[];
  }

  #keys(tag: string): [string, string] {
    return keysOf(this.#stores.prefix, tag);
  }
}

/** Redis' ids are written in one way only. */
function parseEventId(text: string): EventId | undefined {
  const [, tag, entry, sequence] = /^([\x21-\x7E]{1,128})\.((?:0|[1-9]\d{0,15})-(0|[1-9]\d{0,15}))$/.exec(text) ?? [];
  return tag === undefined || entry === undefined || sequence === undefined ? undefined : { tag, entry };
}
