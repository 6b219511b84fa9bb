// @ts-check
// HTTP/2, by the compatibility API of node:http2. With TLS it is `createSecureServer({ allowHTTP1: true, key, cert }, …)`.
import { createServer } from 'node:http2';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { listening } from './listening.js';
import { supervisor } from './supervisor.js';

const server = createServer(toNodeHandler(supervisor));

server.listen(0, '127.0.0.1', listening(server));
