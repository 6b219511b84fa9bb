/** What tests of sessions' lives wait for and look at. */
import { expect } from 'vitest';
import type { LogEntry } from '../../src/options.ts';
import type { SessionEvent } from '../../src/supervisor/sessionInfo.ts';
import type { Observed } from './serve.ts';
import { until } from './until.ts';
import { del, get, type Headers, post, sessionHeaders, type WireResponse } from './wire.ts';

/** Waits until a session has nothing in flight: the server learns of an answer's end a little after the client does. */
export async function becomesIdle({ supervisor }: Pick<Observed, 'supervisor'>, id: string): Promise<void> {
  await until(() => supervisor.session(id)?.state === 'idle', { what: `session ${id} to become idle` });
}

/** What a request for a session that is not there is answered, byte for byte. */
export const NOT_FOUND = '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}';

export function expectNotFound(response: Pick<WireResponse, 'status' | 'headers' | 'text'>): void {
  expect({ status: response.status, text: response.text }).toEqual({ status: 404, text: NOT_FOUND });
  expect(response.headers['content-type']).toBe('application/json');
  expect(response.headers).not.toHaveProperty('mcp-session-id');
}

const PING = { jsonrpc: '2.0', id: 'ping', method: 'ping' };

/** Asks for a session in all three ways: a POST, a GET and a DELETE. */
export async function askInEveryWay(url: string, headers: Headers): Promise<WireResponse[]> {
  return [await post(url, PING, headers), await get(url, headers), await del(url, headers)];
}

/** The session's id answers 404, however it is asked for. */
export async function expectGone(url: string, id: string): Promise<void> {
  for (const response of await askInEveryWay(url, sessionHeaders(id))) expectNotFound(response);
}

/** The session's events in order, in short: `opened`, `active`, `idle`, `terminated: <reason>`. */
export function lifeOf(events: readonly SessionEvent[], id?: string): string[] {
  const own = id === undefined ? events : events.filter(({ session }) => session.id === id);
  return own.map(({ type, reason }) => type.slice('session.'.length) + (reason === undefined ? '' : `: ${reason}`));
}

/** The log's lines about the ends of sessions, of one or of all. */
export function endingsIn(log: readonly LogEntry[], id?: string): LogEntry[] {
  return log.filter(({ event, sessionId }) => event === 'session.terminated' && (id === undefined || id === sessionId));
}
