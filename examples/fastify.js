// @ts-check
// MCP sessions as a route of a Fastify 5 application.

import { fastify } from 'fastify';
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { buildServer } from './server.js';

const supervisor = createSessionSupervisor({ server: buildServer, sessionIdleTimeout: 30 * 60_000 });
const handle = toNodeHandler(supervisor);

const app = fastify({ bodyLimit: 4 * 1024 * 1024 });
app.all('/mcp', (request, reply) => {
  reply.hijack(); // the answer is ours; the body is what Fastify has parsed
  return handle(request.raw, reply.raw, request.body);
});

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' });
console.log(`${address}/mcp`);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await supervisor.drain(); // calls in flight finish, new ones get 503, then every session ends
    await app.close();
  });
}
