/**
 * The GET streams of one session. A client may open several, for instance a new one where a proxy keeps a dead one open;
 * each message that belongs to no call goes to exactly one of them. Knows which, and how many there may be; nothing of
 * how they are opened.
 */
import type { Connection } from './connection.ts';
import type { MessageStream } from './messageStream.ts';

/** How many GET streams a session may have, those included whose client may come back. */
export const MAX_GET_STREAMS = 16;

/** Its client has an event id to come back with, and gets what was sent meanwhile. */
const mayBeResumed = ({ identified, resumable }: MessageStream) => identified && resumable;

const takesData = ({ connected, stalled }: MessageStream) => connected && !stalled;

export class GetStreams {
  /** Those that messages may go to: connected, or such as may be resumed. What was opened or resumed last is last. */
  readonly #streams: MessageStream[] = [];
  /** By id, others that the store is not through with: whoever resumes one meanwhile has to wait in the same queue. */
  readonly #unsettled = new Map<string, MessageStream>();
  #closed = false;

  /** Where a message goes that belongs to no call. */
  get receiver(): MessageStream | undefined {
    return (
      this.#streams.findLast(takesData) ??
      this.#streams.findLast(mayBeResumed) ??
      this.#streams.findLast(({ connected }) => connected)
    );
  }

  find(id: string): MessageStream | undefined {
    return this.#streams.find((stream) => stream.id === id) ?? this.#unsettled.get(id);
  }

  /**
   * Takes in a stream that was opened or resumed, as the newest. Nobody is refused: where there are `MAX_GET_STREAMS`
   * already, one of them ends, the oldest of those that take nothing if there are any.
   */
  add(stream: MessageStream): void {
    this.#remove(stream);
    if (this.#closed) return stream.finish();
    if (this.#streams.length >= MAX_GET_STREAMS) {
      const last = this.#streams.find((other) => !takesData(other)) ?? this.#streams[0];
      if (last !== undefined) this.#dismiss(last);
    }
    this.#streams.push(stream);
  }

  /** The connection of a stream has ended. The stream is kept if its client may come back to it. */
  left(stream: MessageStream, connection: Connection): void {
    stream.release(connection);
    if (!stream.connected && !mayBeResumed(stream)) this.#remove(stream);
  }

  /** Keeps a stream at hand until the store is through with what has been asked of it. */
  keep(stream: MessageStream): void {
    this.#unsettled.set(stream.id, stream);
    stream.onQuiet(() => this.#unsettled.delete(stream.id));
  }

  /** Sends every client away, to come back. */
  disconnect(): void {
    for (const stream of this.#streams) stream.disconnect();
  }

  /** Ends all of them, and those that are still to come. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#unsettled.values()) stream.finish();
    for (const stream of [...this.#streams]) {
      this.#remove(stream);
      stream.finish();
      this.keep(stream);
    }
  }

  /** Nobody can resume any more, so nobody has to wait for the store. */
  detach(): void {
    for (const stream of [...this.#streams, ...this.#unsettled.values()]) stream.detach();
  }

  #dismiss(stream: MessageStream): void {
    this.#remove(stream);
    stream.dismiss();
    this.keep(stream);
  }

  #remove(stream: MessageStream): void {
    const at = this.#streams.indexOf(stream);
    if (at >= 0) this.#streams.splice(at, 1);
  }
}
