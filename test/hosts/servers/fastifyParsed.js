// @ts-check
// Fastify 5 with its own parser of JSON: what it has parsed is handed over. It answers by itself what it can't parse.
import { fastify } from 'fastify';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { supervisor } from './supervisor.js';

const handle = toNodeHandler(supervisor);

const app = fastify({ bodyLimit: 4 * 1024 * 1024 });
app.all('/mcp', (request, reply) => {
  reply.hijack();
  return handle(request.raw, reply.raw, request.body);
});
app.all('/dropped/mcp', (request, reply) => {
  reply.hijack();
  return handle(request.raw, reply.raw); // the mistake: nobody has the body now
});

console.log(await app.listen({ port: 0, host: '127.0.0.1' }));
