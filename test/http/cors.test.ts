/** CORS: what a browser is told, and that it is told nothing unless the option says so. */
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import express from 'express';
import { expect, test } from 'vitest';
import { createSessionSupervisor } from '../../src/index.ts';
import { toCorsMiddleware, toNodeHandler } from '../../src/node.ts';
import { serve } from '../support/serve.ts';
import { exchange, type Headers, initialize, initializeBody, openStream, post } from '../support/wire.ts';

const ORIGIN = 'https://app.example';
const PREFLIGHT = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'mcp-session-id' };

/** The CORS headers of an answer; `vary` where it has one. */
function corsOf(headers: Headers): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => /^access-control-|^vary$/.test(name)));
}

const ask = async (url: string, origin?: string) =>
  corsOf((await post(url, initializeBody(), { origin })).headers as Headers);

test('without the option: no header, and OPTIONS is no method', async () => {
  const { url } = await serve();
  expect(await ask(url, ORIGIN)).toEqual({});
  const preflight = await exchange('OPTIONS', url, { origin: ORIGIN, ...PREFLIGHT });
  expect(preflight.status).toBe(405);
  expect(corsOf(preflight.headers as Headers)).toEqual({});
});

test('an origin that is named may read the answer and its session id; to any other nothing is said', async () => {
  const { url } = await serve({ cors: [ORIGIN, 'http://localhost:5173'] });
  for (const origin of [ORIGIN, 'http://localhost:5173']) {
    expect(await ask(url, origin)).toEqual({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'Mcp-Session-Id',
      vary: 'Origin',
    });
  }
  for (const origin of ['https://evil.example', 'null', `${ORIGIN}.evil`, undefined]) {
    expect(await ask(url, origin)).toEqual({ vary: 'Origin' });
  }
});

test("with '*' every origin may read the answers, and none sends credentials", async () => {
  const { url } = await serve({ cors: '*' });
  expect(await ask(url, 'https://anyone.example')).toEqual({
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'Mcp-Session-Id',
  });
});

test('a preflight is answered with all that our clients send, without a session and without a principal', async () => {
  const { url, events } = await serve({
    cors: [ORIGIN],
    principal: () => {
      throw new Error('not to be asked');
    },
  });
  const allowed = await exchange('OPTIONS', url, { origin: ORIGIN, ...PREFLIGHT });
  expect(allowed).toMatchObject({ status: 204, text: '' });
  expect(corsOf(allowed.headers as Headers)).toEqual({
    'access-control-allow-origin': ORIGIN,
    'access-control-allow-methods': 'GET, POST, DELETE',
    'access-control-allow-headers':
      'Content-Type, Accept, Authorization, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID, Mcp-Method, Mcp-Name',
    'access-control-expose-headers': 'Mcp-Session-Id',
    'access-control-max-age': '86400',
    vary: 'Origin',
  });
  const foreign = await exchange('OPTIONS', url, { origin: 'https://evil.example', ...PREFLIGHT });
  expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
  expect(events).toEqual([]);
});

test('streams and refusals can be read as well', async () => {
  const { url } = await serve({ cors: [ORIGIN] });
  const { headers } = await initialize(url);
  const stream = await openStream(url, { headers: { ...headers, origin: ORIGIN } });
  expect(stream.headers['access-control-allow-origin']).toBe(ORIGIN);
  stream.destroy();
  const refused = await post(url, 'not JSON', { origin: ORIGIN });
  expect(refused.status).toBe(400);
  expect(refused.headers['access-control-allow-origin']).toBe(ORIGIN);
});

test('does not let in whom allowedOrigins leaves out', async () => {
  const { url } = await serve({ cors: [ORIGIN], allowedOrigins: ['https://other.example'] });
  expect((await post(url, initializeBody(), { origin: ORIGIN })).status).toBe(403);
});

const askedFor = (names: string) => ({
  'access-control-request-method': 'POST',
  'access-control-request-headers': names,
});

