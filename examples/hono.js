// @ts-check
// MCP sessions as a route of a Hono application, through the web-standard `fetch`.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { buildServer } from './server.js';

const supervisor = createSessionSupervisor({ server: buildServer, sessionIdleTimeout: 30 * 60_000 });

const app = new Hono();
// Where something before has read the body: { parsedBody: await context.req.text() } as a second argument.
app.all('/mcp', (context) => supervisor.fetch(context.req.raw));

const http = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}/mcp`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await supervisor.drain(); // calls in flight finish, new ones get 503, then every session ends
    http.close();
  });
}
