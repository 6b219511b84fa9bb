/**
 * A supervisor with a crowd of idle sessions, driven in its own process through `supervisor.fetch`. Its MCP server is
 * the least one that there is, so that the supervisor's own costs, and with them whatever grows, are most of what is
 * seen.
 */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { answerParent } from './child.ts';
import { collect, cpuMicros } from './servers/listen.ts';

const VERSION = '2025-11-25';
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } },
};
const PING = { jsonrpc: '2.0', id: 2, method: 'ping' };

class LeastServer {
  #transport: Transport | undefined;

  async connect(transport: Transport): Promise<void> {
    this.#transport = transport;
    transport.onmessage = (message) => this.#answer(transport, message);
    await transport.start();
  }

  async close(): Promise<void> {
    await this.#transport?.close();
  }

  #answer(transport: Transport, message: JSONRPCMessage): void {
    if (!('method' in message && 'id' in message)) return;
    const serverInfo = { name: 'least', version: '1.0.0' };
    const result = message.method === 'initialize' ? { protocolVersion: VERSION, capabilities: {}, serverInfo } : {};
    void transport.send({ jsonrpc: '2.0', id: message.id, result }, { relatedRequestId: message.id });
  }
}

const supervisor = createSessionSupervisor({
  server: () => new LeastServer(),
  maxSessions: Number.POSITIVE_INFINITY,
  enableJsonResponse: true,
});

/** Ids of sessions in the order of their opening; what was ended leaves a hole, and all before `oldest` is holes. */
const opened: (string | undefined)[] = [];
let oldest = 0;
let open = 0;

async function post(message: object, sessionId?: string): Promise<Response> {
  const headers: Record<string, string> = {
    Accept: 'application/json, text/event-stream',
    'Content-Type': 'application/json',
  };
  if (sessionId !== undefined) headers['Mcp-Session-Id'] = sessionId;
  const request = new Request('http://127.0.0.1/mcp', { method: 'POST', headers, body: JSON.stringify(message) });
  const response = await supervisor.fetch(request);
  const body = await response.text();
  if (response.status !== 200 || !body.includes('"result"')) throw new Error(`${response.status} ${body}`);
  return response;
}

async function openOne(): Promise<void> {
  const id = (await post(INITIALIZE)).headers.get('mcp-session-id');
  if (id === null) throw new Error('initialize: no session id');
  opened.push(id);
  open++;
}

/** An open session from anywhere in the crowd, so that old and new ones are met alike. */
function anyIndex(): number {
  for (;;) {
    const index = oldest + Math.floor(Math.random() * (opened.length - oldest));
    if (opened[index] !== undefined) return index;
  }
}

function oldestIndex(): number {
  while (opened[oldest] === undefined) oldest++;
  return oldest;
}

async function useOne(): Promise<void> {
  await post(PING, opened[anyIndex()]);
}

async function endOne(index: number): Promise<void> {
  if (!(await supervisor.terminate(opened[index] ?? ''))) throw new Error('terminate: the session was gone');
  opened[index] = undefined;
  open--;
}

async function times(count: number, operate: () => Promise<void>): Promise<number> {
  const before = cpuMicros();
  for (let done = 0; done < count; done++) await operate();
  return (cpuMicros() - before) / count;
}

answerParent({
  /** Opens sessions until there are so many. */
  fill: async ({ sessions }: { sessions: number }) => {
    await times(Math.max(0, sessions - open), openOne);
    await collect();
  },
  /**
   * CPU microseconds of opening, using and ending one session. Half of them end oldest first, as idle timeouts end
   * them, the others anywhere in the crowd; as many are open afterwards as before.
   */
  churn: async ({ count }: { count: number }) => ({
    open: await times(count, openOne),
    use: await times(count, useOne),
    end: await times(count / 2, () => endOne(oldestIndex())),
    endAny: await times(count / 2, () => endOne(anyIndex())),
  }),
});
