// @ts-check
// Express 4, installed here under a name of its own: everything is as with Express 5.
import express from 'express4';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { listening } from './listening.js';
import { supervisor } from './supervisor.js';

const app = express();
app.use(express.json({ limit: '4mb' }));
app.all('/mcp', toNodeHandler(supervisor));

const server = app.listen(0, '127.0.0.1', () => listening(server)());
