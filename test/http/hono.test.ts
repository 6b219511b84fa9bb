/** The web-standard handler as a route of a Hono application: on @hono/node-server's sockets, and without any. */
import { getRequestListener } from '@hono/node-server';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { Hono } from 'hono';
import { expect, onTestFinished, test } from 'vitest';
import { connectClient } from '../support/client.ts';
import { expectClientLife } from '../support/clientLife.ts';
import { type Observed, type Supervisor, serve, supervise } from '../support/serve.ts';
import { parseSse } from '../support/sse.ts';
import { until, withTimeout } from '../support/until.ts';
import { callBody, initialize, initializeBody, openStream, post } from '../support/wire.ts';

const honoApp = (supervisor: Supervisor, authInfo?: AuthInfo) => {
  const app = new Hono();
  app.all('/mcp', (context) => supervisor.fetch(context.req.raw, authInfo === undefined ? {} : { authInfo }));
  return app;
};

const serveHono = (authInfo?: AuthInfo) =>
  serve({ behind: (supervisor) => getRequestListener(honoApp(supervisor, authInfo).fetch) });

/** Resolves with the next `session.idle`. */
const nextIdle = ({ supervisor }: Observed) =>
  withTimeout(new Promise((resolve) => supervisor.on('session.idle', resolve)), { what: 'session.idle' });

test('a client lives a whole session', async () => {
  await expectClientLife(await serveHono());
});

test('authInfo that is passed in reaches the tool and names the principal', async () => {
  const authInfo: AuthInfo = { token: 'abc', clientId: 'app', scopes: [], extra: { sub: 'ada' } };
  const { url, supervisor } = await serveHono(authInfo);
  const { sessionId, call } = await connectClient(url, { headers: { 'x-test': 'yes' } });
  expect(supervisor.session(sessionId)?.principal).toContain('ada');
  const seen = JSON.parse(await call('whoami'));
  expect(seen.authInfo).toEqual(authInfo);
  expect(seen.headers).toMatchObject({ 'x-test': 'yes' });
});

test('an answer streams through, message by message', async () => {
  const served = await serveHono();
  const { url, gates, supervisor } = served;
  const { sessionId, headers } = await initialize(url);
  const body = callBody('progress', { steps: 2 }, 1, 'token');
  const steps = await post(url, body, headers);
  expect(steps.messages().map(({ method }) => method)).toEqual([
    'notifications/progress',
    'notifications/progress',
    undefined,
  ]);

  const stream = await openStream(url, { headers, body: callBody('gate', { key: 'held' }, 2) });
  expect(stream.headers).toMatchObject({
    'content-type': expect.stringContaining('text/event-stream'),
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  await gates.entered('held');
  expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1 });
  const idle = nextIdle(served);
  gates.open('held');
  expect((await stream.message()).result.content).toEqual([{ type: 'text', text: 'passed held' }]);
  expect(await stream.closed).toBe(true);
  await idle;
});

test('a GET stream is given up when its client disconnects', async () => {
  const served = await serveHono();
  const { sessionId, headers } = await initialize(served.url);
  const stream = await openStream(served.url, { headers });
  expect(stream.status).toBe(200);
  expect(served.supervisor.session(sessionId)).toMatchObject({ state: 'active', openStreams: 1 });
  const idle = nextIdle(served);
  stream.destroy();
  await idle;
  expect(served.supervisor.session(sessionId)).toMatchObject({ state: 'idle', openStreams: 0, inFlight: 0 });
});

test('a call whose client disconnected runs on and holds nothing', async () => {
  const served = await serveHono();
  const { url, gates, supervisor } = served;
  const { sessionId, headers } = await initialize(url);
  const stream = await openStream(url, { headers, body: callBody('gate', { key: 'held' }) });
  await gates.entered('held');
  const idle = nextIdle(served);
  stream.destroy();
  await idle;
  expect(supervisor.session(sessionId)).toMatchObject({ state: 'idle', inFlight: 0 });
  expect(gates.counts('held')).toEqual({ entered: 1, aborted: 0 });
  gates.open('held');
  const next = await post(url, callBody('echo', { text: 'still here' }, 2), headers);
  expect(next.messages().at(-1)?.result.content).toEqual([{ type: 'text', text: 'still here' }]);
});

test('a drain ends the streams that are open', async () => {
  const { url, supervisor, events } = await serveHono();
  const { headers } = await initialize(url);
  const stream = await openStream(url, { headers });
  await withTimeout(supervisor.drain({ timeout: 1_000 }), { what: 'the drain' });
  expect(await withTimeout(stream.closed)).toBe(true);
  expect(events.at(-1)).toMatchObject({ type: 'session.terminated', reason: 'drained' });
  const refused = await post(url, initializeBody());
  expect(refused.status).toBe(503);
  expect(refused.headers['retry-after']).toBeDefined();
});

// Without sockets: what any web-standard runtime does with the handler.

const ENDPOINT = 'http://localhost/mcp';
const POST_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

async function openSession(observed: Observed) {
  const app = honoApp(observed.supervisor);
  const opened = await app.request(ENDPOINT, {
    method: 'POST',
    headers: POST_HEADERS,
    body: JSON.stringify(initializeBody()),
  });
  const sessionId = opened.headers.get('mcp-session-id') ?? '';
  await until(opened.text(), { what: 'the answer to initialize' });
  return { app, sessionId, headers: { 'mcp-session-id': sessionId, 'mcp-protocol-version': '2025-11-25' } };
}

test('without sockets: an answer is read to its end', async () => {
  const observed = supervise();
  onTestFinished(observed.stop);
  const { app, sessionId, headers } = await openSession(observed);
  const response = await app.request(ENDPOINT, {
    method: 'POST',
    headers: { ...POST_HEADERS, ...headers },
    body: JSON.stringify(callBody('big', { bytes: 300_000 })),
  });
  expect(response.status).toBe(200);
  const [event] = parseSse(await withTimeout(response.text()));
  expect(JSON.parse(event?.data ?? '').result.content[0].text).toHaveLength(300_000);
  await until(() => observed.supervisor.session(sessionId)?.state === 'idle');
});

test.each([
  { how: 'cancelling the body', leave: (response: Response, _abort: AbortController) => response.body?.cancel() },
  { how: "aborting the request's signal", leave: (_response: Response, abort: AbortController) => abort.abort() },
])('without sockets: a client disconnects by $how', async ({ leave }) => {
  const observed = supervise();
  onTestFinished(observed.stop);
  const { app, sessionId, headers } = await openSession(observed);
  const abort = new AbortController();
  const request = new Request(ENDPOINT, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: abort.signal,
  });
  const response = await app.fetch(request);
  expect(response.status).toBe(200);
  expect(observed.supervisor.session(sessionId)).toMatchObject({ state: 'active', openStreams: 1 });
  const idle = nextIdle(observed);
  await leave(response, abort);
  await idle;
  expect(observed.supervisor.session(sessionId)).toMatchObject({ state: 'idle', openStreams: 0 });
});
