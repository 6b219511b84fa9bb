/**
 * The floor: the same answers by hand on node:http, without an MCP server, checks or a transport. What remains is the
 * price of HTTP and JSON, so the distance to it is what a transport and an MCP server cost.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen } from './listen.ts';
import { readJson } from './readJson.ts';

interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string; readonly arguments?: { readonly text: string } };
}

const sessions = new Set<string>();

function answer(response: ServerResponse, id: number, result: unknown, headers: Record<string, string>): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache', ...headers });
  response.end(`event: message\ndata: ${JSON.stringify({ result, jsonrpc: '2.0', id })}\n\n`);
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const sessionId = request.headers['mcp-session-id'] as string | undefined;
  if (request.method === 'DELETE') {
    response.writeHead(sessions.delete(sessionId ?? '') ? 200 : 404).end();
    return;
  }
  const message = (await readJson(request)) as Message;
  if (message.id === undefined) {
    response.writeHead(202).end();
  } else if (message.method === 'initialize') {
    const id = randomUUID();
    sessions.add(id);
    const protocolVersion = message.params?.protocolVersion;
    const serverInfo = { name: 'bench', version: '1.0.0' };
    const capabilities = { tools: { listChanged: true } };
    answer(response, message.id, { protocolVersion, capabilities, serverInfo }, { 'Mcp-Session-Id': id });
  } else {
    const content = [{ type: 'text', text: message.params?.arguments?.text }];
    answer(response, message.id, { content }, { 'Mcp-Session-Id': sessionId ?? '' });
  }
}

listen((request, response) => {
  handle(request, response).catch((error: unknown) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
