// @ts-check
// Koa 3.
import Koa from 'koa';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { listening } from './listening.js';
import { supervisor } from './supervisor.js';

const handle = toNodeHandler(supervisor);

const app = new Koa();
app.use(async (context, next) => {
  if (context.path !== '/mcp') return next();
  context.respond = false; // the supervisor answers
  return handle(context.req, context.res);
});

const server = app.listen(0, '127.0.0.1', () => listening(server)());
