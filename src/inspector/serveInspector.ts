/** The inspector's server: the page, its feed, and the relay for Stately's inspector, on a port of their own. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Access } from '../door/access.ts';
import { reachableName } from '../door/addresses.ts';
import { targetOf } from '../door/answer.ts';
import { type SessionSupervisor, SupervisorError } from '../index.ts';
import { type InspectorOptions, resolveInspectorOptions } from './inspectorOptions.ts';
import { mountInspector } from './mount.ts';

/** Connections that are no viewers: those that load the page. */
const MORE_CONNECTIONS = 64;

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
  const { host, port, token, maxViewers } = resolved;
  const mounted = await mountInspector(supervisor, resolved, new Access(resolved));
  const server = createServer((req, res) => mounted.answer(req, res, targetOf(req).pathname));
  server.maxConnections = maxViewers + MORE_CONNECTIONS;
  server.on('upgrade', (req, socket, head) => mounted.upgrade(req, socket, head, targetOf(req).pathname));
  server.listen(port, host);
  await once(server, 'listening').catch(async (error: unknown) => {
    await mounted.close();
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
        const left = mounted.close();
        server.close();
        server.closeAllConnections();
        await Promise.all([once(server, 'close'), left]);
      })();
      return closed;
    },
  };
}
