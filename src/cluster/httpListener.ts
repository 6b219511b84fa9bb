/** Where peers connect to. What comes is handed on by its head; a content is read when it is asked for. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions as SecureOptions } from 'node:https';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { afterwards, type Clock, notAfterwards } from '../clock.ts';
import { NodeExchange } from '../http/nodeExchange.ts';
import type { LogEntry } from '../options.ts';
import type { Reply } from '../transport/exchange.ts';
import type {
  ContentFailure,
  ContentLimits,
  IncomingPeerRequest,
  ListenOptions,
  PeerListener,
  PeerTls,
} from './peerNetwork.ts';
import { PEER_HEADER } from './peerNetwork.ts';

export interface ListenerLimits {
  readonly clock: Clock;
  readonly maxConnections: number;
  /** When a connection on which nothing comes is tried for the first time, in ms. */
  readonly probeAfter: number;
  /** How long peers keep a free connection, in ms. */
  readonly idleTime: number;
}

/** How large a head of HTTP may be, in bytes; that of a peer takes some 700. */
const MAX_HEAD = 4_096;

/** How long a peer may take for the head of a request, and for all of it, in ms. */
const HEAD_TIME = 10_000;
const REQUEST_TIME = 30_000;

/** A peer that has no answer yet after so many ms, or twice as many, is told that its request is here. */
const TELL_AFTER = 1_000;

/** How much longer than its peers the listener waits for a free connection to be closed, in ms. */
const GRACE = 1_000;

/** The header as node:http has it. */
const HEAD = PEER_HEADER.toLowerCase();

/** Rejects where the address can't be bound. */
export async function listenForPeers(
  { host, port, tls }: ListenOptions,
  serve: (incoming: IncomingPeerRequest) => void,
  limits: ListenerLimits,
  log: (entry: LogEntry) => void,
): Promise<PeerListener> {
  const options = {
    maxHeaderSize: MAX_HEAD,
    headersTimeout: HEAD_TIME,
    requestTimeout: REQUEST_TIME,
    connectionsCheckingInterval: HEAD_TIME,
    keepAliveTimeout: 0, // peers close what is free; probes find those that are gone
    keepAlive: true,
    keepAliveInitialDelay: limits.probeAfter,
    noDelay: true,
  };
  const server = tls === undefined ? createServer(options) : createSecureServer({ ...options, ...serverTls(tls) });
  server.maxConnections = limits.maxConnections;
  const listener = new HttpListener(server, serve, limits, log);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => log({ level: 'error', event: 'peer.listenerFailed', message: LISTENER_FAILED, error }));
  const { port: bound } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  listener.url = `${tls === undefined ? 'http' : 'https'}://${name}:${bound}`;
  return listener;
}

function serverTls({ key, cert, ca, requestCert = false }: PeerTls): SecureOptions {
  return { key, cert, ...(ca !== undefined && { ca }), requestCert, rejectUnauthorized: requestCert };
}

const LISTENER_FAILED = 'A connection of a peer could not be taken';

class HttpListener implements PeerListener {
  url = '';
  readonly #server: Server;
  readonly #serve: (incoming: IncomingPeerRequest) => void;
  readonly #limits: ListenerLimits;
  readonly #host: ConstructorParameters<typeof NodeExchange>[3];
  /** What is not answered yet, and whether its sender knows that it is here. */
  readonly #open = new Map<ServerResponse, 'new' | 'seen' | 'told'>();
  #ticking = false;
  #closing: Promise<void> | undefined;

  constructor(
    server: Server,
    serve: (incoming: IncomingPeerRequest) => void,
    limits: ListenerLimits,
    log: (entry: LogEntry) => void,
  ) {
    this.#server = server;
    this.#serve = serve;
    this.#limits = limits;
    this.#host = { options: { clock: limits.clock, keepAliveInterval: Number.POSITIVE_INFINITY }, log };
    const take = (request: IncomingMessage, response: ServerResponse) => this.#take(request, response);
    server.on('request', take);
    server.on('checkContinue', take); // the sender waits for a word before it sends the content
    server.on('checkExpectation', take); // no peer expects anything else; Node would answer, and keep the connection for ever
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const response of this.#open.keys()) lastOfConnection(response);
    const server = this.#server;
    const closed = new Promise<void>((resolve) => server.once('close', resolve));
    // Not node:http's own `close`, which cuts free connections: a request may be on its way on each of them.
    NetServer.prototype.close.call(server);
    const late = afterwards(() => server.closeAllConnections(), this.#limits.idleTime + GRACE);
    await closed;
    notAfterwards(late);
    server.close(() => {}); // only to end its timer
  }

  /** Tells the senders of what has no answer yet at least that it is here. */
  tell(): void {
    this.#ticking = false;
    for (const [response, state] of this.#open) {
      if (state === 'told') continue;
      this.#open.set(response, state === 'new' ? 'seen' : 'told');
      if (state === 'seen' && !response.headersSent && response.req.complete) response.writeProcessing();
    }
    if (this.#open.size > 0) this.#tick();
  }

  #tick(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    afterwards(tick, TELL_AFTER, this).unref();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.#open.set(response, 'new');
    this.#tick();
    response.sendDate = false;
    if (this.#closing !== undefined) lastOfConnection(response);
    response.once('close', () => this.#open.delete(response));
    const reply = new NodeExchange(request, response, undefined, this.#host);
    this.#serve(new HttpIncoming(request, response, reply));
  }
}

/** Once a second while something is open: a timer for each request would cost more. */
function tick(listener: HttpListener): void {
  listener.tell();
}

function lastOfConnection(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

class HttpIncoming implements IncomingPeerRequest {
  readonly reply: Reply;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse, reply: Reply) {
    this.#request = request;
    this.#response = response;
    this.reply = reply;
  }

  get head(): string | undefined {
    const head = this.#request.headers[HEAD];
    return typeof head === 'string' ? head : undefined;
  }

  read({ size, budget }: ContentLimits, done: (content: Uint8Array | ContentFailure) => void): void {
    const request = this.#request;
    if (Number(request.headers['content-length']) !== size) return done('aborted');
    let chunks: Uint8Array[] = [];
    let settled = false;
    const settle = (content: Uint8Array | ContentFailure) => {
      if (settled) return;
      settled = true;
      chunks = [];
      share?.release();
      done(content);
    };
    const share = budget?.share(() => settle('full'));
    request.on('data', (chunk: Uint8Array) => {
      if (settled) return;
      // What comes whole takes nothing of the budget: it waits for nothing.
      if (chunk.length < size && share?.take(chunk.length) === false) return settle('full');
      chunks.push(chunk);
    });
    request.on('end', () => {
      if (!settled) settle(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks));
    });
    request.on('close', () => settle('aborted'));
    request.on('error', () => settle('aborted'));
    if (request.headers.expect !== undefined) this.#response.writeContinue();
  }
}
