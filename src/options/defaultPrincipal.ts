/**
 * The default of the option `principal`: who sent a request, by what an authentication middleware found out. Issuer and
 * subject identify a user across token refreshes; a client id is all that plain tokens have.
 */

/** Nobody where nothing was found out. Throws over what is there and is not understood: it may be anybody. */
export function defaultPrincipal({ authInfo }: { readonly authInfo: unknown }): string | undefined {
  if (authInfo === undefined || authInfo === null) return undefined;
  if (typeof authInfo !== 'object' || Array.isArray(authInfo)) throw notUnderstood('is no object');
  const { extra, clientId } = authInfo as { readonly extra?: unknown; readonly clientId?: unknown };
  const { iss, sub } = userOf(extra);
  // No client id holds a newline (RFC 6749, appendix A.1), so none can read like somebody's issuer and subject.
  if (sub !== undefined) return `${iss === undefined ? '' : JSON.stringify(iss)}\n${sub}`;
  if (isText(clientId)) return clientId;
  throw notUnderstood('has neither extra.sub nor clientId as text');
}

function userOf(extra: unknown): { readonly iss: string | undefined; readonly sub: string | undefined } {
  if (extra === undefined || extra === null) return { iss: undefined, sub: undefined };
  if (typeof extra !== 'object') throw notUnderstood('has an extra that is no object');
  const { iss, sub } = extra as { readonly iss?: unknown; readonly sub?: unknown };
  if (iss !== undefined && !isText(iss)) throw notUnderstood('has an extra.iss that is no text');
  if (sub !== undefined && !isText(sub)) throw notUnderstood('has an extra.sub that is no text');
  return { iss, sub };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function notUnderstood(what: string): TypeError {
  return new TypeError(
    `The authInfo of a request ${what}, so it can't be told who sent it: set the option principal, for instance to ` +
      '({ authInfo }) => authInfo?.sub',
  );
}
