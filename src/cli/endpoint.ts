/** The HTTP server around the supervisor: the endpoint at its path, and a word for whoever asks elsewhere. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, type Socket, Server as TcpServer } from 'node:net';
import type { Logger } from '../index.ts';
import { CommandFailure, describeError } from './failure.ts';
import { Repeated } from './repeated.ts';

/** How long connections may take to end by themselves once nothing is in flight, in ms. */
const CLOSING_GRACE = 1_000;

/** How long a connection that has no request may still bring one when nobody listens any more, in ms. */
const LAST_REQUESTS = 200;

/** Node's own bound of a whole request, in ms; a longer `--request-body-timeout` has to lift it. */
const NODE_REQUEST_TIMEOUT = 300_000;

/** Node's own bound of a request's headers, in ms. */
const NODE_HEADERS_TIMEOUT = 60_000;

/**
 * How long an idle connection is kept by default, in ms. Load balancers keep theirs for 60 s; whoever closes first must
 * not be the server, or a request meets a closing connection and its client gets 502.
 */
const DEFAULT_HTTP_KEEP_ALIVE_TIMEOUT = 65_000;

/** By how much the bound of the headers is above that, in ms: some versions of Node count it from the last request on. */
const HEADERS_MARGIN = 1_000;

/** Why no connection can be accepted, and who may change that. */
const TOO_MANY_FILES: Readonly<Record<string, string>> = {
  EMFILE: 'no connection is accepted: this process has too many files open, `ulimit -n` says how many it may have',
  ENFILE: 'no connection is accepted: the machine has too many files open',
};

/** How many turns of the event loop there may be to accept who has connected: as many as stand in the queue. */
const LAST_TURNS = 512;

export interface EndpointOptions {
  readonly path: string;
  /** In ms. */
  readonly requestBodyTimeout: number | undefined;
  /** How long a connection without a request is kept, in ms. Default 65 000. */
  readonly httpKeepAliveTimeout: number | undefined;
  /** Told of what goes wrong with the listening socket, such as too many open files. */
  readonly log: Logger;
}

/** Told of each request that was answered with 400 or more. */
export type RefusalListener = (req: IncomingMessage, status: number) => void;

export class Endpoint {
  readonly #path: string;
  readonly #server: Server;
  readonly #calls = new Set<ServerResponse>();
  readonly #sockets = new Set<Socket>();
  readonly #log: Logger;
  #handler: RequestListener = (_req, res) => res.writeHead(503, { 'Retry-After': '1' }).end();
  #refused: RefusalListener = () => {};
  #isClosing = false;
  /** Connections stay for their calls alone. */
  #isLate = false;

