/** The MCP server that all contenders run: one tool, `echo`, whose schema is made once for the whole process. */
import type { ServerOptions } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';

// An object schema: a bare `{ text: z.string() }` would be made into one by every McpServer anew.
const ECHO = { description: 'Says what it was told', inputSchema: z.object({ text: z.string() }) };

export function createEchoServer(options?: ServerOptions): McpServer {
  const server = new McpServer({ name: 'bench', version: '1.0.0' }, options);
  server.registerTool('echo', ECHO, ({ text }) => ({ content: [{ type: 'text', text }] }));
  return server;
}
