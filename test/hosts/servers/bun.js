// Bun.
import { supervisor } from './supervisor.js';

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  idleTimeout: 0, // Bun's 10 seconds would end a stream between two keep-alive comments
  fetch: (request) => supervisor.fetch(request),
});
console.log(`http://127.0.0.1:${server.port}`);