  constructor({ path, requestBodyTimeout = 0, httpKeepAliveTimeout, log }: EndpointOptions) {
    this.#path = path;
    this.#log = log;
    const server = createServer((req, res) => this.#route(req, res));
    server.keepAliveTimeout = httpKeepAliveTimeout ?? DEFAULT_HTTP_KEEP_ALIVE_TIMEOUT;
    server.headersTimeout = Math.max(NODE_HEADERS_TIMEOUT, server.keepAliveTimeout + HEADERS_MARGIN);
    server.requestTimeout = Math.max(NODE_REQUEST_TIMEOUT, requestBodyTimeout + server.headersTimeout);
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server = server;
  }

  /**
   * Listens, and resolves to the real port and to the address that the host turned out to be.
   * @throws {CommandFailure} when that is not possible.
   */
  async listen(host: string, port: number): Promise<{ readonly address: string; readonly port: number }> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(new CommandFailure(bindingFailure(host, port, error))));
      this.#server.listen(port, host, resolve);
    });
    const troubles = new Repeated(this.#log);
    this.#server.removeAllListeners('error').on('error', (error) => {
      const { code = '' } = error as NodeJS.ErrnoException;
      const message = TOO_MANY_FILES[code] ?? 'the HTTP server has a problem';
      troubles.tell(code, { level: 'error', event: 'http.failed', message, error });
    });
    return this.#server.address() as AddressInfo;
  }

  /** Says who answers at the path, and who hears of refusals: known only after listening, because they need the port. */
  serve(handler: RequestListener, refused: RefusalListener): void {
    this.#handler = handler;
    this.#refused = refused;
  }

  /** The answers to POSTs that have not ended: clients that wait for something. */
  get calls(): ReadonlySet<ServerResponse> {
    return this.#calls;
  }

  /**
   * Stops listening and resolves when every connection has ended, those that linger by force. One without a request is
   * left for a moment: the request may be on its way, and a balancer sends another nothing that may have got here.
   * `patience`: how long calls may take that are not over yet, in ms; those that another node answers are none of a drain's.
   * @returns the calls that were cut off.
   */
  async close(patience = 0): Promise<readonly ServerResponse[]> {
    let cut: readonly ServerResponse[] = [];
    const closed = new Promise<void>((resolve) => {
      this.#server.once('close', () => resolve());
    });
    this.#isClosing = true;
    await this.#accepted();
    // Node's HTTP server would close at once what has no request yet.
    TcpServer.prototype.close.call(this.#server);
    const last = setTimeout(() => this.#server.closeIdleConnections(), LAST_REQUESTS);
    const grace = setTimeout(() => this.#endOthers(), CLOSING_GRACE);
    const force = setTimeout(
      () => {
        cut = [...this.#calls];
        this.#server.closeAllConnections();
      },
      Math.max(CLOSING_GRACE, patience),
    );
    await closed;
    for (const timer of [last, grace, force]) clearTimeout(timer);
    return cut;
  }

  /** Ends what is no call. */
  #endOthers(): void {
    this.#isLate = true;
    const ofCalls = new Set([...this.#calls].map(({ socket }) => socket));
    for (const socket of this.#sockets) if (!ofCalls.has(socket)) socket.destroy();
  }

  /**
   * Resolves in a turn of the event loop in which nobody was left to accept: Node takes one a turn, and whoever stands in
   * the queue when it is closed is cut off.
   */
  async #accepted(): Promise<void> {
    let quiet = 0;
    const noise = () => {
      quiet = 0;
    };
    this.#server.on('connection', noise);
    // The first turn may be one that is nearly over.
    for (let turn = 0; turn < LAST_TURNS && quiet < 2; turn++) {
      quiet++;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#server.off('connection', noise);
  }

  #route(req: IncomingMessage, res: ServerResponse): void {
    if (this.#isClosing) res.shouldKeepAlive = false;
    res.on('close', () => {
      this.#calls.delete(res);
      if (this.#isLate) req.socket.destroySoon();
      if (res.statusCode >= 400 && res.writableFinished) this.#refused(req, res.statusCode);
    });
    const path = req.url === this.#path ? this.#path : pathOf(req.url ?? '/');
    if (path === this.#path || withoutSlash(path) === withoutSlash(this.#path)) {
      if (req.method === 'POST') this.#calls.add(res);
      this.#handler(req, res);
      return;
    }
    // Nobody will read the body, so the connection can't be used again before it has passed.
    if (req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined) {
      res.setHeader('Connection', 'close');
    }
    if (path === '/' && (req.method === 'GET' || req.method === 'HEAD')) {
      res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
      res.end(`This is an MCP server. Its endpoint is ${this.#path} (Streamable HTTP).\n`);
      return;
    }
    res.writeHead(404, { 'Content-Type': 'application/json' });
    res.end(JSON.stringify({ error: 'Not found', endpoint: this.#path }));
  }
}

/** The path of a request's target, which a proxy may send as a whole URL (RFC 9112, 3.2.2). */
function pathOf(target: string): string {
  if (!target.startsWith('/') && URL.canParse(target)) return new URL(target).pathname;
  const [path = ''] = target.split('?', 1);
  return path;
}

/** `/mcp/` is `/mcp`: people write both, and so do proxies. */
function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

function bindingFailure(host: string, port: number, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use; --port takes another one, --port 0 any free one`;
    case 'EACCES':
      return `port ${port} on ${host} needs more rights than this process has; --port takes another one`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `cannot listen on ${host}: this machine has no such address`;
    default:
      return `cannot listen on ${host}, port ${port}: ${describeError(error)}`;
  }
}
