// @ts-check
// Koa 3 behind either of its body parsers: what they have parsed is handed over. They answer by themselves what they can't parse.
import bodyParser from '@koa/bodyparser';
import Koa from 'koa';
import koaBodyParser from 'koa-bodyparser';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { listening } from './listening.js';
import { supervisor } from './supervisor.js';

const handle = toNodeHandler(supervisor);
const parsers = new Map([
  ['/mcp', bodyParser()],
  ['/koa-bodyparser/mcp', koaBodyParser()],
  ['/dropped/mcp', bodyParser()],
]);

const app = new Koa();
app.use((context, next) => parsers.get(context.path)?.(context, next));
app.use((context) => {
  context.respond = false;
  const forgotten = context.path === '/dropped/mcp'; // the mistake: nobody has the body then
  return handle(context.req, context.res, forgotten ? undefined : context.request.body);
});

const server = app.listen(0, '127.0.0.1', () => listening(server)());
