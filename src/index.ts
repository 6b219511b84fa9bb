/** Entry point `mcp-session-supervisor`: assembles a supervisor, and names what users import. */
import { Cluster } from './cluster/cluster.ts';
import { handleWeb } from './http/webExchange.ts';
import { ModernRequests } from './modern/modernRequests.ts';
import { requireSdk } from './modern/sdk.ts';
import { type ResolvedOptions, resolveOptions, type SessionSupervisorOptions } from './options.ts';
import { publish, type SessionSupervisor } from './supervisor/sessionSupervisor.ts';
import { Supervisor } from './supervisor/supervisor.ts';

/**
 * Makes a supervisor of MCP sessions: hand its `toNodeHandler` (from `mcp-session-supervisor/node`) or its `fetch` the
 * requests of one endpoint.
 * @throws {SupervisorError} `INVALID_OPTION`, `UNKNOWN_OPTION` or `CONFLICTING_OPTIONS`; `UNSUPPORTED_XSTATE`;
 * `PACKAGE_MISSING`.
 * @example
 * ```ts
 * import http from 'node:http';
 * import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
 * import { createSessionSupervisor } from 'mcp-session-supervisor';
 * import { toNodeHandler } from 'mcp-session-supervisor/node';
 *
 * const supervisor = createSessionSupervisor({
 *   server: ({ serverOptions }) => new McpServer({ name: 'mine', version: '1.0.0' }, { ...serverOptions }),
 *   sessionIdleTimeout: 30 * 60_000,
 * });
 * http.createServer(toNodeHandler(supervisor)).listen(3000, '127.0.0.1');
 * process.once('SIGTERM', () => supervisor.drain().then(() => process.exit()));
 * ```
 */
export function createSessionSupervisor(options: SessionSupervisorOptions): SessionSupervisor {
  const resolved = resolveOptions(options);
  const { server, maxSessions } = resolved;
  if (resolved.modern === 'serve') requireSdk(); // before anything is opened
  if (typeof server.open === 'function') server.open({ maxSessions });
  const core = supervisorWith(resolved);
  if (core.options.modern === 'serve') core.modern = new ModernRequests(core, () => core.judgeEmpty());
  if (resolved.cluster !== undefined && core.shelf !== undefined) {
    const node = new Cluster(core, core.shelf, resolved.cluster, resolved);
    core.cluster = node;
    node.start();
  }
  return publish(core, (request, init) => handleWeb(core, request, init));
}

/** Where there can be none, nobody else would close the factory that was opened for it. */
function supervisorWith(options: ResolvedOptions): Supervisor {
  try {
    return new Supervisor(options);
  } catch (error) {
    void (async () => options.server.close?.())().catch(() => {});
    throw error;
  }
}

export type { Clock, TimerClock } from './clock.ts';
export type {
  IncomingPeerRequest,
  OutgoingPeerRequest,
  PeerAnswer,
  PeerExchange,
  PeerFailure,
  PeerListener,
  PeerNetwork,
} from './cluster/peerNetwork.ts';
export { REFUSAL_NAMES, type RefusalName, SupervisorError, type SupervisorErrorCode } from './errors.ts';
export { END_REASONS, type EndReason } from './machines/reasons.ts';
export type { LogEventName } from './options/logEvents.ts';
export type {
  ClusterOptions,
  ClusterTls,
  ConnectableServer,
  CorsOptions,
  HandleClosing,
  HandleEndReason,
  HandleOpening,
  HandleOptions,
  LogEntry,
  Logger,
  PrincipalResolver,
  ServerFactory,
  ServerWithCleanup,
  SessionBag,
  SessionContext,
  SessionSupervisorOptions,
} from './options.ts';
export type { ClientInfo } from './protocol/initialize.ts';
export type { Directory, NodeLife } from './stores/directory.ts';
export { createMemoryDirectory, type MemoryDirectoryOptions } from './stores/memoryDirectory.ts';
export {
  createMemoryEventStore,
  type MemoryEventStore,
  type MemoryEventStoreOptions,
} from './stores/memoryEventStore.ts';
export { createMemorySessionStore } from './stores/memorySessionStore.ts';
export type { JsonObject, RecordChange, RecordedEvent, SessionRecord } from './stores/sessionRecord.ts';
export type {
  Claimed,
  EvictedSession,
  ExpiredSession,
  Loaded,
  Parked,
  Parking,
  SessionCount,
  SessionStore,
  Unreadable,
  UnreadableReason,
} from './stores/sessionStore.ts';
export type { ClusterStats, NodeState } from './supervisor/clusterNode.ts';
export type { DrainStats } from './supervisor/drainStats.ts';
export type { HandleContext } from './supervisor/handleContext.ts';
export type {
  HandleEvent,
  HandleEventType,
  HandleInfo,
  HandleListener,
  HandleState,
  HandleStats,
} from './supervisor/handleInfo.ts';
export type { Handles } from './supervisor/handles.ts';
export type { Used } from './supervisor/handleUse.ts';
export type { HistoryEvent, HistoryEventName } from './supervisor/history.ts';
export type { ListenInfo, ListenWish } from './supervisor/modernEra.ts';
export {
  FORWARD_OUTCOMES,
  type ForwardOutcome,
  type ObservedEvent,
  type Operation,
  type OperationEnd,
  type OperationObserver,
  RESTORE_OUTCOMES,
  type RestoreOutcome,
  type SupervisorObserver,
} from './supervisor/observer.ts';
export type { ParkOutcome } from './supervisor/park.ts';
export type { NotReadyReason, Readiness } from './supervisor/readiness.ts';
export type {
  SessionEvent,
  SessionEventType,
  SessionInfo,
  SessionListener,
  SessionState,
} from './supervisor/sessionInfo.ts';
export type { ChangeNotifier, DrainOptions, FetchOptions, SessionSupervisor } from './supervisor/sessionSupervisor.ts';
export type { ModernStats, SupervisorStats } from './supervisor/tally.ts';
export type { StreamDrop } from './transport/connection.ts';
export { OPERATION_OUTCOMES, type OperationOutcome } from './transport/operations.ts';