test("a preflight allows headers of one's own, and of those of MCP whose names are open the ones that are asked for", async () => {
  const { url } = await serve({ cors: { origins: [ORIGIN], headers: ['x-api-key', 'traceparent'] } });
  const asked = 'mcp-param-region, x-other,Mcp-Param-User-Id, mcp-param-, mcp-param-a(b)';
  const { headers } = await exchange('OPTIONS', url, { origin: ORIGIN, ...askedFor(asked) });
  expect(headers['access-control-allow-origin']).toBe(ORIGIN);
  const allowed = String(headers['access-control-allow-headers']).split(', ');
  expect(allowed).toEqual(expect.arrayContaining(['Mcp-Method', 'Mcp-Name', 'Mcp-Session-Id']));
  expect(allowed.slice(-4)).toEqual(['x-api-key', 'traceparent', 'mcp-param-region', 'Mcp-Param-User-Id']);
});

test.each(['chrome-extension://abcdefghijklmnop', 'vscode-webview://1a2b-3c', 'tauri://localhost'])(
  '%s may be allowed as any other origin',
  async (origin) => {
    const { url } = await serve({ cors: [origin], allowedOrigins: [origin] });
    expect(await ask(url, origin)).toMatchObject({ 'access-control-allow-origin': origin });
    expect((await post(url, initializeBody(), { origin: `${origin}x` })).status).toBe(403);
  },
);

test('what middleware says in Vary stays', async () => {
  const { url } = await serve({
    cors: [ORIGIN],
    behind: (supervisor) => {
      const handle = toNodeHandler(supervisor);
      return (req, res) => {
        res.setHeader('Vary', 'Accept-Encoding');
        void handle(req, res);
      };
    },
  });
  expect(await ask(url, ORIGIN)).toMatchObject({ vary: 'Accept-Encoding, Origin' });
});

test('over fetch an answer has the same headers', async () => {
  const supervisor = createSessionSupervisor({ server: () => Promise.reject(new Error('not to be asked')), cors: '*' });
  const request = new Request('http://localhost/', { method: 'OPTIONS', headers: { origin: ORIGIN, ...PREFLIGHT } });
  const { status, headers } = await supervisor.fetch(request);
  expect({ status, origin: headers.get('access-control-allow-origin') }).toEqual({ status: 204, origin: '*' });
  await supervisor.drain();
});

test('before authentication, as documented: preflights pass it, and its 401 can be read', async () => {
  const authInfo = { token: 'good', clientId: 'app', scopes: [], expiresAt: Date.now() / 1_000 + 60 };
  const verifier = {
    verifyAccessToken: async (token: string) => {
      if (token !== 'good') throw new InvalidTokenError('unknown');
      return authInfo;
    },
  };
  const { url } = await serve({
    cors: [ORIGIN],
    behind: (supervisor) => {
      const app = express();
      app.all('/mcp', toCorsMiddleware(supervisor), requireBearerAuth({ verifier }), toNodeHandler(supervisor));
      return app;
    },
  });
  const preflight = await exchange('OPTIONS', url, { origin: ORIGIN, ...askedFor('authorization') });
  expect({ status: preflight.status, text: preflight.text }).toEqual({ status: 204, text: '' });
  expect(preflight.headers['access-control-allow-headers']).toContain('Authorization');
  for (const [authorization, status] of [
    [undefined, 401],
    ['Bearer bad', 401],
    ['Bearer good', 200],
  ] as const) {
    const answer = await post(url, initializeBody(), { origin: ORIGIN, authorization });
    expect(answer.status).toBe(status);
    expect(corsOf(answer.headers as Headers)).toEqual({
      'access-control-allow-origin': ORIGIN,
      'access-control-expose-headers': 'Mcp-Session-Id',
      vary: 'Origin',
    });
  }
  const foreign = await post(url, initializeBody(), { origin: 'https://evil.example' });
  expect(foreign.status).toBe(401);
  expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
});

test('the middleware does nothing where the option is off', async () => {
  const { url } = await serve({
    behind: (supervisor) => {
      const app = express();
      app.all('/mcp', toCorsMiddleware(supervisor), toNodeHandler(supervisor));
      return app;
    },
  });
  expect(await ask(url, ORIGIN)).toEqual({});
  expect((await exchange('OPTIONS', url, { origin: ORIGIN, ...PREFLIGHT })).status).toBe(405);
});
