// @ts-check
// node:http: every request is the supervisor's.
import { createServer } from 'node:http';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { listening } from './listening.js';
import { supervisor } from './supervisor.js';

const server = createServer(toNodeHandler(supervisor));

server.listen(0, '127.0.0.1', listening(server));
