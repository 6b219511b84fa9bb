/** The page, its feed, and the relay for Stately's inspector, wherever they are mounted: who serves them has the server. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Access } from '../door/access.ts';
import { refuseUpgrade, targetOf } from '../door/answer.ts';
import { type SessionSupervisor, SupervisorError } from '../index.ts';
import { Feed } from './feed.ts';
import { Relay } from './inspection.ts';
import type { ResolvedInspectorOptions } from './inspectorOptions.ts';
import { readPageFiles } from './pageFiles.ts';
import { Pages } from './pages.ts';
import { CLOSE_CODES } from './protocol.ts';
import { Rows } from './rows.ts';
import { readSelection, type Selection } from './selection.ts';
import { Timeouts } from './timeouts.ts';
import { type TerminatedByViewer, Viewer } from './viewer.ts';

/** The longest frame that a viewer may send, in bytes. */
const MAX_FRAME = 4_096;

const PAGE = new URL('./page/', import.meta.url);

/** Makes what hears that a viewer wanted a session to end, who has come by this request. */
export type TerminationListener = (req: IncomingMessage) => (told: TerminatedByViewer) => void;

/** A mounted page; paths are those below its own. */
export interface MountedInspector {
  answer(req: IncomingMessage, res: ServerResponse, path: string): void;
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer, path: string): void;
  /** Sends everybody away. Resolves when nobody is left. */
  close(): Promise<void>;
}

/** @throws {SupervisorError} `INVALID_OPTION` for an inspection that is none. */
export async function mountInspector(
  supervisor: SessionSupervisor,
  options: ResolvedInspectorOptions,
  access: Access,
  terminated: TerminationListener = () => () => {},
): Promise<MountedInspector> {
  const { maxViewers, maxViewerBuffer: maxBuffer, pingInterval, revealIds } = options;
  const inspection = options.inspection ?? new Relay({ revealIds });
  if (!(inspection instanceof Relay)) {
    throw new SupervisorError('INVALID_OPTION', 'inspection must be made by createInspection');
  }
  const pages = new Pages(access, await readPageFiles(PAGE));
  const timeouts = new Timeouts(supervisor);
  const rows = new Rows(inspection.names, { ...options, idleTimeout: () => timeouts.idle });
  const feed = new Feed(supervisor, rows, { ...options, timeouts, version: packageVersion() });
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: MAX_FRAME });
  const viewers = new Set<Viewer>();
  const welcome = (req: IncomingMessage, socket: WebSocket, selection: Selection | undefined): void => {
    const viewer = new Viewer(socket, { maxBuffer, pingInterval });
    viewers.add(viewer);
    viewer.onTerminated = terminated(req);
    const drop =
      selection === undefined ? feed.addViewer(viewer) : inspection.addViewer(viewer, supervisor.actor, selection);
    viewer.onGone = () => {
      viewers.delete(viewer);
      drop();
    };
  };
  return {
    answer: (req, res, path) => pages.answer(req, res, path),
    upgrade: (req, socket, head, path) => {
      socket.on('error', () => {});
      const { searchParams } = targetOf(req);
      if (!access.knowsHost(req) || !access.knowsOrigin(req)) return refuseUpgrade(socket, 403);
      if (!access.knowsToken(searchParams.get('token'))) return refuseUpgrade(socket, 403);
      if (path !== '/feed' && path !== '/stately') return refuseUpgrade(socket, 404);
      const selection = path === '/stately' ? readSelection(searchParams) : undefined;
      if (path === '/stately' && selection === undefined) return refuseUpgrade(socket, 400);
      if (viewers.size >= maxViewers) return refuseUpgrade(socket, 503);
      sockets.handleUpgrade(req, socket, head, (upgraded) => welcome(req, upgraded, selection));
    },
    close: async () => {
      feed.close();
      const left = [...viewers].map((viewer) => viewer.gone);
      const isStopped = supervisor.stats().drain?.phase === 'stopped';
      const code = isStopped ? CLOSE_CODES.stopped : CLOSE_CODES.goingAway;
      for (const viewer of viewers) viewer.leave(code, isStopped ? 'drained' : 'the server is closing');
      await Promise.all(left);
    },
  };
}

function packageVersion(): string {
  const requireSelf = createRequire(import.meta.url);
  return (requireSelf('mcp-session-supervisor/package.json') as { version: string }).version;
}
