// @ts-check
// MCP sessions on node:http.
import { createServer } from 'node:http';
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { buildServer } from './server.js';

const supervisor = createSessionSupervisor({ server: buildServer, sessionIdleTimeout: 30 * 60_000 });

const http = createServer(toNodeHandler(supervisor));
http.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  console.log(`http://127.0.0.1:${port}/mcp`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await supervisor.drain(); // calls in flight finish, new ones get 503, then every session ends
    http.close();
  });
}
