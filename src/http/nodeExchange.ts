/** The Node adapter: an exchange over `http.IncomingMessage` and `http.ServerResponse`, or HTTP/2's compatible ones. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { Clock } from '../clock.ts';
import type { BodyResult, Exchange, RequestHeaders, ResponseHeaders } from '../transport/exchange.ts';
import { BodyBuffer } from './bodyBuffer.ts';
import { onConnectionClose } from './connectionClose.ts';

/** What is still read of a body that nobody wants, in bytes and ms, so that the client sees the answer. */
const LINGER_BYTES = 256 * 1024;
const LINGER_TIME = 2_000;

export class NodeExchange implements Exchange {
  readonly authInfo: AuthInfo | undefined;
  onRefused: Exchange['onRefused'];
  readonly parsedBody: unknown;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  #closed: boolean;
  #asked = 0;
  #listeners: (() => void)[] = [];
  #requestInfo: Exchange['requestInfo'] | undefined;

  constructor(
    request: IncomingMessage & { auth?: AuthInfo | undefined },
    response: ServerResponse,
    parsedBody: unknown,
    clock: Clock,
  ) {
    this.#request = request;
    this.#response = response;
    this.#clock = clock;
    this.#closed = response.closed || response.destroyed;
    this.authInfo = request.auth;
    this.parsedBody = parsedBody;
    response.on('close', () => this.#close());
    if (response.socket === null && !this.#closed) this.#awaitTurn(request.socket);
    response.on('error', () => {}); // the peer is gone; 'close' says so
  }

  get method(): string {
    return this.#request.method ?? '';
  }

  get headers(): RequestHeaders {
    return this.#request.headers;
  }

  get hosts(): readonly string[] {
    const { rawHeaders, url = '' } = this.#request;
    // Node's `headers` keep the first of several.
    const hosts = rawHeaders.filter(
      (_, index) => index % 2 === 1 && /^(host|:authority)$/i.test(rawHeaders[index - 1] ?? ''),
    );
    if (!url.startsWith('/') && URL.canParse(url)) hosts.push(new URL(url).host);
    return hosts;
  }

  get requestInfo(): Exchange['requestInfo'] {
    this.#requestInfo ??= new NodeRequestInfo(this.#request);
    return this.#requestInfo;
  }

  get request(): Request {
    const headers = new Headers();
    for (const [name, value] of Object.entries(this.#request.headers)) {
      if (!name.startsWith(':') && value !== undefined)
        headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
    return new Request(this.requestInfo.url, { method: this.method, headers });
  }

  readBody(limit: number, timeout: number): Promise<BodyResult> {
    const request = this.#request;
    return new Promise((resolve) => {
      const body = new BodyBuffer();
      let settled = false;
      const settle = (result: BodyResult) => {
        if (settled) return;
        settled = true;
        this.#clock.clearTimeout(timer);
        resolve(result);
      };
      const aborted = () => settle({ failure: 'bodyAborted' });
      const timer = this.#clock.setTimeout(() => settle({ failure: 'bodyTimeout' }), timeout);
      if (request.readableEnded || request.destroyed) return aborted();
      request.on('data', (chunk: Buffer) => {
        if (body.size + chunk.length > limit) settle({ failure: 'bodyTooLarge' });
        else if (!settled) body.push(chunk);
      });
      request.on('end', () => {
        const bytes = body.bytes();
        settle(isUtf8(bytes) ? { text: withoutMark(bytes.toString()) } : { failure: 'parseError' });
      });
      request.on('close', aborted);
      request.on('error', aborted);
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  get buffered(): number {
    return this.#response.writableLength;
  }

  get progress(): number {
    // Behind another response nothing is taken, because nothing is offered: that says nothing of the peer.
    if (this.#response.socket === null) return ++this.#asked;
    // What libuv still has of the chunk being written; Node's own socket timeout goes by it too. A chunk can be large
    // and its reader slow, so `buffered`, which counts whole chunks, would say too little.
    const { _handle: handle } = (this.#response.socket ?? {}) as { _handle?: { writeQueueSize?: number } | null };
    return handle?.writeQueueSize ?? this.#response.writableLength;
  }

  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#listeners.push(listener);
  }

  setHeader(name: string, value: string): void {
    if (!this.#response.headersSent) this.#response.setHeader(name, value);
  }

  respond(status: number, headers: ResponseHeaders, body?: string): void {
    if (this.#closed || this.#response.headersSent) return;
    if (!this.#request.complete) this.#linger();
    // Node takes a flat list as it is. With its length known, an answer leaves in one write, else in chunks.
    const list: string[] = [];
    for (const name in headers) list.push(name, headers[name] ?? '');
    if (status !== 204) list.push('Content-Length', String(body === undefined ? 0 : Buffer.byteLength(body)));
    this.#response.writeHead(status, list);
    this.#response.end(body);
  }

  open(headers: ResponseHeaders): void {
    if (this.#closed || this.#response.headersSent) return;
    if (!this.#request.complete) this.#linger(); // unread, it would hide from us that the peer has gone
    this.#response.writeHead(200, headers);
  }

  flush(): void {
    if (this.#closed) return;
    this.#response.flushHeaders();
    this.#response.socket?.uncork(); // http corks it until the next tick
  }

  write(chunk: string): void {
    if (!this.#closed && !this.#response.writableEnded) this.#response.write(chunk);
  }

  end(chunk?: string): void {
    if (!this.#closed && !this.#response.writableEnded) this.#response.end(chunk);
  }

  destroy(): void {
    this.#response.destroy();
    // One that waits for its turn would wait with that too.
    if (this.#response.socket === null && !this.#closed) this.#request.socket.destroy();
  }

  /** The response is that of a pipelined request: it gets the socket when those before it have ended. */
  #awaitTurn(socket: Socket): void {
    if (socket.destroyed) this.#closed = true;
    else this.onClose(onConnectionClose(socket, () => this.#close()));
  }

  #close(): void {
    this.#closed = true;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners.reverse()) listener();
  }

  /** The request is answered before its body has come: reads on for a little while, then cuts the connection. */
  #linger(): void {
    const request = this.#request;
    let size = 0;
    const timer = this.#clock.setTimeout(() => request.destroy(), LINGER_TIME);
    const stop = () => {
      this.#clock.clearTimeout(timer);
      unlisten?.();
    };
    // Once it is answered, a request of HTTP/1 is not told either when its connection ends.
    const unlisten = request.httpVersionMajor < 2 ? onConnectionClose(request.socket, stop) : undefined;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > LINGER_BYTES) request.destroy();
    });
    request.on('close', stop);
    request.on('end', stop);
    request.on('error', () => {});
  }
}

/** Text without the byte order mark that some encoders put first; a web-standard decoder takes it away as well. */
function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** The URL is made when asked for: most handlers never do. */
class NodeRequestInfo {
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage) {
    this.#request = request;
  }

  get headers(): Record<string, string | string[] | undefined> {
    return this.#request.headers;
  }

  get url(): URL {
    const { headers, socket, url = '/' } = this.#request;
    const scheme = 'encrypted' in socket ? 'https' : 'http';
    const base = `${scheme}://${String(headers.host ?? headers[':authority'] ?? 'localhost')}`;
    const origin = URL.canParse(base) ? new URL(base).origin : `${scheme}://localhost`;
    // A path may begin with two slashes, which a URL would take for another host.
    const target = url.startsWith('/') ? origin + url : url;
    const whole = new URL(/^https?:\/\//i.test(target) && URL.canParse(target) ? target : origin);
    whole.username = ''; // a Request can't be made from a URL with credentials
    whole.password = '';
    return whole;
  }
}
