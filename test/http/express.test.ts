/** The Node handler as a route of an Express 5 application, with and without a body parser before it. */
import { gzipSync } from 'node:zlib';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { expect, test } from 'vitest';
import { toNodeHandler } from '../../src/node.ts';
import { connectClient } from '../support/client.ts';
import { expectClientLife } from '../support/clientLife.ts';
import { type ServeOptions, type Supervisor, serve } from '../support/serve.ts';
import { until } from '../support/until.ts';
import { callBody, initialize, initializeBody, openStream, post, rawSocket } from '../support/wire.ts';

function serveExpress(configure: (app: Express, supervisor: Supervisor) => void, options: ServeOptions = {}) {
  const behind = (supervisor: Supervisor) => {
    const app = express();
    configure(app, supervisor);
    return app;
  };
  return serve({ behind, ...options });
}

/** Sets `req.auth` by the bearer token, as the SDK's `requireBearerAuth` does. */
const authenticate: RequestHandler = (req, _res, next) => {
  const token = req.headers.authorization?.replace('Bearer ', '');
  const auth: AuthInfo | undefined =
    token === undefined ? undefined : { token, clientId: 'app', scopes: ['read'], extra: { sub: `user of ${token}` } };
  Object.assign(req, { auth });
  next();
};

test('a client lives a whole session behind express.json()', async () => {
  const served = await serveExpress((app, supervisor) => {
    app.use(express.json());
    app.all('/mcp', toNodeHandler(supervisor));
  });
  await expectClientLife(served);
});

test('a client lives a whole session without a body parser', async () => {
  const served = await serveExpress((app, supervisor) => {
    app.all('/mcp', toNodeHandler(supervisor));
  });
  await expectClientLife(served);
});

test('a client lives a whole session under a router mounted on a sub-path', async () => {
  const served = await serveExpress(
    (app, supervisor) => {
      const router = express.Router();
      router.use(express.json());
      router.all('/endpoint', toNodeHandler(supervisor));
      app.use('/api/v1', router);
    },
    { path: '/api/v1/endpoint' },
  );
  await expectClientLife(served);
});

test('mounted with use(), the handler takes every path below', async () => {
  const served = await serveExpress(
    (app, supervisor) => {
      app.use('/mcp', toNodeHandler(supervisor));
    },
    { path: '/mcp/below' },
  );
  await expectClientLife(served);
});

test.each([
  { parser: 'express.text()', before: express.text({ type: 'application/json' }) },
  { parser: 'express.raw()', before: express.raw({ type: 'application/json' }) },
])('a client lives a whole session behind $parser, which reads the body and leaves it unparsed', async ({ before }) => {
  const served = await serveExpress((app, supervisor) => {
    app.all('/mcp', before, toNodeHandler(supervisor));
  });
  await expectClientLife(served);
});

