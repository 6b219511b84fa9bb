/** The HTTP server around the supervisor: the endpoint at its path, and a word for whoever asks elsewhere. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../index.ts';
import { CommandFailure, describeError } from './failure.ts';

/** How long connections may take to end by themselves once nothing is in flight, in ms. */
const CLOSING_GRACE = 1_000;

/** Node's own bound of a whole request, in ms; a longer `--request-body-timeout` has to lift it. */
const NODE_REQUEST_TIMEOUT = 300_000;

export interface EndpointOptions {
  readonly path: string;
  /** In ms. */
  readonly requestBodyTimeout: number | undefined;
  /** Told of each refused request, and of what goes wrong with the listening socket, such as too many open files. */
  readonly log: Logger;
}

export class Endpoint {
  readonly #path: string;
  readonly #server: Server;
  readonly #calls = new Set<ServerResponse>();
  readonly #log: Logger;
  #handler: RequestListener = (_req, res) => res.writeHead(503, { 'Retry-After': '1' }).end();

  constructor({ path, requestBodyTimeout = 0, log }: EndpointOptions) {
    this.#path = path;
    this.#log = log;
    this.#server = createServer((req, res) => this.#route(req, res));
    this.#server.requestTimeout = Math.max(NODE_REQUEST_TIMEOUT, requestBodyTimeout + this.#server.headersTimeout);
  }

  /**
   * Listens, and resolves to the real port.
   * @throws {CommandFailure} when that is not possible.
   */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(new CommandFailure(bindingFailure(host, port, error))));
      this.#server.listen(port, host, resolve);
    });
    this.#server.removeAllListeners('error').on('error', (error) => {
      this.#log({ level: 'error', event: 'http.failed', message: 'the HTTP server has a problem', error });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Says who answers at the path. It is known only after listening, because it has to know the port. */
  serve(handler: RequestListener): void {
    this.#handler = handler;
  }

  /** The answers to POSTs that have not ended: clients that wait for something. */
  get calls(): ReadonlySet<ServerResponse> {
    return this.#calls;
  }

  /** Stops listening and resolves when every connection has ended, those that linger by force. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    const force = setTimeout(() => this.#server.closeAllConnections(), CLOSING_GRACE);
    await closed;
    clearTimeout(force);
  }

  #route(req: IncomingMessage, res: ServerResponse): void {
    res.once('finish', () => this.#logRefusal(req, res.statusCode));
    const path = pathOf(req.url ?? '/');
    if (path === this.#path) {
      if (req.method === 'POST') {
        this.#calls.add(res);
        res.once('close', () => this.#calls.delete(res));
      }
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

  #logRefusal(req: IncomingMessage, status: number): void {
    if (status < 400) return;
    const { method, url, headers } = req;
    const { host, origin } = headers;
    const asked = `${method} ${url} of ${host ?? 'no host'}${origin === undefined ? '' : `, origin ${origin}`}`;
    const message = `refused with ${status} ${STATUS_CODES[status] ?? ''}: ${asked}`;
    this.#log({ level: 'debug', event: 'request.refused', message, status, method, url, host, origin });
  }
}

/** The path of a request's target, which a proxy may send as a whole URL (RFC 9112, 3.2.2). */
function pathOf(target: string): string {
  if (!target.startsWith('/') && URL.canParse(target)) return new URL(target).pathname;
  const [path = ''] = target.split('?', 1);
  return path;
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
