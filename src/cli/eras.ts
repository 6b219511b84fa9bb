/** Whether what a module builds could serve requests of 2026-07-28 too, said before the command listens; or does, as it was asked to. */
import { createSessionSupervisor, type LogEntry, type SessionSupervisor } from '../index.ts';
import { CommandFailure, describeError } from './failure.ts';
import type { Flags } from './flags.ts';
import type { Journal } from './journal.ts';
import type { ServerSource } from './serverSource.ts';

export const MODERN = '2026-07-28';
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'mcp-session-supervisor', version: MODERN },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/**
 * With `--modern serve`: asks a server of the module what it is, without a session. Without `--modern`: says that it could
 * be asked, where its servers (`built`, one for a session) are of SDK v2.
 * @throws {CommandFailure} when it was to serve them and can't.
 */
export async function checkEras(source: ServerSource, flags: Flags, journal: Journal, built: unknown): Promise<void> {
  if (flags.modern === 'serve') return discover(source, flags);
  if (flags.modern !== undefined || !(await isOfSdkV2(built))) return;
  journal.write({
    level: 'info',
    event: 'modern.possible',
    message:
      `${source.label} builds servers of SDK v2, which could serve requests of ${MODERN} without sessions, too: ` +
      '--modern serve, if nothing that its tools need has to outlive a request',
  });
}

async function discover(source: ServerSource, flags: Flags): Promise<void> {
  const told: LogEntry[] = [];
  const failed = (why: string) =>
    new CommandFailure(`the server of ${source.label} can't serve requests of ${MODERN} (--modern serve): ${why}`);
  let supervisor: SessionSupervisor | undefined;
  try {
    supervisor = createSessionSupervisor({
      modern: 'serve',
      server: (session) => source.factory(session), // whose `open` and `close` are for who serves
      initializeTimeout: flags.initializeTimeout,
      shutdownTimeout: flags.shutdownTimeout,
      logger: (entry) => void told.push(entry),
    });
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: META } });
    const headers = {
      ...{ accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
      ...{ 'mcp-protocol-version': MODERN, 'mcp-method': 'server/discover' },
    };
    const response = await supervisor.fetch(new Request('http://localhost/', { method: 'POST', headers, body }));
    await response.text();
    if (response.status === 200) return;
    const { error, message } = told.find(({ level }) => level === 'warn' || level === 'error') ?? {};
    throw failed(error === undefined ? String(message ?? `status ${response.status}`) : describeError(error));
  } catch (error) {
    throw error instanceof CommandFailure ? error : failed(describeError(error));
  } finally {
    await supervisor?.drain();
  }
}

/** By the classes of the SDK itself, which is loaded only where it looks as if it were there. */
async function isOfSdkV2(built: unknown): Promise<boolean> {
  const { server: wrapped = built } = (built ?? {}) as { readonly server?: unknown };
  // Only SDK v2's servers have a context to build.
  if (typeof (wrapped as { buildContext?: unknown } | undefined)?.buildContext !== 'function') return false;
  try {
    const { Server } = await import('@modelcontextprotocol/server');
    return wrapped instanceof Server;
  } catch {
    return false;
  }
}
