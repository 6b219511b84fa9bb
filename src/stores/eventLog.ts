/**
 * One session's view of an event store. Any store on the SDK's `EventStore` contract is isolated here, even one that is
 * not by itself: the store sees a stream key that names the session, each stored message carries that key, and what
 * comes back with another key is dropped. Event ids on the wire name their stream: `<stream>_<id of the store>`; in a
 * session that may outlive its process, that of a response is marked: `<stream>!_<id of the store>`.
 */
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { TimerClock } from '../clock.ts';
import { SupervisorError } from '../errors.ts';
import { STORE_TIMEOUT, StoreOperations } from './storeOperations.ts';

/** The member of a stored message that says which stream of which session it belongs to. */
const STREAM_KEY = 'mcp-session-supervisor/stream';

/** Visible ASCII, and bounded: an id that a store made goes into a header and a line of text. */
const EVENT_ID = /^[\x21-\x7E]{1,1024}$/;

/**
 * What the ids of a session's streams begin with. Escaped, so that no session and stream read like another's: session
 * ids may hold a ':', and stream ids come from clients. The SDK's own example store takes the part of an event id before
 * its first '_' for the stream.
 */
export function streamPrefix(sessionId: string): string {
  return `${encodeURIComponent(sessionId).replaceAll('_', '%5F')}:`;
}

/** What `EventLog` gives a store as the id of a stream. */
const ANY_STREAM_KEY = /^[^:_]+:(?:\d+\.)?(?:get)?\d+(?:~[A-Za-z0-9.-]*)?$/;

/** What the stream's part of an event id ends with where the event is a response. */
const MARK = '!';

/** An event store that can drop what it has of a session before it grows old; ours can, others need not. */
export interface ForgettingEventStore extends EventStore {
  /** Drops the events of all streams whose id begins with `prefix`. */
  forget?(prefix: string): void | Promise<void>;
}

type Stored = JSONRPCMessage & { [STREAM_KEY]?: string };

/** Takes a replayed message and the event id that it has on the wire. */
export type Replay = (message: JSONRPCMessage, eventId: string) => void;

export class EventLog {
  readonly #store: EventStore;
  readonly #prefix: string;
  readonly #operations: StoreOperations;
  readonly #marks: boolean;

  /** With `marks`, the event id of a response says that it is one. */
  constructor(store: EventStore, sessionId: string, timers: TimerClock, marks = false) {
    this.#store = store;
    this.#prefix = streamPrefix(sessionId);
    this.#marks = marks;
    this.#operations = new StoreOperations(timers);
  }

  /**
   * Stores a message of a stream, or the stream's priming event, and returns its event id.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`
   */
  async append(streamId: string, message?: JSONRPCMessage): Promise<string> {
    const key = this.#prefix + streamId;
    const stored = { ...message, [STREAM_KEY]: key } as Stored;
    const id: unknown = await this.#operations.run(async () => this.#store.storeEvent(key, stored));
    const eventId = this.#onWire(streamId, id, message);
    if (eventId === undefined) {
      throw new SupervisorError('EVENT_STORE_FAILED', 'The event store returned an event id that is not visible ASCII');
    }
    return eventId;
  }

  /** The stream that an event id names, if it could be one of ours. */
  static streamOf(eventId: string): string | undefined {
    const end = eventId.indexOf('_');
    if (end <= 0 || !EVENT_ID.test(eventId)) return undefined;
    return eventId.slice(0, EventLog.isResponse(eventId) ? end - MARK.length : end);
  }

  /** Whether an event id says that its event was a response. */
  static isResponse(eventId: string): boolean {
    return eventId[eventId.indexOf('_') - 1] === MARK;
  }

  /**
   * Replays what came after an event on its stream. Returns false when the store does not know the event, or knows it
   * as another session's or another stream's.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`
   */
  async replayAfter(eventId: string, replay: Replay): Promise<boolean> {
    const streamId = EventLog.streamOf(eventId);
    if (streamId === undefined) return false;
    const key = this.#prefix + streamId;
    const last = eventId.slice(eventId.indexOf('_') + 1);
    const lookUp = this.#store.getStreamIdForEventId?.bind(this.#store);
    if (lookUp !== undefined && (await this.#operations.run(async () => lookUp(last))) !== key) return false;
    const replayed = await this.#operations.run(async (operation) =>
      this.#store.replayEventsAfter(last, {
        send: async (id, message) => {
          if (operation.over) return; // a store that goes on after its time is not listened to
          operation.heard();
          try {
            const { [STREAM_KEY]: of, ...rest } = (message ?? {}) as Stored;
            if (of !== key || !('jsonrpc' in rest)) return;
            const sentId = this.#onWire(streamId, id, rest as JSONRPCMessage);
            if (sentId !== undefined) replay(rest as JSONRPCMessage, sentId);
            else operation.fail('The event store replayed an event id that is not visible ASCII');
          } catch (cause) {
            // Told to the store alone, it might be swallowed, and what comes next would come with a gap before it.
            operation.fail('The event store replayed what can not be sent', cause);
          }
        },
      }),
    );
    // By contract a store says at last whose event it was; some say anything.
    return replayed === key || !(replayed === '' || ANY_STREAM_KEY.test(replayed));
  }

  /**
   * Lets the store drop what it has of this session, if it can, when what it has begun is done. All of that together
   * may take `limit` ms, and `STORE_TIMEOUT` at most.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`
   */
  async forget(limit: number = STORE_TIMEOUT): Promise<void> {
    const { forget } = this.#store as ForgettingEventStore;
    if (typeof forget !== 'function' && this.#operations.quiet) return;
    const lift = this.#operations.setDeadline(Math.min(limit, STORE_TIMEOUT));
    try {
      await this.#operations.settled();
      if (typeof forget === 'function') await this.#operations.run(async () => forget.call(this.#store, this.#prefix));
    } finally {
      lift();
    }
  }

  /** The event id that a client gets for one of a store's; undefined when it can't be sent. */
  #onWire(streamId: string, id: unknown, message: JSONRPCMessage | undefined): string | undefined {
    const mark = this.#marks && message !== undefined && !('method' in message) ? MARK : '';
    const eventId = typeof id === 'string' ? `${streamId}${mark}_${id}` : '';
    return EVENT_ID.test(eventId) ? eventId : undefined;
  }
}
