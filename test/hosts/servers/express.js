// @ts-check
// Express 5.
import express from 'express';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { listening } from './listening.js';
import { supervisor } from './supervisor.js';

const app = express();
app.use(express.json({ limit: '4mb' })); // if other routes want it: a body that it has parsed is used as it is
app.all('/mcp', toNodeHandler(supervisor));

const server = app.listen(0, '127.0.0.1', () => listening(server)());
