/** The inspector's server: the page, its feed, and the relay for Stately's inspector, on a port of their own. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type SessionSupervisor, SupervisorError } from '../index.ts';
import { Access } from './access.ts';
import { Feed } from './feed.ts';
import { Relay } from './inspection.ts';
import { type InspectorOptions, resolveInspectorOptions } from './inspectorOptions.ts';
import { readPageFiles } from './pageFiles.ts';
import { Pages, targetOf } from './pages.ts';
import { CLOSE_CODES } from './protocol.ts';
import { Rows } from './rows.ts';
import { readSelection, type Selection } from './selection.ts';
import { Timeouts } from './timeouts.ts';
import { Viewer } from './viewer.ts';

/** The longest frame that a viewer may send, in bytes. */
const MAX_FRAME = 4_096;

/** Connections that are no viewers: those that load the page. */
const MORE_CONNECTIONS = 64;

const PAGE = new URL('./page/', import.meta.url);

/** A running inspector. */
export interface Inspector {
  /** Where the page is, token included. Who has it can look. */
  readonly url: string;
  /** Where the page with Stately's inspector is; it comes from the internet. Token included. */
  readonly statelyUrl: string;
  readonly port: number;
  readonly token: string;
  /** Sends everybody away and stops listening. Resolves when nothing is left; twice is harmless. */
  close(): Promise<void>;
}

/**
 * Serves a live view of a supervisor's sessions. Resolves when it listens.
 * @throws {SupervisorError} `NOT_A_SUPERVISOR`, `INVALID_OPTION` or `UNKNOWN_OPTION`; rejects with Node's error when it can't listen.
 * @example
 * ```ts
 * import { serveInspector } from 'mcp-session-supervisor/inspector';
 *
 * const inspector = await serveInspector(supervisor, { port: 4000 });
 * console.log(inspector.url);
 * process.once('SIGTERM', () => supervisor.drain().then(() => inspector.close()));
 * ```
 */
export async function serveInspector(
  supervisor: SessionSupervisor,
  options: InspectorOptions = {},
): Promise<Inspector> {
  if (typeof supervisor?.sessions !== 'function' || typeof supervisor.on !== 'function') {
    throw new SupervisorError('NOT_A_SUPERVISOR', 'Expected a supervisor made by createSessionSupervisor');
  }
  const resolved = resolveInspectorOptions(options);
  const { host, port, token, maxViewers, maxViewerBuffer: maxBuffer, pingInterval, revealIds } = resolved;
  const inspection = resolved.inspection ?? new Relay({ revealIds });
  if (!(inspection instanceof Relay)) {
    throw new SupervisorError('INVALID_OPTION', 'inspection must be made by createInspection');
  }
  const access = new Access(resolved);
  const pages = new Pages(access, await readPageFiles(PAGE));
  const timeouts = new Timeouts(supervisor);
  const rows = new Rows(inspection.names, { ...resolved, idleTimeout: () => timeouts.idle });
  const feed = new Feed(supervisor, rows, { ...resolved, timeouts, version: packageVersion() });
  const viewers = new Set<Viewer>();
  const welcome = (socket: WebSocket, selection: Selection | undefined): void => {
    const viewer = new Viewer(socket, { maxBuffer, pingInterval });
    viewers.add(viewer);
    const drop =
      selection === undefined ? feed.addViewer(viewer) : inspection.addViewer(viewer, supervisor.actor, selection);
    viewer.onGone = () => {
      viewers.delete(viewer);
      drop();
    };
  };

  const server = createServer((req, res) => pages.answer(req, res));
  server.maxConnections = maxViewers + MORE_CONNECTIONS;
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: MAX_FRAME });
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {});
    const { pathname, searchParams } = targetOf(req);
    if (!access.knowsHost(req) || !access.knowsOrigin(req)) return refuse(socket, 403);
    if (!access.knowsToken(searchParams.get('token'))) return refuse(socket, 403);
    if (pathname !== '/feed' && pathname !== '/stately') return refuse(socket, 404);
    const selection = pathname === '/stately' ? readSelection(searchParams) : undefined;
    if (pathname === '/stately' && selection === undefined) return refuse(socket, 400);
    if (viewers.size >= maxViewers) return refuse(socket, 503);
    sockets.handleUpgrade(req, socket, head, (upgraded) => welcome(upgraded, selection));
  });
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    feed.close();
    throw error;
  });

  const { port: listening } = server.address() as AddressInfo;
  const base = `http://${reachableName(host)}:${listening}`;
  let closed: Promise<void> | undefined;
  return {
    url: `${base}/?token=${token}`,
    statelyUrl: `${base}/stately?token=${token}`,
    port: listening,
    token,
    close: () => {
      closed ??= (async () => {
        feed.close();
        const left = [...viewers].map((viewer) => viewer.gone);
        for (const viewer of viewers) viewer.leave(CLOSE_CODES.goingAway, 'the server is closing');
        server.close();
        server.closeAllConnections();
        await Promise.all([once(server, 'close'), ...left]);
      })();
      return closed;
    },
  };
}

/** What is bound to every address is reached at loopback; an IPv6 address stands in brackets. */
function reachableName(host: string): string {
  const name = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return name.includes(':') ? `[${name}]` : name;
}

function refuse(socket: Duplex, status: number): void {
  const text = STATUS_CODES[status] ?? '';
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  );
}

function packageVersion(): string {
  const requireSelf = createRequire(import.meta.url);
  return (requireSelf('mcp-session-supervisor/package.json') as { version: string }).version;
}
