// @ts-check
// MCP sessions behind bearer tokens: the SDK's middleware lets users in, and a session answers only its own user.
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import express from 'express';
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { toCorsMiddleware, toNodeHandler } from 'mcp-session-supervisor/node';
import { buildServer } from './server.js';

/** The tokens of this example. Yours are an authorization server's: check issuer, audience, signature and expiry. */
const USERS = new Map([
  ['token-of-ada', 'ada'],
  ['next-token-of-ada', 'ada'],
  ['token-of-grace', 'grace'],
]);

/** @type {import('@modelcontextprotocol/sdk/server/auth/provider.js').OAuthTokenVerifier} */
const verifier = {
  async verifyAccessToken(token) {
    const sub = USERS.get(token);
    if (sub === undefined) throw new InvalidTokenError('Unknown token');
    const expiresAt = Date.now() / 1000 + 3600;
    // Issuer and subject are the user, and stay the same when the token is refreshed: sessions are bound to them.
    return { token, clientId: 'example', scopes: [], expiresAt, extra: { iss: 'https://auth.example.com', sub } };
  },
};

const supervisor = createSessionSupervisor({
  server: buildServer,
  sessionIdleTimeout: 30 * 60_000,
  cors: ['http://localhost:6274'], // the MCP Inspector's page
});

const app = express();
// CORS first: a preflight carries no token, and a 401 has to be readable.
app.all('/mcp', toCorsMiddleware(supervisor), requireBearerAuth({ verifier }), toNodeHandler(supervisor));

const http = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', (error) => {
  if (error !== undefined) throw error;
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  console.log(`http://127.0.0.1:${port}/mcp`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await supervisor.drain(); // calls in flight finish, new ones get 503, then every session ends
    http.close();
  });
}
