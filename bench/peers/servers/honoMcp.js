/** The transport of @hono/mcp, one for each session, in a Map: its README shows one alone, and these are the SDK's ways. */
import { randomUUID } from 'node:crypto';
import { StreamableHTTPTransport } from '@hono/mcp';
import { serve } from '@hono/node-server';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { Hono } from 'hono';
import { INFO, SLOW, slow } from './slow.js';

const transports = new Map();

async function open(context, body) {
  const transport = new StreamableHTTPTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => {
      transports.set(id, transport);
    },
  });
  transport.onclose = () => transports.delete(transport.sessionId);
  const server = new McpServer(INFO);
  server.registerTool('slow', SLOW, slow);
  await server.connect(transport);
  return transport.handleRequest(context, body);
}

const app = new Hono();
app.all('/mcp', async (context) => {
  const refuse = (status, code, message) => {
    return context.json({ jsonrpc: '2.0', error: { code, message }, id: null }, status);
  };
  const id = context.req.header('mcp-session-id');
  const body = context.req.method === 'POST' ? await context.req.json() : undefined;
  const transport = transports.get(id);
  if (transport !== undefined) return transport.handleRequest(context, body);
  if (id === undefined && isInitializeRequest(body)) return open(context, body);
  return id === undefined ? refuse(400, -32000, 'Session ID required') : refuse(404, -32001, 'Session not found');
});
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT) });
