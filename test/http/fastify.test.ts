/** The Node handler as a route of a Fastify 5 application, which has parsed the body before. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { type FastifyInstance, fastify } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { toNodeHandler } from '../../src/node.ts';
import { connectClient } from '../support/client.ts';
import { expectClientLife } from '../support/clientLife.ts';
import { type Served, supervise } from '../support/serve.ts';
import { callBody, exchange, initialize, openStream, post } from '../support/wire.ts';

async function serveFastify(configure?: (app: FastifyInstance) => void): Promise<Served> {
  const observed = supervise();
  const handle = toNodeHandler(observed.supervisor);
  const app = fastify({ forceCloseConnections: true });
  configure?.(app);
  app.all('/mcp', (request, reply) => {
    reply.hijack();
    return handle(request.raw, reply.raw, request.body);
  });
  const close = async () => {
    await Promise.all([observed.stop(), app.close()]);
  };
  onTestFinished(close);
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const port = Number(new URL(address).port);
  return { ...observed, url: `${address}/mcp`, port, httpServer: app.server, close };
}

test("a client lives a whole session behind Fastify's body parser", async () => {
  await expectClientLife(await serveFastify());
});

test('a client lives a whole session where Fastify leaves the body alone', async () => {
  const served = await serveFastify((app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
  });
  await expectClientLife(served);
});

test('in a scope of its own, a DELETE with a content type and no body ends its session', async () => {
  const observed = supervise();
  const handle = toNodeHandler(observed.supervisor);
  const app = fastify({ forceCloseConnections: true });
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    scope.all('/mcp', (request, reply) => {
      reply.hijack();
      return handle(request.raw, reply.raw);
    });
  });
  app.post('/other', (request) => request.body);
  onTestFinished(async () => {
    await Promise.all([observed.stop(), app.close()]);
  });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const { headers, sessionId } = await initialize(`${address}/mcp`);
  const answer = await exchange('DELETE', `${address}/mcp`, { ...headers, 'content-type': 'application/json' });
  expect(answer.status).toBe(200);
  expect(observed.supervisor.session(sessionId)).toBeUndefined();
  expect((await post(`${address}/other`, { parsed: true })).text).toBe('{"parsed":true}'); // other routes are as before
});

test("auth set on Fastify's raw request reaches the tool", async () => {
  const auth: AuthInfo = { token: 'abc', clientId: 'app', scopes: [], extra: { sub: 'ada' } };
  const { url, supervisor } = await serveFastify((app) => {
    app.addHook('preHandler', async (request) => {
      Object.assign(request.raw, { auth });
    });
  });
  const { sessionId, call } = await connectClient(url);
  expect(supervisor.session(sessionId)?.principal).toContain('ada');
  expect(JSON.parse(await call('whoami')).authInfo).toEqual(auth);
});

test('the answer to a request streams through, and its end ends the exchange', async () => {
  const { url, gates, supervisor } = await serveFastify();
  const { sessionId, headers } = await initialize(url);
  const stream = await openStream(url, { headers, body: callBody('gate', { key: 'held' }) });
  await gates.entered('held');
  expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1 });
  const idle = new Promise((resolve) => supervisor.on('session.idle', resolve));
  gates.open('held');
  expect((await stream.message()).result.content).toEqual([{ type: 'text', text: 'passed held' }]);
  await idle;
  expect(await stream.closed).toBe(true);
  expect(supervisor.session(sessionId)).toMatchObject({ state: 'idle', inFlight: 0 });
});

test('a body that Fastify could not parse is left to Fastify', async () => {
  const { url, supervisor } = await serveFastify();
  const refused = await post(url, '{ not JSON');
  expect(refused.status).toBe(400);
  expect(JSON.parse(refused.text)).toMatchObject({ statusCode: 400, error: 'Bad Request' });
  expect([...supervisor.sessions()]).toEqual([]);
});
