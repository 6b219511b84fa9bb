/** FastMCP's own HTTP server, as its README starts it. */
import { FastMCP } from 'fastmcp';
import { z } from 'zod';
import { INFO, SLOW, slow } from './slow.js';

const server = new FastMCP(INFO);
server.addTool({
  name: 'slow',
  description: SLOW.description,
  parameters: z.object(SLOW.inputSchema),
  execute: slow,
});
await server.start({ transportType: 'httpStream', httpStream: { host: '127.0.0.1', port: Number(process.env.PORT) } });
