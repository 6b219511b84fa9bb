// @ts-check
// Hono, here on Node. On Bun, Deno and others the application is the same.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { supervisor } from './supervisor.js';

const app = new Hono();
app.all('/mcp', (context) => supervisor.fetch(context.req.raw));

serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`);
});
