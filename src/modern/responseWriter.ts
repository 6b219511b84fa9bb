/**
 * Writes the web-standard Response of SDK v2's handler to an exchange: JSON as one answer, events as a stream that keeps
 * itself alive and holds no more than it may for a slow reader. A call that is not answered for a while is given a stream
 * as well, so that nobody on the way takes it for dead, and so that we notice when its client is.
 */
import { REFUSALS, type RefusalName } from '../errors.ts';
import { isObject } from '../protocol/messages.ts';
import { MODERN_VERSIONS, SESSION_VERSIONS } from '../protocol/versions.ts';
import { Connection, destroyWhenStalled } from '../transport/connection.ts';
import type { Exchange, ResponseHeaders } from '../transport/exchange.ts';
import { refuse } from '../transport/refuse.ts';
import { messageFrame, sseHeaders } from '../transport/sse.ts';
import type { CallHost } from './callHost.ts';
import type { Listening } from './listening.ts';

type Id = string | number | null;

const NO_HEADERS = {};
const JSON_TYPE = 'application/json';
const STREAM_TYPE = 'text/event-stream';

/** The handler's answer to a client that it takes to be gone; ours is there, so its server has closed itself. */
const CLIENT_GONE = 499;

const CLOSED_ITSELF = 'the server closed before it had answered';

/** A version that is not supported, with those that are (MCP 2026-07-28, Protocol Version). */
const UNSUPPORTED_VERSION = -32022;

export class ResponseWriter {
  readonly #exchange: Exchange;
  readonly #host: CallHost;
  /** The id of the request, once that is known. */
  id: Id = null;
  /** The body that it was answered with in one piece. */
  text: string | undefined;
  #connection: Connection | undefined;
  #timer: unknown;
  #ended = false;

  constructor(exchange: Exchange, host: CallHost) {
    this.#exchange = exchange;
    this.#host = host;
  }

  /** Opens a stream when no answer has come for as long as an open one may be silent. */
  openWhenLate(): void {
    const { clock, enableJsonResponse, keepAliveInterval } = this.#host.options;
    if (enableJsonResponse || keepAliveInterval === Number.POSITIVE_INFINITY) return;
    this.#timer = clock.setTimeout(() => this.#stream().open(), keepAliveInterval);
  }

  /** Resolves when all is written, or nothing can be any more. */
  async write(response: Response, listening: Listening | undefined): Promise<void> {
    this.#host.options.clock.clearTimeout(this.#timer);
    const type = response.headers.get('content-type') ?? '';
    if (type.startsWith(STREAM_TYPE) && response.body !== null) {
      if (this.#host.options.enableJsonResponse && listening === undefined) return this.#lastOf(response.body);
      return this.#pass(response.body, listening);
    }
    listening?.refused();
    if (response.status === CLIENT_GONE) return this.fail(CLOSED_ITSELF);
    const text = response.body === null ? undefined : await response.text();
    if (response.status === 200) return this.#whole(200, NO_HEADERS, text); // whose type is known
    const whole = response.status === 400 && text !== undefined ? withAllVersions(text) : text;
    this.#whole(response.status, Object.fromEntries(response.headers), whole);
  }

  /** Ends what there is of an answer, which goes no further. */
  breakOff(name: RefusalName): void {
    if (this.#connection === undefined) {
      if (!this.#exchange.closed) refuse(this.#exchange, name, this.id);
      return;
    }
    const { code, message } = REFUSALS[name];
    this.#connection.end(messageFrame(JSON.stringify({ jsonrpc: '2.0', id: this.id, error: { code, message } })));
  }

  /** Ends it with an error of the server's, in place of an answer that can't be sent. */
  fail(message: string): void {
    this.#host.options.clock.clearTimeout(this.#timer);
    if (!this.#exchange.closed) this.#whole(200, NO_HEADERS, internalError(this.id, message));
  }

  /** The exchange is over. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.options.clock.clearTimeout(this.#timer);
    if (this.#connection === undefined) return;
    const { load } = this.#host;
    load.streams--;
    if (this.#connection.dropped !== undefined) load.dropped?.(this.#connection.dropped);
  }

  #stream(): Connection {
    if (this.#connection === undefined) {
      this.#connection = new Connection(this.#exchange, () => sseHeaders(undefined), this.#host.options);
      this.#host.load.streams++;
    }
    return this.#connection;
  }

  #whole(status: number, headers: ResponseHeaders, text: string | undefined): void {
    this.text = text;
    if (this.#connection !== undefined) {
      // It is a stream by now, because it took long: so it is no notification, and has something to say.
      return this.#connection.end(text === undefined ? text : messageFrame(text));
    }
    const typed = text === undefined ? headers : { ...headers, 'content-type': JSON_TYPE };
    this.#exchange.respond(status, typed, text);
    destroyWhenStalled(this.#exchange, this.#host.options.clock);
  }

  async #pass(body: ReadableStream<Uint8Array>, listening: Listening | undefined): Promise<void> {
    const connection = this.#stream();
    const reader = body.getReader();
    const decoder = new TextDecoder();
    listening?.acknowledged();
    for (;;) {
      const { done, value } = await reader.read();
      if (connection.closed) return void (await reader.cancel());
      if (done) break;
      connection.write(decoder.decode(value, { stream: true }));
      listening?.wrote();
      if (!connection.closed) continue;
      listening?.overflowed();
      return void (await reader.cancel());
    }
    listening?.completed();
    connection.end();
  }

  /** In JSON only the answer has a way, which comes last. */
  async #lastOf(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let last = '';
    for await (const chunk of body) last = decoder.decode(chunk);
    const text = last.match(/^data: (.*)$/m)?.[1] ?? '{}';
    const message: unknown = JSON.parse(text);
    const isAnswer = isObject(message) && !('method' in message) && 'id' in message;
    if (isAnswer) this.#whole(200, NO_HEADERS, text);
    else this.fail(CLOSED_ITSELF);
  }
}

function internalError(id: Id, what: string): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32603, message: `Internal error: ${what}` } });
}

/** The SDK's handler knows of its own era only. */
function withAllVersions(text: string): string {
  const message: unknown = JSON.parse(text);
  const error = isObject(message) ? message['error'] : undefined;
  if (!isObject(message) || !isObject(error) || error['code'] !== UNSUPPORTED_VERSION) return text;
  const data = isObject(error['data']) ? error['data'] : {};
  const supported = [...MODERN_VERSIONS, ...SESSION_VERSIONS];
  return JSON.stringify({ ...message, error: { ...error, data: { ...data, supported } } });
}
