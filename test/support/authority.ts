/** An authorization server on the SDK's contract: signs users in, issues, refreshes, expires and verifies tokens. */
import { randomUUID } from 'node:crypto';
import { InvalidGrantError, InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import type { AuthorizationParams, OAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/provider.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { OAuthClientInformationFull, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { Response } from 'express';

/** Where the browser of a user lands after signing in. Nobody listens there: the code is read from the redirect. */
export const CALLBACK = 'http://127.0.0.1/callback';

/** What a grant is for: a user, or, where there is none, the client alone. */
export interface Grant {
  readonly sub?: string | undefined;
  readonly clientId?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  /** Whom its tokens are for. Default: this server. */
  readonly resource?: URL | undefined;
}

const LIFETIME = 3600;
const now = () => Math.floor(Date.now() / 1000);

export class Authority implements OAuthServerProvider {
  readonly issuer: string;
  readonly #resource: URL;
  readonly #access = new Map<string, AuthInfo>();
  readonly #refresh = new Map<string, Grant>();
  readonly #codes = new Map<string, Grant & { readonly challenge: string }>();

  /** @param url the endpoint that the tokens are for; the authority lives at its origin */
  constructor(url: string) {
    this.#resource = new URL(url);
    this.issuer = new URL('/', url).href;
  }

  readonly clientsStore = {
    getClient: (id: string): OAuthClientInformationFull => ({ client_id: id, redirect_uris: [CALLBACK] }),
  };

  /** Issues tokens as at the end of a sign-in. */
  issue(grant: Grant): OAuthTokens & { issuer: string } {
    const { sub, clientId = 'app', scopes = ['mcp'], resource = this.#resource } = grant;
    const token = `access-${randomUUID()}`;
    this.#access.set(token, {
      token,
      clientId,
      scopes: [...scopes],
      expiresAt: now() + LIFETIME,
      resource,
      ...(sub === undefined ? {} : { extra: { iss: this.issuer, sub } }),
    });
    const refreshToken = `refresh-${randomUUID()}`;
    this.#refresh.set(refreshToken, grant);
    const { issuer } = this;
    return { access_token: token, token_type: 'Bearer', expires_in: LIFETIME, refresh_token: refreshToken, issuer };
  }

  /** From now on a token is one that has expired. */
  expire(token: string): void {
    this.#access.set(token, { ...this.#known(token), expiresAt: now() - 1 });
  }

  async verifyAccessToken(token: string): Promise<AuthInfo> {
    return this.#known(token);
  }

  /** The user is who the browser's `x-user` header says: there is no password to get wrong. */
  async authorize(client: OAuthClientInformationFull, params: AuthorizationParams, res: Response): Promise<void> {
    const { codeChallenge: challenge, scopes, resource, redirectUri } = params;
    const code = randomUUID();
    this.#codes.set(code, { sub: res.req.get('x-user'), clientId: client.client_id, scopes, resource, challenge });
    const target = new URL(redirectUri);
    target.searchParams.set('code', code);
    res.redirect(target.href);
  }

  async challengeForAuthorizationCode(_client: OAuthClientInformationFull, code: string): Promise<string> {
    return this.#codes.get(code)?.challenge ?? '';
  }

  async exchangeAuthorizationCode(_client: OAuthClientInformationFull, code: string): Promise<OAuthTokens> {
    return this.issue(take(this.#codes, code));
  }

  async exchangeRefreshToken(_client: OAuthClientInformationFull, refreshToken: string): Promise<OAuthTokens> {
    return this.issue(take(this.#refresh, refreshToken));
  }

  #known(token: string): AuthInfo {
    const known = this.#access.get(token);
    if (known === undefined) throw new InvalidTokenError('Unknown token');
    return known;
  }
}

/** A code or a refresh token is good once. */
function take<T>(grants: Map<string, T>, key: string): T {
  const grant = grants.get(key);
  if (grant === undefined) throw new InvalidGrantError('Used, or never issued');
  grants.delete(key);
  return grant;
}
