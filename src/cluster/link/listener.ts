/** Where peers connect to: a server of HTTP, all of whose connections become links. */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createSecureServer, type ServerOptions as SecureOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterwards, notAfterwards } from '../../clock.ts';
import type { LogEntry } from '../../options.ts';
import type { IncomingPeerRequest, ListenOptions, PeerListener, PeerTls } from '../peerNetwork.ts';
import { SOCKET_OPTIONS } from './link.ts';
import { ServedLink } from './servedLink.ts';
import { webSockets } from './sockets.ts';

export interface ListenerLimits {
  readonly maxConnections: number;
  /** In ms. */
  readonly silenceTimeout: number;
}

/** How large a head of HTTP may be, in bytes, and how long it may take, in ms. */
const MAX_HEAD = 4_096;
const HEAD_TIME = 10_000;

/** How long links may take to be closed, in ms. */
const CLOSE_TIME = 5_000;

const LISTENER_FAILED = 'A connection of a peer could not be taken';

/** Rejects where the address can't be bound. */
export async function listenForPeers(
  { host, port, tls }: ListenOptions,
  serve: (incoming: IncomingPeerRequest) => void,
  limits: ListenerLimits,
  log: (entry: LogEntry) => void,
): Promise<PeerListener> {
  const { WebSocketServer } = await webSockets();
  const options = { maxHeaderSize: MAX_HEAD, headersTimeout: HEAD_TIME, requestTimeout: HEAD_TIME, noDelay: true };
  const server = tls === undefined ? createServer(options) : createSecureServer({ ...options, ...serverTls(tls) });
  server.maxConnections = limits.maxConnections;
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, ...SOCKET_OPTIONS });
  const listener = new Listener(server);
  const linkHost = { serve, log, over: (link: ServedLink) => listener.forget(link) };
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {}); // before it is a link; then 'close' says so
    if (listener.closes) return refuse(socket, 503);
    sockets.handleUpgrade(request, socket, head, (opened) => {
      listener.take(new ServedLink(opened, linkHost, limits.silenceTimeout));
    });
  });
  const noUpgrade = (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(426, { Connection: 'close', Upgrade: 'websocket' }).end();
  };
  server.on('request', noUpgrade);
  server.on('checkContinue', noUpgrade);
  server.on('checkExpectation', noUpgrade);
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

function refuse(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

class Listener implements PeerListener {
  url = '';
  readonly #server: Server;
  readonly #links = new Set<ServedLink>();
  #closing: Promise<void> | undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  get closes(): boolean {
    return this.#closing !== undefined;
  }

  take(link: ServedLink): void {
    this.#links.add(link);
    if (this.closes) link.leave();
  }

  forget(link: ServedLink): void {
    this.#links.delete(link);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const server = this.#server;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const link of this.#links) link.leave();
    const late = afterwards(() => {
      for (const { link } of [...this.#links]) link.cut();
      server.closeAllConnections();
    }, CLOSE_TIME);
    await closed;
    notAfterwards(late);
  }
}
