/** The Node adapter: an exchange over `http.IncomingMessage` and `http.ServerResponse`, or HTTP/2's compatible ones. */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { LogEntry } from '../options.ts';
import type { BodyLimits, BodyResult, Exchange, RequestHeaders, ResponseHeaders } from '../transport/exchange.ts';
import { Closing } from './closing.ts';
import { onCloseWhileWaiting, onConnectionClose, type ProbeLimits } from './connectionClose.ts';
import { readNodeBody } from './nodeBody.ts';
import { setNodeHeader } from './nodeHeader.ts';
import { NodeRequestInfo } from './nodeRequestInfo.ts';

/** What is still read of a body that nobody wants, in bytes and ms, so that the client sees the answer. */
const LINGER_BYTES = 256 * 1024;
const LINGER_TIME = 2_000;

/**
 * Node takes a flat list of headers as it is, which is the quickest. Middleware that wraps `writeHead` (on-headers before
 * 1.1) reads a list in a way of its own, so it gets an object.
 */
const NODES_WRITE_HEAD = ServerResponse.prototype.writeHead;

function listOf(headers: ResponseHeaders, length: string | undefined): string[] {
  const list: string[] = [];
  for (const name in headers) list.push(name, headers[name] ?? '');
  if (length !== undefined) list.push('Content-Length', length);
  return list;
}

function namesHost(header: string): boolean {
  if (header.length !== 4 && header.length !== 10) return false;
  return /^(host|:authority)$/i.test(header);
}

/** What an exchange needs of the supervisor. */
export interface ExchangeHost {
  readonly options: ProbeLimits;
  log(entry: LogEntry): void;
}

/** From so many characters on text is handed to Node as bytes. */
const LARGE = 65_536;

/** Node keeps a text that waits for its reader three times over, in the longest that UTF-8 might make of it; bytes once. */
function plainOrBytes(text: string | Uint8Array): string | Uint8Array {
  return typeof text !== 'string' || text.length < LARGE ? text : Buffer.from(text);
}

export class NodeExchange implements Exchange {
  onRefused: Exchange['onRefused'];
  readonly parsedBody: unknown;
  readonly #request: IncomingMessage & { auth?: AuthInfo | undefined };
  readonly #response: ServerResponse;
  readonly #host: ExchangeHost;
  readonly #closing: Closing;
  /** Something in the way of the response threw: nothing more is written to it. */
  #broken = false;
  #asked = 0;
  /** Null until it was read. */
  #authInfo: AuthInfo | undefined | null = null;
  #requestInfo: Exchange['requestInfo'] | undefined;

