// @ts-check
// MCP sessions as a route of a Fastify 5 application.

import { fastify } from 'fastify';
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { buildServer } from './server.js';

const supervisor = createSessionSupervisor({ server: buildServer, sessionIdleTimeout: 30 * 60_000 });
const handle = toNodeHandler(supervisor);

const app = fastify();
app.register(async (scope) => {
  // In this scope alone Fastify leaves bodies to the supervisor. Its parsers refuse a DELETE that has a content type and
  // no body, as some clients send it.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _body, done) => done(null));
  scope.all('/mcp', (request, reply) => {
    reply.hijack(); // the supervisor answers
    return handle(request.raw, reply.raw);
  });
});

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' });
console.log(`${address}/mcp`);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await supervisor.drain(); // calls in flight finish, new ones get 503, then every session ends
    await app.close();
  });
}
