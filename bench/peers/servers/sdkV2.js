/** The SDK's v2 transport, one for each session, in a Map: the routing of its guide on sessions, which ends none by time. */
import { randomUUID } from 'node:crypto';
import { createMcpExpressApp } from '@modelcontextprotocol/express';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { isInitializeRequest, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { INFO, SLOW, slow } from './slow.js';

const transports = new Map();

async function open(req, res) {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => {
      transports.set(id, transport);
    },
  });
  transport.onclose = () => transports.delete(transport.sessionId);
  const server = new McpServer(INFO);
  server.registerTool('slow', { ...SLOW, inputSchema: z.object(SLOW.inputSchema) }, slow);
  await server.connect(transport);
  await transport.handleRequest(req, res, req.body);
}

async function handle(req, res) {
  const refuse = (status, code, message) => {
    res.status(status).json({ jsonrpc: '2.0', error: { code, message }, id: null });
  };
  const id = req.headers['mcp-session-id'];
  const transport = transports.get(id);
  if (transport !== undefined) await transport.handleRequest(req, res, req.body);
  else if (id === undefined && isInitializeRequest(req.body)) await open(req, res);
  else if (id === undefined) refuse(400, -32000, 'Bad Request: Session ID required');
  else refuse(404, -32001, 'Session not found');
}

createMcpExpressApp()
  .post('/mcp', handle)
  .get('/mcp', handle)
  .delete('/mcp', handle)
  .listen(Number(process.env.PORT), '127.0.0.1');
