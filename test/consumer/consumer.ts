/** What a user's code may look like to the strictest compiler: every entry point, and options that may be undefined. */
import http from 'node:http';
import {
  createMemoryEventStore,
  createMemorySessionStore,
  createSessionSupervisor,
  type SessionContext,
  type SessionInfo,
  type SessionStore,
  SupervisorError,
} from 'mcp-session-supervisor';
import { serveAdmin } from 'mcp-session-supervisor/admin';
import { createInspection, serveInspector } from 'mcp-session-supervisor/inspector';
import { createLmdbStores } from 'mcp-session-supervisor/lmdb';
import { END_REASONS, sessionMachine } from 'mcp-session-supervisor/machines';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { createRedisStores } from 'mcp-session-supervisor/redis';
import { stdioServer } from 'mcp-session-supervisor/stdio';
import { instrument, prometheusMetrics } from 'mcp-session-supervisor/telemetry';
import {
  httpDriver,
  sessionPaths,
  sessionStoreConformance,
  simulate,
  simulationProperty,
  storeConformance,
} from 'mcp-session-supervisor/testing';

declare const maxSessions: number | undefined;

const tenant = ({ headers, url }: SessionContext): string => `${url.hostname} ${String(headers['x-tenant'])}`;

const supervisor = createSessionSupervisor({
  server: async (session) => ({ connect: async () => void tenant(session), close: async () => {} }),
  eventStore: createMemoryEventStore(),
  maxSessions,
  inspect: (event) => void event.type,
  logger: ({ level, event, message }) => void [level, event, message],
});

http.createServer(toNodeHandler(supervisor));

export const sessions: SessionInfo[] = [...supervisor.sessions()];
export const state = supervisor.actor.getSnapshot().value;
export const inspection = createInspection();
export const inspector = serveInspector(supervisor);
export const admin = serveAdmin(supervisor, {
  path: undefined,
  metrics: false,
  drain: () => supervisor.drain({ delay: 1 }),
});
export const instrumented = instrument(supervisor, { idKey: undefined, revealIds: true });
export const metrics: string = prometheusMetrics(supervisor).text();
export const known = [END_REASONS, sessionMachine.id, SupervisorError];
export const stores: readonly SessionStore[] = [
  createMemorySessionStore(),
  createLmdbStores({ path: '.sessions', durability: undefined }).sessionStore,
  createRedisStores({ url: 'redis://localhost', prefix: undefined }).sessionStore,
];
export const tests = [
  httpDriver,
  sessionPaths,
  simulate,
  simulationProperty,
  storeConformance,
  ...sessionStoreConformance(createMemorySessionStore),
];

/** A command as the factory, with an environment for each session. */
export const commands = createSessionSupervisor({
  server: stdioServer({
    command: 'x',
    env: ({ principal }) => (principal === undefined ? undefined : { USER_ID: principal }),
  }),
});
