/** A supervisor without HTTP around it, for what its embedder's own code does to it. */
import type { SessionSupervisor, SessionSupervisorOptions } from '../../../src/index.ts';
import { createSessionSupervisor } from '../../../src/index.ts';
import { TinyServer } from '../../support/tinyServer.ts';

const ACCEPT = 'application/json, text/event-stream';

/** Everything bounded by 200 ms or less; options replace what they name. */
export function embed(options: Partial<SessionSupervisorOptions> = {}): SessionSupervisor {
  return createSessionSupervisor({
    server: () => new TinyServer(),
    initializeTimeout: 200,
    shutdownTimeout: 100,
    logger: () => {},
    ...options,
  });
}

export function postOf(body: object, id?: string): Request {
  const session: Record<string, string> = id === undefined ? {} : { 'mcp-session-id': id };
  const headers = { 'content-type': 'application/json', accept: ACCEPT, ...session };
  return new Request('http://localhost/mcp', { method: 'POST', headers, body: JSON.stringify(body) });
}

/** A GET stream, or, with an event's id, one that is resumed. */
export function getOf(id: string, lastEventId?: string): Request {
  const resume: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const headers = { accept: 'text/event-stream', 'mcp-session-id': id, ...resume };
  return new Request('http://localhost/mcp', { headers });
}

export function initializeOf(name = 'ann'): Request {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name, version: '1' } };
  return postOf({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
}

/** Opens a session. Returns the answer's status and the id, where there is one. */
export async function open(supervisor: SessionSupervisor): Promise<{ status: number; id: string }> {
  const response = await supervisor.fetch(initializeOf());
  await response.text();
  return { status: response.status, id: response.headers.get('mcp-session-id') ?? '' };
}

/** Pings a session. Returns the answer's status. */
export async function ping(supervisor: SessionSupervisor, id: string): Promise<number> {
  const response = await supervisor.fetch(postOf({ jsonrpc: '2.0', id: 1, method: 'ping' }, id));
  await response.text();
  return response.status;
}

/** The actors of the partitions, and of the sessions in them. */
export function actorsOf({ actor }: SessionSupervisor) {
  const partitions = Object.values(actor.getSnapshot().children).flatMap((child) => child ?? []);
  const sessions = partitions.flatMap((partition) => Object.values(partition.getSnapshot().children));
  return { partitions, sessions: sessions.flatMap((child) => child ?? []) };
}
