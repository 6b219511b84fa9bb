// @ts-check
// Express with what may stand before the supervisor: middleware old and new that meddles with headers, and with bodies.
// `node expressNeighbours.js 4` takes Express 4. No recipe: a list of what has to do no harm.
import process from 'node:process';
import compression from 'compression';
import compressionOld from 'compression-old';
import cors from 'cors';
import session from 'express-session';
import sessionOld from 'express-session-old';
import helmet from 'helmet';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import morgan from 'morgan';
import morganOld from 'morgan-old';
import { listening } from './listening.js';
import { supervisor } from './supervisor.js';

const { default: express } = process.argv[2] === '4' ? await import('express4') : await import('express');

/** As their own documentation has them. */
const sessionOptions = { secret: 'a secret of the tests', resave: false, saveUninitialized: true };
const logOptions = { stream: { write() {} } };

/** @type {import('express').RequestHandler} */
const readsAndDrops = (request, _response, next) => {
  request.resume().once('end', () => next());
};

/** @type {import('express').RequestHandler} */
const setsEncoding = (request, _response, next) => {
  request.setEncoding('utf8');
  next();
};

/** @type {Record<string, import('express').RequestHandler[]>} */
const NEIGHBOURS = {
  // Those of before on-headers 1.1, which read a flat list of headers as pairs.
  'morgan-old': [morganOld('combined', logOptions)],
  'compression-old': [compressionOld()],
  'session-old': [sessionOld(sessionOptions)],
  old: [morganOld('combined', logOptions), compressionOld(), sessionOld(sessionOptions)],
  // The current ones.
  morgan: [morgan('combined', logOptions)],
  compression: [compression()],
  session: [session(sessionOptions)],
  helmet: [helmet()],
  cors: [cors({ exposedHeaders: 'Mcp-Session-Id' })],
  all: [morgan('combined', logOptions), compression(), session(sessionOptions), helmet(), cors()],
  // What they do to bodies.
  json: [express.json()],
  text: [express.text({ type: 'application/json' })],
  raw: [express.raw({ type: 'application/json' })],
  encoding: [setsEncoding],
  dropped: [readsAndDrops],
};

const app = express();
const handle = toNodeHandler(supervisor);
for (const [name, middleware] of Object.entries(NEIGHBOURS)) app.all(`/${name}/mcp`, ...middleware, handle);

const server = app.listen(0, '127.0.0.1', () => listening(server)());
