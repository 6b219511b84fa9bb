/** What our own command serves. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { INFO, SLOW, slow } from './slow.js';

export function createServer(session) {
  const server = new McpServer(INFO, { ...session.serverOptions });
  server.registerTool('slow', SLOW, slow);
  return server;
}