test('a compressed body that express.json() has inflated is taken', async () => {
  const { port } = await serveExpress((app, supervisor) => {
    app.all('/mcp', express.json(), toNodeHandler(supervisor));
  });
  const body = gzipSync(JSON.stringify(initializeBody()));
  const raw = await rawSocket(port);
  raw.write(
    `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n` +
      `Accept: application/json, text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  raw.write(body);
  const { status, body: answer } = await raw.readResponse();
  expect(status).toBe(200);
  expect(answer).toContain('"serverInfo"');
});

test('the body that is passed on explicitly is used', async () => {
  const served = await serveExpress((app, supervisor) => {
    const handle = toNodeHandler(supervisor);
    app.use(express.json());
    app.all('/mcp', (req, res) => handle(req, res, req.body));
  });
  await expectClientLife(served);
});

test.each([
  { parser: 'express.json()', before: [express.json()] },
  { parser: 'no body parser', before: [] },
])('behind $parser, req.auth reaches the tool that the request calls', async ({ before }) => {
  const { url, supervisor } = await serveExpress((app, supervised) => {
    app.all('/mcp', ...before, authenticate, toNodeHandler(supervised));
  });
  const { sessionId, call } = await connectClient(url, { headers: { authorization: 'Bearer abc', 'x-test': 'yes' } });
  expect(supervisor.session(sessionId)?.principal).toContain('user of abc');
  const seen = JSON.parse(await call('whoami'));
  expect(seen.authInfo).toMatchObject({ token: 'abc', clientId: 'app', extra: { sub: 'user of abc' } });
  expect(seen.headers).toMatchObject({ 'x-test': 'yes' });
  expect(seen.sessionId).toBe(sessionId);
});

test('a session answers nobody but the user that opened it', async () => {
  const { url } = await serveExpress((app, supervisor) => {
    app.all('/mcp', express.json(), authenticate, toNodeHandler(supervisor));
  });
  const { headers } = await initialize(url, { headers: { authorization: 'Bearer abc' } });
  const own = await post(url, callBody('echo', { text: 'mine' }), headers);
  expect(own.messages().at(-1)?.result.content).toEqual([{ type: 'text', text: 'mine' }]);
  for (const authorization of ['Bearer other', undefined]) {
    const foreign = await post(url, callBody('echo', { text: 'mine' }), { ...headers, authorization });
    expect(foreign.status).toBe(404);
    expect(foreign.json().error).toEqual({ code: -32001, message: 'Session not found' });
  }
});

test('the answer to a request streams through, message by message', async () => {
  const { url, gates } = await serveExpress((app, supervisor) => {
    app.use(express.json());
    app.all('/mcp', toNodeHandler(supervisor));
  });
  const { headers } = await initialize(url);
  const stream = await openStream(url, { headers, body: callBody('gate', { key: 'held' }) });
  expect(stream.headers['content-type']).toContain('text/event-stream');
  await gates.entered('held');
  expect(stream.ended).toBe(false);
  gates.open('held');
  expect((await stream.message()).result.content).toEqual([{ type: 'text', text: 'passed held' }]);
  expect(await stream.closed).toBe(true);
});

test('nothing but a message in a parsed body is refused as it would be unparsed', async () => {
  const { url } = await serveExpress((app, supervisor) => {
    app.use(express.json({ strict: false }));
    app.all('/mcp', toNodeHandler(supervisor));
  });
  for (const body of ['{}', 'null', '3', '[]', '{"jsonrpc":"1.0","id":1,"method":"ping"}']) {
    const refused = await post(url, body);
    expect([body, refused.status]).toEqual([body, 400]);
    expect(refused.json()).toMatchObject({ jsonrpc: '2.0', error: { code: -32600 } });
  }
});

test('a body that express.json() could not parse is left to Express', async () => {
  const { url, supervisor } = await serveExpress((app, supervised) => {
    app.use(express.json());
    app.all('/mcp', toNodeHandler(supervised));
    const onError: ErrorRequestHandler = (error, _req, res, _next) => {
      res.status(error.status).send(`Express: ${error.type}`);
    };
    app.use(onError);
  });
  expect(await post(url, '{ not JSON')).toMatchObject({ status: 400, text: 'Express: entity.parse.failed' });
  expect([...supervisor.sessions()]).toEqual([]);
});

test('a content type that express.json() passes over is read and refused by us', async () => {
  const { url } = await serveExpress((app, supervisor) => {
    app.use(express.json());
    app.all('/mcp', toNodeHandler(supervisor));
  });
  const refused = await post(url, initializeBody(), { 'content-type': 'text/plain' });
  expect(refused.status).toBe(415);
  expect(refused.json()).toMatchObject({ jsonrpc: '2.0', error: { code: -32000 } });
});

test('keep-alive connections carry one exchange after the other', async () => {
  const { port } = await serveExpress((app, supervisor) => {
    app.use(express.json());
    app.all('/mcp', toNodeHandler(supervisor));
  });
  const raw = await rawSocket(port);
  const body = JSON.stringify(initializeBody());
  for (const attempt of [1, 2]) {
    raw.write(
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
        `Accept: application/json, text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const { status, headers } = await raw.readResponse();
    expect([attempt, status]).toEqual([attempt, 200]);
    expect(headers['mcp-session-id']).toMatch(/^[\x21-\x7e]+$/);
  }
});

test('a disconnected GET stream gives its session back to idleness', async () => {
  const { url, supervisor } = await serveExpress((app, supervised) => {
    app.use(express.json());
    app.all('/mcp', toNodeHandler(supervised));
  });
  const { sessionId, headers } = await initialize(url);
  const stream = await openStream(url, { headers });
  expect(stream.status).toBe(200);
  expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', openStreams: 1 });
  stream.destroy();
  await until(() => supervisor.session(sessionId)?.state === 'idle', { what: 'the session to idle' });
  expect(supervisor.session(sessionId)).toMatchObject({ state: 'idle', openStreams: 0, inFlight: 0 });
});
