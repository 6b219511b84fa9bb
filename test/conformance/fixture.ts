/** The server under test: what the conformance suite asks for, on a supervisor of the built package. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  createMemoryEventStore,
  createSessionSupervisor,
  type SessionContext,
  type SessionSupervisor,
} from 'mcp-session-supervisor';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { buildModernServer } from './fixture/modern.ts';
import { addPrompts } from './fixture/prompts.ts';
import { addResources } from './fixture/resources.ts';
import { addTools } from './fixture/tools.ts';

export interface Fixture {
  readonly url: string;
  /** What the supervisor logged as an error. */
  readonly errors: readonly string[];
  /** Ends all sessions and closes the port; rejects when one is left. */
  close(): Promise<void>;
}

function buildServer({ serverOptions }: SessionContext): McpServer {
  const server = new McpServer(
    { name: 'conformance-fixture', version: '1.0.0' },
    { capabilities: { logging: {}, resources: { subscribe: true } }, ...serverOptions },
  );
  addTools(server);
  addResources(server);
  addPrompts(server);
  return server;
}

/** Listens on a free loopback port, protected against DNS rebinding, with streams that can be resumed. */
export async function startFixture(): Promise<Fixture> {
  const http = createServer();
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(0, '127.0.0.1', resolve);
  });
  const { port } = http.address() as AddressInfo;
  const errors: string[] = [];
  const supervisor: SessionSupervisor = createSessionSupervisor({
    modern: 'serve',
    server: (context) =>
      context.era === 'modern'
        ? buildModernServer(context, (list) =>
            list === 'tool' ? supervisor.notify.toolsChanged() : supervisor.notify.promptsChanged(),
          )
        : buildServer(context),
    eventStore: createMemoryEventStore(),
    retryInterval: 500,
    allowedHosts: ['127.0.0.1', 'localhost'],
    allowedOrigins: [`http://127.0.0.1:${port}`, `http://localhost:${port}`],
    logger: ({ level, message }) => {
      if (level === 'error') errors.push(message);
    },
  });
  http.on('request', toNodeHandler(supervisor));
  const close = async () => {
    await supervisor.drain({ timeout: 1_000 });
    const left = [...supervisor.sessions()].length;
    const closed = new Promise<void>((resolve) => http.close(() => resolve()));
    http.closeIdleConnections();
    await closed;
    if (left > 0) throw new Error(`${left} sessions are left after the drain`);
  };
  return { url: `http://127.0.0.1:${port}/mcp`, errors, close };
}
