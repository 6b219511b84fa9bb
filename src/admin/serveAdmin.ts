/** The admin's server: health, metrics, the API and the page, on a listener of their own. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Access } from '../door/access.ts';
import { type SessionSupervisor, SupervisorError } from '../index.ts';
import { resolveInspectorOptions } from '../inspector/inspectorOptions.ts';
import { type MountedInspector, mountInspector } from '../inspector/mount.ts';
import { prometheusMetrics } from '../telemetry/index.ts';
import { type AdminOptions, type ResolvedAdminOptions, resolveAdminOptions } from './adminOptions.ts';
import { Audit, peerOf } from './audit.ts';
import { Changes } from './changes.ts';
import { Desk, PAGE_PATH } from './desk.ts';
import { Health } from './health.ts';
import { listen } from './listening.ts';
import { SessionList } from './sessionList.ts';
import { SessionRows } from './sessionRows.ts';

/** Connections at a time, viewers of the page included. */
const MAX_CONNECTIONS = 256;

/** How long a request may take to come, and how often that is looked at, in ms. */
const REQUEST_TIMEOUT = 5_000;
const LOOKED_AT_EVERY = 1_000;

/** How long what is being answered may take when it closes, in ms. */
const CLOSING_GRACE = 1_000;

/** A running admin. */
export interface Admin {
  /** `host:port`, or the path of the unix socket. */
  readonly address: string;
  /** Where it is reached; undefined for a unix socket, which no URL names. */
  readonly url: string | undefined;
  /** Undefined for a unix socket. */
  readonly port: number | undefined;
  /** Where the inspector's page is, token included; undefined without one, and for a unix socket. */
  readonly inspectorUrl: string | undefined;
  readonly token: string;
  /** Stops listening, and removes a unix socket. Resolves when nothing is left; twice is harmless. */
  close(): Promise<void>;
}

/**
 * Serves health, metrics and administration of a supervisor. Resolves when it listens. Close it after the drain, so that
 * `/livez` goes on meanwhile.
 * @throws {SupervisorError} `NOT_A_SUPERVISOR`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `CONFLICTING_OPTIONS`; `CANNOT_LISTEN`.
 * @example
 * ```ts
 * import { serveAdmin } from 'mcp-session-supervisor/admin';
 *
 * const admin = await serveAdmin(supervisor, { port: 9464 });
 * console.log(`health, metrics and sessions at ${admin.url}`);
 * process.once('SIGTERM', () => supervisor.drain({ delay: 5_000 }).then(() => admin.close()));
 * ```
 */
export async function serveAdmin(supervisor: SessionSupervisor, options: AdminOptions = {}): Promise<Admin> {
  if (typeof supervisor?.readiness !== 'function' || typeof supervisor.park !== 'function') {
    throw new SupervisorError('NOT_A_SUPERVISOR', 'Expected a supervisor made by createSessionSupervisor');
  }
  const resolved = resolveAdminOptions(supervisor, options);
  const { place, token, allowChanges, drain, maxLoopLag } = resolved;
  const access = new Access({ ...resolved, host: 'host' in place ? place.host : 'localhost' });
  const audit = new Audit(resolved.logger, token);
  const page = resolved.inspector ? await mountPage(supervisor, resolved, access, audit) : undefined;
  const health = new Health(supervisor, maxLoopLag);
  const rows = new SessionRows(resolved);
  const list = new SessionList(supervisor, rows);
  const changes = new Changes({ supervisor, audit, allowed: allowChanges, drain });
  const ours = resolved.metrics === undefined ? prometheusMetrics(supervisor) : undefined;
  const metrics = resolved.metrics === false ? undefined : (resolved.metrics ?? ours);
  const desk = new Desk({ access, audit, health, api: { supervisor, rows, list, changes }, metrics, page });

  const times = { headersTimeout: REQUEST_TIMEOUT, requestTimeout: REQUEST_TIMEOUT };
  const server = createServer(
    { ...times, connectionsCheckingInterval: LOOKED_AT_EVERY },
    (req, res) => void desk.answer(req, res),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('upgrade', (req, socket, head) => desk.upgrade(req, socket, head));
  let stop = () => {};
  const end = async () => {
    health.close();
    list.close();
    ours?.stop();
    await Promise.all([page?.close(), closeServer(server, stop)]);
  };
  const listening = await listen(server, resolved).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  const { bound } = listening;
  stop = listening.stop;
  server.on('error', (error) => audit.failed('The listener of the admin has a problem', error));

  let closed: Promise<void> | undefined;
  return {
    ...bound,
    inspectorUrl: page && bound.url && `${bound.url}${PAGE_PATH}?token=${token}`,
    token,
    close: () => {
      closed ??= end();
      return closed;
    },
  };
}

function mountPage(
  supervisor: SessionSupervisor,
  { allowChanges, revealIds, revealPrincipals, token }: ResolvedAdminOptions,
  access: Access,
  audit: Audit,
): Promise<MountedInspector> {
  const options = resolveInspectorOptions({ allowTerminate: allowChanges, revealIds, revealPrincipals, token });
  return mountInspector(supervisor, options, access, (req) => {
    const peer = peerOf(req);
    return ({ id: sessionId, outcome }) =>
      audit.changed(peer, { action: 'session.end', outcome: told(outcome), sessionId, reason: 'terminated' });
  });
}

/** What came of it on the page, as the API says it. */
function told(outcome: string): string {
  return { done: 'ended', unknown: 'notFound' }[outcome] ?? outcome;
}

/** Ends what does not end by itself. */
async function closeServer(server: Server, stop: () => void): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  stop();
  server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), CLOSING_GRACE);
  await closed;
  clearTimeout(force);
}
