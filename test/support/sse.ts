/** Reads a `text/event-stream` event by event, with a bound on every wait. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type WaitOptions, withTimeout } from './until.ts';

/**
 * One event as it was on the wire. Unlike with an EventSource, events with empty data (priming ones) are kept; a block of
 * `retry` alone is none.
 */
export interface SseEvent {
  readonly id?: string;
  readonly event?: string;
  readonly retry?: number;
  readonly data: string;
}

/** A JSON-RPC message, as loosely typed as a test wants it. */
export interface WireMessage {
  readonly jsonrpc: '2.0';
  readonly id?: string | number | null;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what they asked for
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what they asked for
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** What a piece of a stream says. */
export interface SsePart {
  readonly events: SseEvent[];
  readonly comments: string[];
  /** Values of `retry` fields, those of events included. */
  readonly retries: number[];
}

/** Splits the text of a stream into events, comments and blocks of `retry` alone; keeps what is unfinished. */
export class SseParser {
  #rest = '';

  push(chunk: string): SsePart {
    const blocks = (this.#rest + chunk).split(/\r\n\r\n|\n\n|\r\r/);
    this.#rest = blocks.pop() ?? '';
    const events: SseEvent[] = [];
    const comments: string[] = [];
    const retries: number[] = [];
    for (const block of blocks) {
      const fields: { id?: string; event?: string; retry?: number } = {};
      const data: string[] = [];
      let isEvent = false;
      for (const line of block.split(/\r\n|\n|\r/)) {
        const colon = line.indexOf(':');
        if (colon === 0) {
          comments.push(line.slice(1).trim());
          continue;
        }
        if (line === '') continue;
        const name = colon === -1 ? line : line.slice(0, colon);
        const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (name !== 'retry') isEvent = true;
        if (name === 'data') data.push(value);
        else if (name === 'id' || name === 'event') fields[name] = value;
        else if (name === 'retry') {
          fields.retry = Number(value);
          retries.push(fields.retry);
        } else throw new Error(`Not a field of an event stream: ${JSON.stringify(line)}`);
      }
      if (isEvent) events.push({ ...fields, data: data.join('\n') });
    }
    return { events, comments, retries };
  }

  /** What came after the last whole event; empty when the stream ended well. */
  get rest(): string {
    return this.#rest;
  }
}

/** The events of a complete stream. */
export function parseSse(text: string): SseEvent[] {
  return new SseParser().push(text).events;
}

/** An answer that is being read: one that streams, or (`text`) any other. */
export class EventStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Resolves when the stream has ended: `true` after a proper end, `false` when the connection broke. */
  readonly closed: Promise<boolean>;
  readonly #response: IncomingMessage;
  readonly #parser = new SseParser();
  readonly #events: SseEvent[] = [];
  readonly #comments: string[] = [];
  readonly #retries: number[] = [];
  #raw = '';
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(response: IncomingMessage) {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    const streams = response.headers['content-type']?.startsWith('text/event-stream') === true;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      if (streams) {
        const { events, comments, retries } = this.#parser.push(chunk);
        this.#events.push(...events);
        this.#comments.push(...comments);
        this.#retries.push(...retries);
      } else this.#raw += chunk;
      this.#changed();
    });
    // A broken connection is told by `closed`.
    response.on('error', () => {});
    this.closed = new Promise((resolve) => {
      response.on('close', () => {
        this.#ended = true;
        resolve(response.complete);
        this.#changed();
      });
    });
  }

  /** The next event; rejects when the stream ends instead. */
  async next(options: WaitOptions = {}): Promise<SseEvent> {
    return this.#take(this.#events, { what: 'an event', ...options });
  }

  /** The JSON-RPC message of the next event that has data. */
  async message(options: WaitOptions = {}): Promise<WireMessage> {
    for (;;) {
      const { data } = await this.next({ what: 'a message', ...options });
      if (data !== '') return JSON.parse(data) as WireMessage;
    }
  }

  /** The next comment (keep-alive). */
  async comment(options: WaitOptions = {}): Promise<string> {
    return this.#take(this.#comments, { what: 'a comment', ...options });
  }

  /** Events that have come and not been taken. */
  get waiting(): readonly SseEvent[] {
    return this.#events;
  }

  /** Comments that have come and not been taken. */
  get comments(): readonly string[] {
    return this.#comments;
  }

  /** Every `retry` that has come, in ms. */
  get retries(): readonly number[] {
    return this.#retries;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The whole body of an answer that is not a stream. */
  async text(options: WaitOptions = {}): Promise<string> {
    await withTimeout(this.closed, { what: 'the body to end', ...options });
    return this.#raw;
  }

  /** Stops reading: from here on the peer's bytes pile up. */
  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#response.destroy();
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  async #take<T>(queue: T[], options: WaitOptions): Promise<T> {
    for (;;) {
      const item = queue.shift();
      if (item !== undefined) return item;
      if (this.#ended) throw new Error(`The stream (status ${this.status}) ended instead of ${options.what}`);
      await withTimeout(new Promise<void>((resolve) => this.#wake.push(resolve)), options);
    }
  }
}
