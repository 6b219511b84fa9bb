/** Who sent a request, as the option `principal` says. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { PrincipalResolver } from '../options.ts';
import type { RequestHeaders } from '../transport/exchange.ts';

/**
 * Asks the resolver.
 * @throws what the resolver threw, or a `TypeError` where it returned neither text nor undefined: nobody must be taken for
 * somebody else.
 */
export function askPrincipal(
  resolver: PrincipalResolver,
  request: { readonly headers: RequestHeaders; readonly authInfo: AuthInfo | undefined },
): string | undefined {
  const principal: unknown = resolver(request);
  if (principal === undefined || typeof principal === 'string') return principal;
  throw new TypeError(`It returned ${isPromise(principal) ? 'a promise' : typeof principal}`);
}

/** Nobody waits for a promise here; should it reject, nobody has to hear of that either. */
function isPromise(value: unknown): boolean {
  if (typeof (value as PromiseLike<unknown> | null)?.then !== 'function') return false;
  Promise.resolve(value).catch(() => {});
  return true;
}
