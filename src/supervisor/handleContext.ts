/**
 * Whose call it is that asks for a handle, by the context that its handler was given: SDK v1's `extra`, SDK v2's `ctx`, or
 * the factory's. Nobody is ever guessed: what does not say who asks is refused.
 */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { SupervisorError } from '../errors.ts';
import type { PrincipalResolver } from '../options.ts';
import { isObject } from '../protocol/messages.ts';
import type { RequestHeaders } from '../transport/exchange.ts';
import { askPrincipal } from './principal.ts';

/**
 * Who asks: what a tool handler gets (`extra` of SDK v1, `ctx` of v2), what the server factory gets, or `{ principal }`
 * where there is no request. Pass it on as it is.
 */
export interface HandleContext {
  readonly sessionId?: unknown;
  readonly principal?: unknown;
  readonly authInfo?: unknown;
  readonly requestInfo?: unknown;
  readonly http?: unknown;
}

/** What is asked to find out. */
export interface PrincipalSource {
  readonly resolver: PrincipalResolver;
  /** The session that lives under this id. */
  session(id: string): { readonly principal: string | undefined } | undefined;
  /** The resolver failed. */
  failed(error: unknown): void;
}

/** @throws {SupervisorError} `NO_PRINCIPAL` */
export function principalIn(context: unknown, source: PrincipalSource): string | undefined {
  if (typeof context !== 'object' || context === null) throw notTold();
  const { sessionId } = context as HandleContext;
  // The SDKs take it from their transport, so no client can say whose session it is in.
  const session = typeof sessionId === 'string' ? source.session(sessionId) : undefined;
  if (session !== undefined) return session.principal;
  if ('principal' in context) {
    const { principal } = context;
    if (principal === undefined || typeof principal === 'string') return principal;
    throw notTold();
  }
  const request = requestOf(context);
  if (request === undefined) throw notTold();
  try {
    return askPrincipal(source.resolver, request);
  } catch (error) {
    source.failed(error);
    throw new SupervisorError('NO_PRINCIPAL', 'It could not be found out who asks', { cause: error });
  }
}

interface Request {
  readonly headers: RequestHeaders;
  readonly authInfo: AuthInfo | undefined;
}

/** What the principal option is asked about; undefined where a part of it is missing. */
function requestOf(context: HandleContext): Request | undefined {
  // v1 names both always, whether there is an authInfo or not; where one was left out, nobody knows.
  if (isObject(context.requestInfo) && 'authInfo' in context) return known(context.requestInfo, context.authInfo);
  const { http } = context;
  return isObject(http) ? known(http['req'], http['authInfo']) : undefined;
}

function known(from: unknown, authInfo: unknown): Request | undefined {
  const headers = isObject(from) ? from['headers'] : undefined;
  if (!isObject(headers)) return undefined;
  const plain = headers instanceof Headers ? Object.fromEntries(headers) : headers;
  return { headers: plain as RequestHeaders, authInfo: authInfo as AuthInfo | undefined };
}

function notTold(): SupervisorError {
  return new SupervisorError(
    'NO_PRINCIPAL',
    'The context of a handle does not tell who asks, or is missing: pass on what the tool handler was given (`extra`, or ' +
      '`ctx` in SDK v2) as it is, or what the server factory was given',
  );
}
