// @ts-check
// MCP sessions as a route of an Express 5 application.

import express from 'express';
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { buildServer } from './server.js';

const supervisor = createSessionSupervisor({ server: buildServer, sessionIdleTimeout: 30 * 60_000 });

const app = express();
app.use(express.json({ limit: '4mb' })); // not needed, and no harm: a body that is parsed already is used as it is
app.all('/mcp', toNodeHandler(supervisor));

const http = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', (error) => {
  if (error !== undefined) throw error;
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  console.log(`http://127.0.0.1:${port}/mcp`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await supervisor.drain(); // calls in flight finish, new ones get 503, then every session ends
    http.close();
  });
}
