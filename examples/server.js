// @ts-check
// The MCP server that the examples serve: one tool. A fresh one is built for each session.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';

/** @param {import('mcp-session-supervisor').SessionContext} session */
export function buildServer(session) {
  const server = new McpServer({ name: 'example', version: '1.0.0' }, { ...session.serverOptions });
  let greeted = 0;
  server.registerTool(
    'greet',
    { description: 'Greets somebody, and counts the greetings of this session.', inputSchema: { name: z.string() } },
    ({ name }) => ({ content: [{ type: 'text', text: `Hello, ${name}! Greeted in this session: ${++greeted}.` }] }),
  );
  return server;
}

// `npx mcp-session-supervisor examples/server.js` serves it without any of the other files.
export default buildServer;
