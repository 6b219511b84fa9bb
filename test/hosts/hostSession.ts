/** A session on a host, by hand over any `fetch`: for what the SDK's client can't send or doesn't show. */
import { gzipSync } from 'node:zlib';
import type { HostSend } from '../http/hostCases.ts';
import { SseParser, type WireMessage } from '../support/sse.ts';
import { withTimeout } from '../support/until.ts';
import { callBody, initializeBody, sessionHeaders } from '../support/wire.ts';

const USUAL = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };

/** An answer that is being read. */
class HeldAnswer {
  readonly headers: Headers;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #abort: AbortController;
  readonly #parser = new SseParser();
  readonly #decoder = new TextDecoder();
  readonly #messages: WireMessage[] = [];

  constructor(answer: Response, abort: AbortController) {
    if (answer.body === null) throw new Error(`Status ${answer.status}, and no body`);
    this.headers = answer.headers;
    this.#reader = answer.body.getReader();
    this.#abort = abort;
  }

  /** The next message; rejects when the answer ends instead. */
  async message(): Promise<WireMessage> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      const { value, done } = await withTimeout(this.#reader.read(), { what: 'a message of the stream' });
      if (done) throw new Error('The stream ended instead of a message');
      const { events } = this.#parser.push(this.#decoder.decode(value, { stream: true }));
      for (const { data } of events) if (data !== '') this.#messages.push(JSON.parse(data) as WireMessage);
    }
  }

  /** The client goes away. */
  leave(): void {
    this.#abort.abort();
  }
}

class HostSession {
  readonly id: string;
  /** Those of the answer to the initialize. */
  readonly headers: Headers;
  readonly #send: HostSend;
  readonly #url: string;
  #lastId = 0;

  constructor(send: HostSend, url: string, headers: Headers, id: string) {
    this.#send = send;
    this.#url = url;
    this.headers = headers;
    this.id = id;
  }

  /** The name that something has in this session alone. */
  key(name: string): string {
    return `${name} of ${this.id}`;
  }

  /** Calls `hold`, which answers after `release`. */
  async hold(name: string): Promise<HeldAnswer> {
    const abort = new AbortController();
    const body = JSON.stringify(callBody('hold', { key: this.key(name) }, ++this.#lastId, 'progress'));
    return new HeldAnswer(await this.#post(body, {}, abort.signal), abort);
  }

  /** Calls a tool; its text. */
  async call(name: string, args: Record<string, unknown> = {}): Promise<string> {
    const answer = await this.#post(JSON.stringify(callBody(name, args, ++this.#lastId)));
    return String((await new HeldAnswer(answer, new AbortController()).message()).result?.content[0].text);
  }

  /** POSTs anything. */
  async postText(body: string): Promise<{ status: number; text: string }> {
    const answer = await this.#post(body);
    return { status: answer.status, text: await answer.text() };
  }

  /** POSTs a request as gzip. */
  async postCompressed(method: string): Promise<{ status: number; code: number | undefined }> {
    const body = gzipSync(JSON.stringify({ jsonrpc: '2.0', id: ++this.#lastId, method }));
    const answer = await this.#post(body, { 'content-encoding': 'gzip' });
    const text = await answer.text();
    const refused = text.startsWith('{') ? (JSON.parse(text) as WireMessage) : undefined;
    return { status: answer.status, code: refused?.error?.code };
  }

  #post(body: string | Uint8Array, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    return this.#send(this.#url, {
      method: 'POST',
      headers: Object.entries({ ...USUAL, ...sessionHeaders(this.id), ...headers }),
      body: typeof body === 'string' ? new TextEncoder().encode(body) : Uint8Array.from(body),
      ...(signal !== undefined && { signal }),
    });
  }
}

/** A session that somebody else has opened. */
export function sessionOf(send: HostSend, url: string, id: string): HostSession {
  return new HostSession(send, url, new Headers(), id);
}

/** Opens a session by hand. */
export async function openSession(send: HostSend, url: string): Promise<HostSession> {
  const body = new TextEncoder().encode(JSON.stringify(initializeBody()));
  const answer = await send(url, { method: 'POST', headers: Object.entries(USUAL), body });
  const text = await answer.text();
  const id = answer.headers.get('mcp-session-id');
  if (id === null) throw new Error(`No session: status ${answer.status}, ${text}`);
  return new HostSession(send, url, answer.headers, id);
}
