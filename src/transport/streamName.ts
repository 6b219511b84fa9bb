/**
 * The names of streams, which clients get as a part of event ids and bring back when they resume. A session that may
 * have several incarnations names its streams by the epoch too: so an event id of an earlier one leads to its own stream
 * and to no other. Such a name also says which calls a stream answers: no one else knows, once their incarnation is gone.
 */
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

export interface StreamName {
  /** Undefined in a session that has one incarnation only. */
  readonly epoch: number | undefined;
  readonly isGet: boolean;
  /** All streams of an incarnation are numbered. */
  readonly number: number;
  /** The calls that it answers, where they are in the name; never those of a GET stream. */
  readonly calls: readonly RequestId[];
}

/** What the name of a GET stream has before its number. */
const GET = 'get';

/** In characters; more calls than there is room for are not named. */
const MAX_CALLS_LENGTH = 256;

const NAME = /^(?:(\d{1,16})\.)?(get)?(0|[1-9]\d{0,14})(?:~([A-Za-z0-9.-]*))?$/;

/** The name of a stream as it is written. */
export function formatStreamName({ epoch, isGet, number, calls }: StreamName): string {
  const name = `${isGet ? GET : ''}${number}`;
  if (epoch === undefined) return name;
  const named = calls.length === 0 ? '' : encode(calls);
  return `${epoch}.${name}${named}`;
}

/** Reads a name that a client brings; undefined where it can be no stream's. */
export function parseStreamName(text: string): StreamName | undefined {
  const [, epoch, get, number, calls] = NAME.exec(text) ?? [];
  if (number === undefined) return undefined;
  return {
    epoch: epoch === undefined ? undefined : Number(epoch),
    isGet: get !== undefined,
    number: Number(number),
    calls: calls === undefined ? [] : decode(calls),
  };
}

function encode(calls: readonly RequestId[]): string {
  // An event id is cut at its first '_', which base64url has as well.
  const text = Buffer.from(JSON.stringify(calls)).toString('base64url').replaceAll('_', '.');
  return text.length <= MAX_CALLS_LENGTH ? `~${text}` : '';
}

function decode(text: string): RequestId[] {
  try {
    const calls: unknown = JSON.parse(Buffer.from(text.replaceAll('.', '_'), 'base64url').toString());
    return Array.isArray(calls) ? calls.filter((id) => typeof id === 'string' || Number.isSafeInteger(id)) : [];
  } catch {
    return [];
  }
}
