/** What a client holds of its user's sign-in, on the contract of the SDK's `authProvider`. */
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { type Authority, CALLBACK } from './authority.ts';

export class Credentials implements OAuthClientProvider {
  readonly redirectUrl = CALLBACK;
  readonly clientMetadata = { redirect_uris: [CALLBACK] };
  /** All tokens so far, the newest last. */
  readonly history: OAuthTokens[] = [];
  readonly #issuer: string;
  #codeVerifier = '';
  #authorizationUrl: URL | undefined;

  /** @param tokens those of an earlier sign-in; without them the user has to sign in first */
  constructor({ issuer }: Authority, tokens?: OAuthTokens) {
    this.#issuer = issuer;
    if (tokens !== undefined) this.history.push(tokens);
  }

  clientInformation() {
    return { client_id: 'app', issuer: this.#issuer };
  }

  tokens(): OAuthTokens | undefined {
    return this.history.at(-1);
  }

  saveTokens(tokens: OAuthTokens): void {
    this.history.push(tokens);
  }

  saveCodeVerifier(codeVerifier: string): void {
    this.#codeVerifier = codeVerifier;
  }

  codeVerifier(): string {
    return this.#codeVerifier;
  }

  redirectToAuthorization(authorizationUrl: URL): void {
    this.#authorizationUrl = authorizationUrl;
  }

  /** What the user's browser does where the client sent it; resolves to the code that it brings back. */
  async signIn(user: string): Promise<string> {
    if (this.#authorizationUrl === undefined) throw new Error('Nobody was sent to sign in');
    const answer = await fetch(this.#authorizationUrl, { redirect: 'manual', headers: { 'x-user': user } });
    const code = new URL(answer.headers.get('location') ?? '').searchParams.get('code');
    if (code === null) throw new Error(`No code came back: ${answer.status}`);
    return code;
  }
}
