/**
 * Behind the SDK's own bearer middleware on Express, with its own authorization endpoints and its own clients: a session
 * belongs to the user of the token that opened it, through every refresh, and to nobody else.
 */
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { getOAuthProtectedResourceMetadataUrl, mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import express from 'express';
import { expect, test } from 'vitest';
import { toNodeHandler } from '../../src/node.ts';
import { Authority } from '../support/authority.ts';
import { type Connected, connectClient } from '../support/client.ts';
import { Credentials } from '../support/credentials.ts';
import { rawAnswer } from '../support/rawAnswer.ts';
import { serve } from '../support/serve.ts';
import { askInEveryWay, becomesIdle, expectNotFound, lifeOf } from '../support/sessionLife.ts';
import { until } from '../support/until.ts';
import { call, initialize, initializeBody, post, sessionHeaders } from '../support/wire.ts';

/** An Express application whose `/mcp` takes tokens of the authority, which lives beside it. */
async function serveProtected() {
  const app = express();
  const served = await serve({ behind: () => app });
  const resource = new URL(served.url);
  const authority = new Authority(served.url);
  app.use(mcpAuthRouter({ provider: authority, issuerUrl: new URL(authority.issuer), resourceServerUrl: resource }));
  const bearer = requireBearerAuth({
    verifier: authority,
    requiredScopes: ['mcp'],
    expectedResource: resource,
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
  });
  app.all('/mcp', bearer, toNodeHandler(served.supervisor));
  return { ...served, authority };
}

const bearing = ({ access_token }: OAuthTokens) => ({ authorization: `Bearer ${access_token}` });

/** Who the tool handler of a call was told to be working for. */
async function whoami({ call }: Connected) {
  const { authInfo, headers } = JSON.parse(await call('whoami'));
  return { token: authInfo.token, sub: authInfo.extra?.sub, authorization: headers.authorization };
}

const seen = (tokens: OAuthTokens | undefined, sub: string) => ({
  token: tokens?.access_token,
  sub,
  authorization: `Bearer ${tokens?.access_token}`,
});

test('a client signs its user in, and the session is that of the user', async () => {
  const { url, supervisor, authority } = await serveProtected();
  const credentials = new Credentials(authority);
  const transport = { authProvider: credentials };
  await expect(connectClient(url, { transport })).rejects.toThrow(UnauthorizedError);
  expect([...supervisor.sessions()]).toEqual([]);
  const code = await credentials.signIn('ada');
  // The SDK's way back: a transport that never connected trades the code for tokens, and a new one uses them.
  await new StreamableHTTPClientTransport(new URL(url), transport).finishAuth(code);
  const ada = await connectClient(url, { transport });
  const principal = supervisor.session(ada.sessionId)?.principal;
  expect(principal).toContain(authority.issuer);
  expect(principal).toContain('ada');
  expect(await whoami(ada)).toEqual(seen(credentials.tokens(), 'ada'));
});

test('a token that expires is refreshed by the client, and its session goes on', async () => {
  const { url, supervisor, authority, gates, events } = await serveProtected();
  const credentials = new Credentials(authority, authority.issue({ sub: 'ada' }));
  const ada = await connectClient(url, { transport: { authProvider: credentials } });
  await until(() => supervisor.session(ada.sessionId)?.openStreams === 1, { what: 'the GET stream to open' });
  const old = credentials.tokens();
  expect(await whoami(ada)).toEqual(seen(old, 'ada'));
  const before = supervisor.session(ada.sessionId);

  const begun = ada.call('gate', { key: 'a' });
  await gates.entered('a');
  authority.expire(old?.access_token ?? '');
  expect(await whoami(ada)).toEqual(seen(credentials.tokens(), 'ada'));
  expect(credentials.tokens()?.access_token).not.toBe(old?.access_token);
  expect(credentials.history).toHaveLength(2);

  gates.open('a');
  expect(await begun).toBe('passed a');
  expect(ada.transport.sessionId).toBe(ada.sessionId);
  expect([...supervisor.sessions()].map(({ id }) => id)).toEqual([ada.sessionId]);
  // The stream that the old token opened is open still.
  expect(supervisor.session(ada.sessionId)).toMatchObject({ principal: before?.principal, openStreams: 1 });
  expect(lifeOf(events).filter((step) => step.startsWith('terminated'))).toEqual([]);

  await ada.transport.terminateSession();
  expect(lifeOf(events).at(-1)).toBe('terminated: deleted');
});

test('two users at once: each has a session, and each call is told its own user', async () => {
  const { url, supervisor, authority } = await serveProtected();
  const tokens = { ada: authority.issue({ sub: 'ada' }), bob: authority.issue({ sub: 'bob' }) };
  const ada = await connectClient(url, { headers: bearing(tokens.ada) });
  const bob = await connectClient(url, { headers: bearing(tokens.bob) });
  const calls = [whoami(ada), whoami(bob), whoami(ada), whoami(bob)];
  const [own, other] = [seen(tokens.ada, 'ada'), seen(tokens.bob, 'bob')];
  expect(await Promise.all(calls)).toEqual([own, other, own, other]);
  expect(supervisor.session(ada.sessionId)?.principal).toContain('ada');
  expect(supervisor.session(bob.sessionId)?.principal).toContain('bob');
});

test.each(['POST', 'GET', 'DELETE'])(
  'a stolen session id is worth what an unknown one is, byte for byte (%s)',
  async (method) => {
    const served = await serveProtected();
    const { url, port, authority, supervisor, events } = served;
    const tokens = { ada: authority.issue({ sub: 'ada' }), bob: authority.issue({ sub: 'bob' }) };
    const { sessionId } = await initialize(url, { headers: bearing(tokens.ada) });
    await becomesIdle(served, sessionId);
    const heard = events.length;
    const ask = (id: string) => rawAnswer(port, method, { ...bearing(tokens.bob), 'mcp-session-id': id });
    const stolen = await ask(sessionId);
    expect(stolen).toMatch(/^HTTP\/1.1 404 /);
    expect(stolen).toContain('Session not found');
    expect(stolen).toBe(await ask(crypto.randomUUID()));
    expect(events).toHaveLength(heard);
    expect(supervisor.session(sessionId)?.state).toBe('idle');
    expect((await call(url, sessionId, 'echo', { text: 'mine' }, 1, bearing(tokens.ada))).status).toBe(200);
  },
);

test('an SDK client with a stolen session id gets nothing of it', async () => {
  const { url, supervisor, authority, gates } = await serveProtected();
  const ada = await connectClient(url, { headers: bearing(authority.issue({ sub: 'ada' })) });
  const begun = ada.call('gate', { key: 'a' });
  await gates.entered('a');
  const mallory = await connectClient(url, {
    headers: bearing(authority.issue({ sub: 'mallory' })),
    transport: { sessionId: ada.sessionId },
  });
  expect(mallory.sessionId).toBe(ada.sessionId);
  await expect(mallory.client.listTools()).rejects.toMatchObject({ code: 404 });
  await expect(mallory.transport.terminateSession()).rejects.toMatchObject({ code: 404 });
  expect(supervisor.session(ada.sessionId)?.state).toBe('active');
  gates.open('a');
  expect(await begun).toBe('passed a');
});

test.each([
  { what: 'no token', status: 401, code: 'invalid_token', token: () => undefined },
  { what: 'a token that nobody issued', status: 401, code: 'invalid_token', token: () => 'Bearer made-up' },
  {
    what: 'an expired token',
    status: 401,
    code: 'invalid_token',
    token: (authority: Authority) => {
      const tokens = authority.issue({ sub: 'ada' });
      authority.expire(tokens.access_token);
      return bearing(tokens).authorization;
    },
  },
  {
    what: "another server's token",
    status: 401,
    code: 'invalid_token',
    token: (authority: Authority) =>
      bearing(authority.issue({ sub: 'ada', resource: new URL('https://other.example/mcp') })).authorization,
  },
  {
    what: 'a token without the scope',
    status: 403,
    code: 'insufficient_scope',
    token: (authority: Authority) => bearing(authority.issue({ sub: 'ada', scopes: ['mail'] })).authorization,
  },
])('$what: the middleware answers $status, and no session is opened or touched', async ({ status, code, token }) => {
  const served = await serveProtected();
  const { url, authority, supervisor, events } = served;
  const { sessionId } = await initialize(url, { headers: bearing(authority.issue({ sub: 'ada' })) });
  await becomesIdle(served, sessionId);
  const before = supervisor.session(sessionId);
  const heard = events.length;
  const authorization = token(authority);
  const answers = [
    await post(url, initializeBody(), { authorization }),
    ...(await askInEveryWay(url, { ...sessionHeaders(sessionId), authorization })),
  ];
  for (const answer of answers) {
    expect(answer.status).toBe(status);
    expect(answer.headers['www-authenticate']).toContain(`error="${code}"`);
    expect(answer.json()).toMatchObject({ error: code });
  }
  expect(events).toHaveLength(heard);
  expect([...supervisor.sessions()]).toEqual([before]);
});

test('a token without a user: by default the session is that of the client id, shared by all who use it', async () => {
  const { url, supervisor, authority } = await serveProtected();
  const { sessionId } = await initialize(url, { headers: bearing(authority.issue({ clientId: 'app' })) });
  expect(supervisor.session(sessionId)?.principal).toContain('app');
  const same = bearing(authority.issue({ clientId: 'app' }));
  expect((await call(url, sessionId, 'echo', { text: 'hi' }, 1, same)).status).toBe(200);
  for (const other of [{ clientId: 'other' }, { clientId: 'app', sub: 'app' }, { clientId: 'app', sub: 'ada' }]) {
    expectNotFound(await call(url, sessionId, 'echo', { text: 'hi' }, 2, bearing(authority.issue(other))));
  }
});
