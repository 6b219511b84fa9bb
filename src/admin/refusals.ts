/** What the admin refuses, in one table, and how that is said. Nothing that was sent is repeated. */
import type { ServerResponse } from 'node:http';
import { send } from '../door/answer.ts';

interface Refusal {
  readonly status: number;
  /** What is wrong, and what to do. */
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const LATER = { 'Retry-After': '5' };

export const REFUSALS = {
  hostNotAllowed: {
    status: 403,
    message: 'This host is not served here: allowedHosts (--admin-allowed-hosts) adds names',
  },
  originNotAllowed: { status: 403, message: 'Pages of this origin may not ask: allowedOrigins adds some' },
  noToken: {
    status: 401,
    message: 'The token is missing or wrong: send it as Authorization: Bearer <token>',
    headers: { 'WWW-Authenticate': 'Bearer' },
  },
  readOnly: { status: 403, message: 'Changes are not allowed: allowChanges (--admin-allow-changes) allows them' },
  notFound: { status: 404, message: 'There is nothing here' },
  sessionNotFound: { status: 404, message: 'There is no such session: it has ended, or never was' },
  methodNotAllowed: { status: 405, message: 'This is done by another method: the header Allow names it' },
  sessionBusy: {
    status: 409,
    message: 'The session has something in flight, or a handler of it runs: try again when it is idle',
  },
  noStore: { status: 409, message: 'There is no session store, so no session can be parked' },
  badReason: { status: 400, message: 'This is no reason for which a session ends' },
  badState: { status: 400, message: 'This is no state of a session that lives' },
  badLimit: { status: 400, message: 'limit must be a whole number from 1 to 1000' },
  badCursor: {
    status: 400,
    message: 'A cursor goes on with the filter that it began with: leave state and principal out',
  },
  cursorGone: { status: 410, message: 'The cursor is used or too old: begin again without one' },
  failed: { status: 503, message: 'This could not be done now: the log says why', headers: LATER },
} as const satisfies Record<string, Refusal>;

export type RefusalName = keyof typeof REFUSALS;

/** `more` says it more closely, in words of ours. */
export function refuse(res: ServerResponse, name: RefusalName, more?: string): void {
  const { status, message, headers = {} }: Refusal = REFUSALS[name];
  for (const [header, value] of Object.entries(headers)) res.setHeader(header, value);
  sendJson(res, status, { error: { name, message: more ?? message } });
}

export function sendJson(res: ServerResponse, status: number, value: unknown): void {
  res.statusCode = status;
  send(res, 'application/json', `${JSON.stringify(value)}\n`);
}
