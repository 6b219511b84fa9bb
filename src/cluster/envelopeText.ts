/** An envelope as text: one line of JSON, and after it the body as it came, if there is one. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { Envelope } from './envelope.ts';

const NEWLINE = 10;

export function envelopeText(envelope: Envelope, body: string | undefined): string {
  const line = jsonOf(envelope);
  return body === undefined ? line : `${line}\n${body}`;
}

/** Throws what JSON throws. */
export function parseEnvelope(bytes: Buffer): { envelope: Envelope; body: string | undefined } {
  const end = bytes.indexOf(NEWLINE);
  const envelope = JSON.parse(bytes.toString('utf8', 0, end === -1 ? bytes.length : end)) as Envelope;
  const body = end === -1 ? undefined : bytes.toString('utf8', end + 1);
  const resource: unknown = envelope.authInfo?.resource;
  if (typeof resource === 'string' && URL.canParse(resource)) {
    return {
      envelope: { ...envelope, authInfo: { ...(envelope.authInfo as AuthInfo), resource: new URL(resource) } },
      body,
    };
  }
  return { envelope, body };
}

/** What of `authInfo` is no JSON (a bigint, a cycle), or of its `extra`, stays behind: it is the embedder's own, and the rest is needed. */
function jsonOf(envelope: Envelope): string {
  try {
    return JSON.stringify(envelope);
  } catch {
    const { authInfo } = envelope;
    const { extra, ...rest } = authInfo ?? ({} as Partial<AuthInfo>);
    const told = { ...jsonIn(rest), ...(extra !== undefined && { extra: jsonIn(extra) }) };
    return JSON.stringify({ ...envelope, authInfo: told });
  }
}

function jsonIn(members: unknown): object {
  return Object.fromEntries(Object.entries(members ?? {}).filter(([, value]) => isJson(value)));
}

function isJson(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}
