// @ts-check
// Fastify 5. The route has a scope of its own, in which Fastify leaves bodies alone: its parsers refuse a DELETE that has a
// content type and no body, which some clients send, before the route sees it.
import { fastify } from 'fastify';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { supervisor } from './supervisor.js';

const handle = toNodeHandler(supervisor);

const app = fastify();
app.register(async (scope) => {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _body, done) => done(null)); // the supervisor reads it
  scope.all('/mcp', (request, reply) => {
    reply.hijack(); // the supervisor answers
    return handle(request.raw, reply.raw);
  });
});

console.log(await app.listen({ port: 0, host: '127.0.0.1' }));
