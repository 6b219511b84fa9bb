/** CORS: what a browser is told, and that it is told nothing unless the option says so. */
import { expect, test } from 'vitest';
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
      'Content-Type, Accept, Authorization, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID',
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
