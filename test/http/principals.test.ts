/** A session answers only the principal that opened it; anyone else can't tell it from one that never was. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toNodeHandler } from '../../src/node.ts';
import type { ServerFactory } from '../../src/options.ts';
import { rawAnswer } from '../support/rawAnswer.ts';
import { type ServeOptions, serve, supervise } from '../support/serve.ts';
import { askInEveryWay, becomesIdle, expectNotFound, lifeOf } from '../support/sessionLife.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { buildTestServer } from '../support/testServer.ts';
import { turns } from '../support/until.ts';
import { call, callBody, initialize, initializeBody, openStream, post } from '../support/wire.ts';

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

const unreadable = () => {
  throw new Error('no keys to read it with');
};

const byUser: ServeOptions['principal'] = ({ headers }) => headers['x-user'] as string | undefined;

test.each(['POST', 'GET', 'DELETE'])(
  'a foreign principal gets exactly what an unknown id gets, byte for byte (%s)',
  async (method) => {
    const served = await serve({ principal: byUser });
    const { sessionId } = await initialize(served.url, { headers: { 'x-user': 'ada' } });
    await becomesIdle(served, sessionId);
    const unknown = await rawAnswer(served.port, method, { 'mcp-session-id': crypto.randomUUID(), 'x-user': 'bob' });
    expect(unknown).toMatch(/^HTTP\/1.1 404 /);
    expect(unknown).toContain('Session not found');
    expect(await rawAnswer(served.port, method, { 'mcp-session-id': sessionId, 'x-user': 'bob' })).toBe(unknown);
    expect(await rawAnswer(served.port, method, { 'mcp-session-id': sessionId })).toBe(unknown);
    expect(served.supervisor.session(sessionId)).toMatchObject({ state: 'idle', principal: 'ada' });
    expect(lifeOf(served.events, sessionId).at(-1)).toBe('idle');
  },
);

test('a foreign principal changes nothing: not the call, not the stream, not the idle time', async () => {
  const { url, supervisor, gates, events } = await serve({ principal: byUser });
  const { sessionId, headers } = await initialize(url, { headers: { 'x-user': 'ada' } });
  const stream = await openStream(url, { headers });
  const calling = post(url, callBody('gate', { key: 'a' }), headers);
  await gates.entered('a');
  const before = supervisor.session(sessionId);
  const heard = events.length;
  for (const answer of await askInEveryWay(url, { ...headers, 'x-user': 'bob' })) expectNotFound(answer);
  expect(supervisor.session(sessionId)).toEqual(before);
  expect(events).toHaveLength(heard);
  gates.open('a');
  expect((await calling).messages()).toMatchObject([{ result: {} }]);
  stream.destroy();
});

test('nobody is a principal of its own: somebody gets no further than nobody', async () => {
  const { url } = await serve({ principal: byUser });
  const nobody = await initialize(url);
  expect((await call(url, nobody.sessionId, 'echo', { text: 'hi' })).status).toBe(200);
  expectNotFound(await call(url, nobody.sessionId, 'echo', { text: 'hi' }, 2, { 'x-user': 'ada' }));
});

describe('by default the principal comes from authInfo', () => {
  /** Sets `req.auth` as an authenticating middleware does: here it stands in a header. */
  const behind: ServeOptions['behind'] = (supervisor) => {
    const handle = toNodeHandler(supervisor);
    return (req, res) => {
      const auth = req.headers['x-auth'];
      if (typeof auth === 'string') Object.assign(req, { auth: JSON.parse(auth) });
      void handle(req, res);
    };
  };
  const as = (auth: Partial<AuthInfo>) => ({
    'x-auth': JSON.stringify({ token: 'secret', clientId: 'app', scopes: [], ...auth }),
  });
  const ada = { iss: 'https://idp.example', sub: 'ada' };

  test.each([
    {
      who: 'issuer and subject, whatever the token and the app',
      auth: { extra: ada },
      same: { token: 'new', clientId: 'other', extra: ada },
    },
    {
      who: 'the subject, where there is no issuer',
      auth: { extra: { sub: 'ada' } },
      same: { token: 'new', extra: { sub: 'ada' } },
    },
    { who: 'the client id, where there is no subject', auth: {}, same: { token: 'new', extra: { iss: ada.iss } } },
  ])('$who', async ({ auth, same }) => {
    const { url, supervisor } = await serve({ behind });
    const { sessionId } = await initialize(url, { headers: as(auth) });
    expect(supervisor.session(sessionId)?.principal).not.toContain('secret');
    expect((await call(url, sessionId, 'echo', { text: 'hi' }, 1, as(same))).status).toBe(200);
    const others: Partial<AuthInfo>[] = [
      { extra: { ...ada, sub: 'bob' } },
      { extra: { ...ada, iss: 'https://other.example' } },
      { extra: { sub: 'bob' } },
      { clientId: 'other' },
    ];
    for (const other of others) {
      expectNotFound(await call(url, sessionId, 'echo', { text: 'hi' }, 2, as(other)));
    }
    expectNotFound(await call(url, sessionId, 'echo', { text: 'hi' }, 3));
  });

  test('without authInfo there is none, whatever the headers say', async () => {
    const { url, supervisor } = await serve();
    const { sessionId } = await initialize(url, { headers: { authorization: 'Bearer abc' } });
    expect(supervisor.session(sessionId)?.principal).toBeUndefined();
    expect((await call(url, sessionId, 'echo', { text: 'hi' })).status).toBe(200);
  });
});

