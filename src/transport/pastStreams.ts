/**
 * Streams of earlier incarnations of a session: what is left of them in the event log is replayed to whoever resumes one.
 * Nobody is left who would answer their calls, so they get an error, which is stored like any answer: once.
 */
import { isResponse } from '../protocol/messages.ts';
import { EventLog } from '../stores/eventLog.ts';
import type { Connection } from './connection.ts';
import type { MessageStream } from './messageStream.ts';
import type { StreamName } from './streamName.ts';

/** What a call is answered with that was cut off. */
const CUT_OFF = 'The server was restarted before it had answered';

interface Past {
  readonly stream: MessageStream;
  /** How many resume it right now. */
  resuming: number;
  /** Its calls have been answered. */
  over: boolean;
}

export class PastStreams {
  readonly #make: (id: string) => MessageStream;
  /** Those that somebody resumes: all wait in the queue of one. */
  readonly #streams = new Map<string, Past>();

  constructor(make: (id: string) => MessageStream) {
    this.#make = make;
  }

  /**
   * Sends a connection what came after an event, and the end of a stream that answered calls; a GET stream's connection
   * is left open. Resolves to whether the event is known.
   * @throws {SupervisorError} `EVENT_STORE_FAILED`
   */
  async resume(id: string, name: StreamName, eventId: string, connection: Connection): Promise<boolean> {
    const past = this.#take(id);
    const { stream } = past;
    // Of several calls, those that were answered before the event may get an error too, which their client has no use for.
    const unanswered = new Set(EventLog.isResponse(eventId) && name.calls.length === 1 ? [] : name.calls);
    try {
      const known = await stream.resume(eventId, connection, false, (message) => {
        if (isResponse(message) && message.id !== undefined) unanswered.delete(message.id);
      });
      if (name.isGet) {
        stream.release(connection);
      } else if (known) {
        // Whether its client is still there or not: whoever comes next is told the same.
        if (!past.over) for (const call of unanswered) stream.send(cutOff(call));
        past.over = true;
        stream.finish();
      }
      return known;
    } finally {
      stream.onQuiet(() => {
        if (--past.resuming === 0) this.#streams.delete(id);
      });
    }
  }

  /** Nobody can resume any more, so nobody has to wait for the store. */
  detach(): void {
    for (const { stream } of this.#streams.values()) stream.detach();
  }

  #take(id: string): Past {
    const past = this.#streams.get(id) ?? { stream: this.#make(id), resuming: 0, over: false };
    past.resuming++;
    this.#streams.set(id, past);
    return past;
  }
}

function cutOff(id: string | number) {
  return { jsonrpc: '2.0' as const, id, error: { code: -32000, message: CUT_OFF } };
}
