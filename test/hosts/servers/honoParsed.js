// @ts-check
// Hono where something has read the body before: a Request can be read once, Hono keeps what it was.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { supervisor } from './supervisor.js';

const app = new Hono();
app.use(async (context, next) => {
  if (context.req.method === 'POST') await context.req.text(); // to log it, say
  return next();
});
app.all('/mcp', async (context) => supervisor.fetch(context.req.raw, { parsedBody: await context.req.text() }));
app.all('/json/mcp', async (context) => {
  const parsedBody = context.req.method === 'POST' ? await context.req.json() : undefined;
  return supervisor.fetch(context.req.raw, { parsedBody });
});
app.all('/dropped/mcp', (context) => supervisor.fetch(context.req.raw)); // the mistake: nobody has the body now
app.onError((error, context) => context.text(error.message, error instanceof SyntaxError ? 400 : 500));

serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`);
});