describe('the principal option', () => {
  test('is asked about every request, with its headers by lower-case name and its authInfo', async () => {
    const asked: unknown[] = [];
    const authInfo = { token: 't', clientId: 'app', scopes: [] };
    const { supervisor } = await serve({
      principal: (request) => {
        asked.push(request);
        return 'ada';
      },
    });
    const headers = { 'Content-Type': 'application/json', Accept: '*/*', 'X-Tenant': 'North' };
    const body = JSON.stringify(initializeBody());
    const request = new Request('http://localhost/', { method: 'POST', headers, body });
    const opened = await supervisor.fetch(request, { authInfo });
    await opened.body?.cancel();
    expect(asked).toEqual([{ headers: expect.objectContaining({ 'x-tenant': 'North', accept: '*/*' }), authInfo }]);
  });

  test('names the principal to the server factory', async () => {
    const seen: unknown[] = [];
    const server: ServerFactory = (session) => {
      seen.push(session.principal);
      return buildTestServer(session);
    };
    const { url } = await serve({ server, principal: byUser });
    await initialize(url, { headers: { 'x-user': 'ada' } });
    await initialize(url);
    expect(seen).toEqual(['ada', undefined]);
  });

  const failing: Record<string, () => unknown> = {
    throws: () => {
      throw new Error('no idea who that is');
    },
    'returns a promise': async () => 'ada',
    'returns a number': () => 42,
    'returns null': () => null,
  };
  test.each(Object.entries(failing))('that %s lets nobody in: 403, and a line in the log', async (_, fail) => {
    let working = true;
    const served = await serve({ principal: () => (working ? 'ada' : (fail() as string)) });
    const { url, supervisor, log } = served;
    const { sessionId, headers } = await initialize(url);
    await becomesIdle(served, sessionId);
    working = false;
    const heard = served.events.length;
    const refused = [await post(url, initializeBody()), ...(await askInEveryWay(url, headers))];
    for (const response of refused) {
      expect(response.status).toBe(403);
      expect(response.json()).toEqual({ jsonrpc: '2.0', id: null, error: { code: -32000, message: 'Forbidden' } });
      expect(response.headers).not.toHaveProperty('mcp-session-id');
    }
    const [told, ...more] = log.filter(({ event }) => event === 'principal.failed');
    expect(told).toMatchObject({ level: 'error', error: expect.any(Error), count: 1 });
    expect(more).toEqual([]);
    expect(served.events).toHaveLength(heard);
    working = true;
    expect([...supervisor.sessions()].map(({ id }) => id)).toEqual([sessionId]);
    expect((await call(url, sessionId, 'echo', { text: 'hi' })).status).toBe(200);
  });
});

