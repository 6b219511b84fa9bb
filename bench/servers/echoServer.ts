/** The MCP servers that contenders run: one tool, `echo`, whose schema is made once for the whole process; or three tools. */
import type { ServerOptions } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { SessionContext } from 'mcp-session-supervisor';
import { z } from 'zod';

// An object schema: a bare `{ text: z.string() }` would be made into one by every McpServer anew.
const ECHO = { description: 'Says what it was told', inputSchema: z.object({ text: z.string() }) };

export function createEchoServer(options?: ServerOptions): McpServer {
  const server = new McpServer({ name: 'bench', version: '1.0.0' }, options);
  server.registerTool('echo', ECHO, ({ text }) => ({ content: [{ type: 'text', text }] }));
  return server;
}

/** Three tools; `remember` sets state, where a session has one. */
export function createStatefulServer({ serverOptions, state }: SessionContext): McpServer {
  const server = createEchoServer({ ...serverOptions });
  server.registerTool('remember', ECHO, ({ text }) => {
    state?.set('text', text);
    return { content: [{ type: 'text', text }] };
  });
  server.registerTool('recall', ECHO, () => ({ content: [{ type: 'text', text: String(state?.get('text')) }] }));
  return server;
}
