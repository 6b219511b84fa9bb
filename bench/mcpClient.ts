/**
 * What the load says to a server: MCP over raw node:http on kept-alive connections. Every answer is checked; a wrong
 * one is an error.
 */
import { type Agent, request } from 'node:http';

/** Whom to talk to, over which connections. */
export interface Peer {
  readonly port: number;
  readonly agent: Agent;
}

interface Answer {
  readonly status: number;
  readonly sessionId: string | undefined;
  readonly body: string;
}

const VERSION = '2025-11-25';
const ANSWER_WITHIN = 10_000;

let lastId = 0;

function send(
  peer: Peer,
  method: string,
  sessionId?: string,
  message?: object,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = message === undefined ? undefined : JSON.stringify(message);
  const headers: Record<string, string | number> = { Accept: 'application/json, text/event-stream' };
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    headers['Content-Length'] = Buffer.byteLength(body);
  }
  if (sessionId !== undefined) {
    headers['Mcp-Session-Id'] = sessionId;
    headers['MCP-Protocol-Version'] = VERSION;
  }
  Object.assign(headers, more);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', path: '/mcp', method, headers, timeout: ANSWER_WITHIN, ...peer },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            sessionId: incoming.headers['mcp-session-id'] as string | undefined,
            body: text,
          }),
        );
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer to ${method} within ${ANSWER_WITHIN} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function expectStatus(answer: Answer, status: number, what: string): void {
  if (answer.status !== status) throw new Error(`${what}: ${answer.status} ${answer.body}`);
}

/** The result in an answer, from JSON or from an SSE stream with one message. */
function resultOf<T>(answer: Answer, id: number, what: string): T {
  expectStatus(answer, 200, what);
  const json = answer.body.startsWith('{') ? answer.body : /^data: (\{.*)$/m.exec(answer.body)?.[1];
  const message = JSON.parse(json ?? 'null') as { id?: number; result?: T } | null;
  if (message?.id !== id || message.result === undefined) throw new Error(`${what}: wrong answer ${answer.body}`);
  return message.result;
}

/** `initialize` and `notifications/initialized`; the id of the session that they open. */
export async function openSession(peer: Peer): Promise<string> {
  const id = ++lastId;
  const params = { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } };
  const opened = await send(peer, 'POST', undefined, { jsonrpc: '2.0', id, method: 'initialize', params });
  const result = resultOf<{ protocolVersion?: string }>(opened, id, 'initialize');
  if (result.protocolVersion !== VERSION || opened.sessionId === undefined) {
    throw new Error(`initialize: wrong answer ${opened.body}`);
  }
  const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
  expectStatus(await send(peer, 'POST', opened.sessionId, initialized), 202, 'notifications/initialized');
  return opened.sessionId;
}

/** Calls the tool `echo` with a text of its own. */
export async function callEcho(peer: Peer, sessionId: string, tool = 'echo'): Promise<void> {
  const id = ++lastId;
  const text = `What was said in call ${id}`;
  const params = { name: tool, arguments: { text } };
  const answer = await send(peer, 'POST', sessionId, { jsonrpc: '2.0', id, method: 'tools/call', params });
  const result = resultOf<{ content?: { text?: string }[] }>(answer, id, 'tools/call');
  if (result.content?.[0]?.text !== text) throw new Error(`tools/call: wrong answer ${answer.body}`);
}

/** The revision without sessions. */
const MODERN = '2026-07-28';

const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** Calls the tool `echo` without a session. */
export async function callModern(peer: Peer): Promise<void> {
  const id = ++lastId;
  const text = `What was said in call ${id}`;
  const message = {
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'echo', arguments: { text }, _meta: META },
  };
  const headers = { 'MCP-Protocol-Version': MODERN, 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' };
  const answer = await send(peer, 'POST', undefined, message, headers);
  const result = resultOf<{ content?: { text?: string }[] }>(answer, id, 'tools/call');
  if (result.content?.[0]?.text !== text) throw new Error(`tools/call: wrong answer ${answer.body}`);
}

export async function endSession(peer: Peer, sessionId: string): Promise<void> {
  const answer = await send(peer, 'DELETE', sessionId);
  if (answer.status < 200 || answer.status > 299) throw new Error(`DELETE: ${answer.status} ${answer.body}`);
}