  constructor(
    request: IncomingMessage & { auth?: AuthInfo | undefined },
    response: ServerResponse,
    parsedBody: unknown,
    host: ExchangeHost,
  ) {
    this.#request = request;
    this.#response = response;
    this.#host = host;
    this.#closing = new Closing(response.closed || response.destroyed, host);
    this.parsedBody = parsedBody;
    // Before what middleware listens with: a listener that throws keeps those behind it from being called.
    response.prependListener('close', () => this.#closing.end());
    if (response.socket === null && !this.#closing.over) this.#awaitTurn(request.socket);
    response.on('error', () => {}); // the peer is gone; 'close' says so
  }

  get method(): string {
    return this.#request.method ?? '';
  }

  /** Throws what `req.auth` throws; read once, so that a session is of whom its principal was told of. */
  get authInfo(): AuthInfo | undefined {
    if (this.#authInfo === null) this.#authInfo = this.#request.auth ?? undefined;
    return this.#authInfo;
  }

  get headers(): RequestHeaders {
    return this.#request.headers;
  }

  get hosts(): readonly string[] {
    const { rawHeaders, url = '' } = this.#request;
    const hosts: string[] = [];
    // Node's `headers` keep the first of several.
    for (let n = 0; n < rawHeaders.length; n += 2) {
      if (namesHost(rawHeaders[n] ?? '')) hosts.push(rawHeaders[n + 1] ?? '');
    }
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

  readBody(limits: BodyLimits): Promise<BodyResult> {
    return readNodeBody(this.#request, limits, this.#host.options.clock);
  }

  get closed(): boolean {
    return this.#broken || this.#closing.over;
  }

  get answerable(): boolean {
    return !this.#response.headersSent && this.#request.complete;
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

  onTaken(listener: () => void): void {
    if (this.#response.writableLength < this.#response.writableHighWaterMark) return listener();
    this.#response.once('drain', listener);
  }

  onClose(listener: () => void): void {
    this.#closing.add(listener);
  }

  setHeader(name: string, value: string): void {
    this.#attempt((response) => setNodeHeader(response, name, value));
  }

  respond(status: number, headers: ResponseHeaders, body?: string | Uint8Array): void {
    if (this.closed || this.#response.headersSent) return;
    if (!this.#request.complete) this.#linger();
    this.#attempt((response) => {
      // With its length known, an answer leaves in one write, else in chunks.
      const length = status === 204 ? undefined : String(body === undefined ? 0 : Buffer.byteLength(body));
      if (response.writeHead === NODES_WRITE_HEAD) response.writeHead(status, listOf(headers, length));
      else response.writeHead(status, length === undefined ? headers : { ...headers, 'Content-Length': length });
      response.end(body === undefined ? body : plainOrBytes(body));
    });
  }

  open(headers: ResponseHeaders): void {
    if (this.closed || this.#response.headersSent) return;
    if (!this.#request.complete) this.#linger(); // unread, it would hide from us that the peer has gone
    this.#attempt((response) => response.writeHead(200, headers));
  }

  flush(): void {
    this.#attempt((response) => {
      response.flushHeaders();
      response.socket?.uncork(); // http corks it until the next tick
    });
  }

  write(chunk: string | Uint8Array): void {
    this.#attempt((response) => {
      if (!response.writableEnded) response.write(plainOrBytes(chunk));
    });
  }

  end(chunk?: string): void {
    this.#attempt((response) => {
      if (!response.writableEnded) response.end(chunk === undefined ? chunk : plainOrBytes(chunk));
    });
  }

  destroy(): void {
    const response = this.#response;
    // One that waits for its turn is over by now, and ends the connection when it has that: Node 24 does not by itself.
    const waits = response.socket === null;
    if (waits) response.once('socket', (socket: Socket) => socket.destroy());
    response.destroy();
    if (waits) this.#closing.end();
  }

  /** Does something to the response. Middleware that wraps it may throw, which costs this request and nothing else. */
  #attempt(action: (response: ServerResponse) => void): void {
    if (this.closed) return;
    try {
      action(this.#response);
    } catch (error) {
      this.#broken = true;
      const message = 'A response could not be written, and its connection is ended';
      this.#host.log({ level: 'error', event: 'response.failed', message, error });
      this.destroy();
    }
  }

  /** The response is that of a pipelined request: it gets the socket when those before it have ended. */
  #awaitTurn(socket: Socket): void {
    if (socket.destroyed) return this.#closing.end();
    this.onClose(onCloseWhileWaiting(socket, () => this.#closing.end(), this.#host.options));
  }

  /**
   * The request is answered before its body has come: reads on for a little while, then cuts the connection; not before
   * the answer has its turn, since those before it would be cut too.
   */
  #linger(): void {
    const request = this.#request;
    const { clock } = this.#host.options;
    let size = 0;
    let timer: unknown;
    let begun = false;
    const begin = () => {
      begun = true;
      timer = clock.setTimeout(() => request.destroy(), LINGER_TIME);
    };
    const stop = () => {
      clock.clearTimeout(timer);
      this.#response.off('socket', begin);
      unlisten?.();
    };
    if (this.#response.socket === null) this.#response.once('socket', begin);
    else begin();
    // Once it is answered, a request of HTTP/1 is not told either when its connection ends.
    const unlisten = request.httpVersionMajor < 2 ? onConnectionClose(request.socket, stop) : undefined;
    request.on('data', (chunk: Buffer | string) => {
      if (begun) size += chunk.length;
      if (size > LINGER_BYTES) request.destroy();
    });
    request.on('close', stop);
    request.on('end', stop);
    request.on('error', () => {});
  }
}
