/**
 * One session opened and ended before the command listens, so that a broken factory is told at once and the server's
 * name is known. It goes through a supervisor of its own: what works here works for a client.
 */
import { createSessionSupervisor, type LogEntry } from '../index.ts';
import { CommandFailure, describeError } from './failure.ts';
import type { Journal } from './journal.ts';
import type { Flags } from './program.ts';
import type { ServerSource } from './serverSource.ts';

/** What the server says of itself in its answer to initialize. */
export interface ServerInfo {
  readonly name: string;
  readonly version: string;
}

interface InitializeAnswer {
  readonly result?: { readonly serverInfo?: { readonly name?: unknown; readonly version?: unknown } };
  readonly error?: { readonly message?: unknown };
}

/**
 * Builds one server, initializes it, and ends it again with its cleanup.
 * @throws {CommandFailure} when that fails.
 */
export async function probe(
  source: ServerSource,
  flags: Flags,
  journal: Journal,
  version: string,
): Promise<ServerInfo> {
  const entries: LogEntry[] = [];
  let thrown: { readonly error: unknown } | undefined;
  const supervisor = createSessionSupervisor({
    initializeTimeout: flags.initializeTimeout,
    stateless: flags.stateless,
    shutdownTimeout: flags.shutdownTimeout,
    enableJsonResponse: true,
    logger: (entry) => entries.push(entry),
    server: async (session) => {
      try {
        return await source.factory(session);
      } catch (error) {
        thrown = { error };
        throw error;
      }
    },
  });
  const response = await supervisor.fetch(initializeRequest(version));
  const answer = (await response.json()) as InitializeAnswer;
  await supervisor.drain();
  const told = entries.filter(({ level }) => level === 'warn' || level === 'error');
  const { serverInfo } = answer.result ?? {};
  if (serverInfo === undefined) {
    const cause = thrown ?? told.find(({ error }) => error !== undefined);
    const why =
      cause === undefined ? String(answer.error?.message ?? `status ${response.status}`) : describeError(cause.error);
    const what =
      thrown === undefined
        ? `the server of ${source.label} can't be started`
        : `the server factory of ${source.label} failed`;
    throw new CommandFailure(`${what}: ${why}`, undefined, { cause: cause?.error });
  }
  // The server came up; that its end went wrong is worth a word all the same.
  for (const entry of told) journal.write(entry);
  return { name: String(serverInfo.name), version: String(serverInfo.version) };
}

function initializeRequest(version: string): Request {
  const clientInfo = { name: 'mcp-session-supervisor', version };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
  return new Request('http://localhost/', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
  });
}
