/** A server on stdio, for a proxy to serve. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { INFO, SLOW, slow } from './slow.js';

const server = new McpServer(INFO);
server.registerTool('slow', SLOW, slow);
await server.connect(new StdioServerTransport());
