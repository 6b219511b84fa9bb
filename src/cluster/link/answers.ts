/** What an answer begins with, as a peer writes it and as we believe it: only what can be passed on to a client. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { ResponseHeaders } from '../../transport/exchange.ts';
import type { PeerAnswer } from '../peerNetwork.ts';

/** An answer with a status other than 200 is no stream, and is held until it is complete: so it is no longer, in bytes. */
const MAX_WHOLE = 1024 * 1024;

/** What they are about is said by `length`, and by the connection of the client. */
const FRAMING = /^(content-length|transfer-encoding|connection)$/i;

/** Throws for what no peer of ours would send. */
export function parseAnswer(bytes: Buffer): PeerAnswer {
  const answer: unknown = JSON.parse(bytes.toString());
  if (!isObject(answer)) throw new TypeError('An answer is not an object');
  const { status, headers, length, peer } = answer;
  if (!isWithin(status, 200, 599)) throw new TypeError('An answer has no status');
  if (length !== undefined && !isWithin(length, 0, Number.MAX_SAFE_INTEGER)) {
    throw new TypeError('An answer has a length that is none');
  }
  if (status !== 200 && (length === undefined || length > MAX_WHOLE)) throw new TypeError('An answer is too long');
  if (peer !== undefined && typeof peer !== 'string') throw new TypeError('An answer says nothing of its envelope');
  if (!isObject(headers)) throw new TypeError('An answer has no headers');
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') throw new TypeError('An answer has a header that is none');
    validateHeaderName(name);
    validateHeaderValue(name, value);
    if (FRAMING.test(name)) throw new TypeError('An answer says in its headers how long it is');
  }
  return { status, headers: headers as ResponseHeaders, length, peer };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}