test('a flood of requests whose principal can not be told is one line a second, with their number', async () => {
  const clock = new SimulatedClock();
  let failed = 0;
  const principal = () => {
    throw new Error(`failure ${++failed}`);
  };
  const { url, log } = await serve({ clock, principal });
  const flood = () => Promise.all(Array.from({ length: 20 }, () => post(url, initializeBody())));
  const lines = () => log.filter(({ event }) => event === 'principal.failed');
  await flood();
  expect(lines()).toMatchObject([{ count: 1, error: new Error('failure 1') }]);
  await advance(clock, 1_000);
  await flood();
  expect(lines()).toHaveLength(2);
  expect(lines()[1]).toMatchObject({ level: 'error', count: 20, error: new Error('failure 21') });
  expect(lines()[1]?.message).toContain('20 times');
});

describe('an identity that is there and not understood', () => {
  /** As express-jwt leaves it: the payload of the token. */
  const payload = { iss: 'https://a.example', sub: 'ada', iat: 1 };

  test('opens no session, and reaches none of anybody: 403, and the log names the option', async () => {
    const served = await serve({
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => {
          if (req.headers['x-user'] !== undefined) Object.assign(req, { auth: payload });
          void handle(req, res);
        };
      },
    });
    const { sessionId, headers } = await initialize(served.url);
    for (const response of [
      await post(served.url, initializeBody(), { 'x-user': 'ada' }),
      ...(await askInEveryWay(served.url, { ...headers, 'x-user': 'ada' })),
    ]) {
      expect(response.status).toBe(403);
    }
    expect([...served.supervisor.sessions()].map(({ id }) => id)).toEqual([sessionId]);
    const lines = served.log.filter(({ event }) => event === 'principal.failed');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.message).toContain('option principal');
    expect(String(lines[0]?.error)).toContain('({ authInfo }) => authInfo?.sub');
  });

  test.each([
    ['the default', undefined],
    ['an option that does not look at it', () => 'ada'],
  ])('nor can be read: 403, with what it threw in the log (%s)', async (_, principal) => {
    const handled: unknown[] = [];
    const served = await serve({
      principal,
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => {
          Object.defineProperty(req, 'auth', { get: unreadable });
          try {
            handle(req, res).catch((error: unknown) => handled.push(error));
          } catch (error) {
            handled.push(error);
            res.writeHead(500).end();
          }
        };
      },
    });
    expect((await post(served.url, initializeBody())).status).toBe(403);
    const request = new Request(served.url, { method: 'POST', headers: JSON_HEADERS, body: '{}' });
    const options = Object.defineProperty({}, 'authInfo', { get: unreadable });
    expect((await served.supervisor.fetch(request, options)).status).toBe(403);
    expect(handled).toEqual([]);
    expect([...served.supervisor.sessions()]).toEqual([]);
    const lines = served.log.filter(({ level }) => level === 'error');
    expect(lines).toMatchObject([{ event: 'principal.failed', error: new Error('no keys to read it with') }]);
  });

  test('that is another each time it is read is that of the first time', async () => {
    const seen: unknown[] = [];
    let read = 0;
    const served = await serve({
      server: (session) => {
        seen.push(session.authInfo?.clientId);
        return buildTestServer(session);
      },
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        const get = () => ({ token: 't', clientId: `app ${++read}`, scopes: [] });
        return (req, res) => void handle(Object.defineProperty(req, 'auth', { get }), res);
      },
    });
    const { sessionId } = await initialize(served.url, { notify: false });
    expect(served.supervisor.session(sessionId)?.principal).toBe('app 1');
    expect(seen).toEqual(['app 1']);
  });

  test('over fetch: 403; null is nobody', async () => {
    const { supervisor, stop } = supervise();
    const send = (authInfo: unknown) => {
      const body = JSON.stringify(initializeBody());
      const request = new Request('http://localhost/', { method: 'POST', headers: JSON_HEADERS, body });
      return supervisor.fetch(request, { authInfo: authInfo as never });
    };
    expect((await send(payload)).status).toBe(403);
    const opened = await send(null);
    expect(opened.status).toBe(200);
    await opened.text();
    expect([...supervisor.sessions()].map(({ principal }) => principal)).toEqual([undefined]);
    await stop();
  });
});

test("a promise that the option returns and that rejects is nobody's matter", async () => {
  const unhandled: unknown[] = [];
  const hear = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', hear);
  onTestFinished(() => void process.off('unhandledRejection', hear));
  const { url } = await serve({ principal: (() => Promise.reject(new Error('late'))) as never });
  expect((await post(url, initializeBody())).status).toBe(403);
  await turns(5);
  expect(unhandled).toEqual([]);
});
