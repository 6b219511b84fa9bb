/** docs/wire.md says what is so: its table of refusals is pinned here, and every promise in it has its tests. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { REFUSALS, type Refusal } from '../src/errors.ts';
import { PROMISES } from './requirements/promises.ts';

type Row = readonly [status: number, code: number, message: string, headers?: Readonly<Record<string, string>>];

const RETRY = { 'Retry-After': '5' };

/** What clients and their logs know these by: a change here is a change for everyone. */
// biome-ignore format: a table is read by its rows
const PINNED: Readonly<Record<string, Row>> = {
  hostNotAllowed: [403, -32000, 'Host not allowed'],
  originNotAllowed: [403, -32000, 'Origin not allowed'],
  methodNotAllowed: [405, -32000, 'Method not allowed', { Allow: 'GET, POST, DELETE' }],
  postOnly: [405, -32000, 'Method not allowed', { Allow: 'POST' }],
  notAcceptable: [406, -32000, 'Not Acceptable: a POST must accept both application/json and text/event-stream'],
  jsonNotAcceptable: [406, -32000, 'Not Acceptable: a POST must accept application/json'],
  streamNotAcceptable: [406, -32000, 'Not Acceptable: a GET must accept text/event-stream'],
  unsupportedMediaType: [415, -32000, 'Unsupported Media Type: the content type must be application/json'],
  unsupportedEncoding: [415, -32000, 'Unsupported Media Type: the body must be plain UTF-8 (no Content-Encoding)', { 'Accept-Encoding': 'identity' }],
  unsupportedVersion: [400, -32000, 'Unsupported protocol version'],
  modernRefused: [400, -32000, 'Unsupported protocol version: this server speaks 2025-11-25 and older, in sessions'],
  headerMismatch: [400, -32020, 'Header mismatch: the body claims a protocol version that the MCP-Protocol-Version header does not name'],
  sessionRequired: [400, -32000, 'Bad Request: the Mcp-Session-Id header is required'],
  sessionNotFound: [404, -32001, 'Session not found'],
  bodyTooLarge: [413, -32000, 'Payload Too Large'],
  initializeTooLarge: [413, -32000, 'Payload Too Large: the initialize is larger than this server takes'],
  listenTooLarge: [413, -32000, 'Payload Too Large: the request to listen is larger than this server takes'],
  bodyTimeout: [408, -32000, 'Request Timeout: the body took too long'],
  bodyAborted: [400, -32000, 'Bad Request: the body ended early'],
  bodyConsumed: [400, -32000, 'Bad Request: the body was read before it reached this handler; pass what was read on as parsedBody'],
  bodyDecoded: [400, -32000, 'Bad Request: the body was given another encoding than UTF-8 before it reached this handler'],
  parseError: [400, -32700, 'Parse error: invalid JSON'],
  invalidMessage: [400, -32600, 'Invalid Request: not a JSON-RPC 2.0 message'],
  nestedTooDeep: [400, -32600, 'Invalid Request: the message is nested too deep'],
  invalidInitialize: [400, -32602, 'Invalid params: not an initialize request'],
  batchNotAllowed: [400, -32600, 'Invalid Request: batches are for clients of protocol version 2025-03-26 only'],
  batchTooLarge: [400, -32600, 'Invalid Request: the batch holds too many messages'],
  initializeInBatch: [400, -32600, 'Invalid Request: an initialize must come alone'],
  alreadyInitialized: [400, -32600, 'Invalid Request: the session is already initialized'],
  duplicateRequestId: [400, -32600, 'Invalid Request: a request with this id is in flight already'],
  eventNotFound: [400, -32000, 'Bad Request: nothing to resume from this Last-Event-ID'],
  tooManyCalls: [429, -32000, 'Too Many Requests: too many exchanges of this session are open', RETRY],
  principalFull: [429, -32000, 'Too Many Requests: too many sessions of this principal are open', RETRY],
  full: [503, -32000, 'Service Unavailable: too many sessions', RETRY],
  tooManyModern: [503, -32000, 'Service Unavailable: too many requests are being served', RETRY],
  modernPrincipalFull: [429, -32000, 'Too Many Requests: too many requests of this principal are being served', RETRY],
  tooManyServers: [503, -32000, 'Service Unavailable: too many servers are starting or closing', RETRY],
  bodiesFull: [503, -32000, 'Service Unavailable: too many bodies are being read', RETRY],
  draining: [503, -32000, 'Service Unavailable: the server is shutting down', RETRY],
  endedEarly: [503, -32000, 'Service Unavailable: the session was ended before it was initialized', RETRY],
  principalFailed: [403, -32000, 'Forbidden'],
  storeUnavailable: [503, -32000, 'Service Unavailable: the store does not answer', RETRY],
  restoring: [503, -32000, 'Service Unavailable: the session is being brought back, which takes long', RETRY],
  notJoined: [503, -32000, 'Service Unavailable: this node is not in its cluster now', RETRY],
  sessionElsewhere: [503, -32000, 'Service Unavailable: the node that has the session can not be reached now', RETRY],
  ownerLost: [503, -32000, 'Service Unavailable: the node that has the session was lost before it answered', RETRY],
  restoreFailed: [503, -32000, 'Service Unavailable: the session could not be brought back', RETRY],
  tooManyRestores: [503, -32000, 'Service Unavailable: too many requests wait for sessions that are being brought back', RETRY],
  serverUnavailable: [503, -32000, 'Service Unavailable: no more servers can be started now', RETRY],
  initializeTimeout: [504, -32000, 'Gateway Timeout: the server took too long to initialize'],
  serverFailed: [500, -32603, 'Internal error: the server could not be started'],
};

const page = await readFile(new URL('../docs/wire.md', import.meta.url), 'utf8');

/** The cells of the table's rows. */
function table(): string[][] {
  const lines = page.split('\n').filter((line) => line.startsWith('| `'));
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function fromPage([name = '', , status, code, message = '', headers = '']: string[]): [string, Row] {
  const key = name.replaceAll('`', '');
  const row: Row = [Number(status), Number(code), message];
  if (headers === '') return [key, row];
  const fields = headers.slice(1, -1).split(': ');
  return [key, [...row, { [fields[0] ?? '']: fields[1] ?? '' }] as unknown as Row];
}

describe('the table of refusals', () => {
  test('in the code is this one', () => {
    const rows = Object.entries<Refusal>(REFUSALS).map(([name, { status, code, message, headers }]) => [
      name,
      headers === undefined ? [status, code, message] : [status, code, message, headers],
    ]);
    expect(Object.fromEntries(rows)).toEqual(PINNED);
  });

  test('on the page is this one, in the order of the code, each row with a word on when', () => {
    expect(Object.fromEntries(table().map(fromPage))).toEqual(PINNED);
    expect(table().map((row) => fromPage(row)[0])).toEqual(Object.keys(REFUSALS));
    for (const row of table()) expect(row).toEqual(expect.arrayContaining([expect.stringMatching(/^[a-z`].{10,}$/)]));
  });
});

test('every row and every line of the page has its tests', () => {
  const numbers = [...page.matchAll(/^- \*\*([A-Z]\d+)\*\* \S/gm)].map(([, number]) => number);
  expect(PROMISES.map(({ id }) => id)).toEqual([...Object.keys(REFUSALS), ...numbers]);
  for (const { id, tests } of PROMISES) expect(tests, id).not.toEqual([]);
});

test('what the page refers to by number is there', () => {
  const known = new Set(PROMISES.map(({ id }) => id));
  const named = [...page.matchAll(/\(([A-Z]\d+)\)/g)].map(([, number]) => number ?? '');
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((number) => !known.has(number))).toEqual([]);
});
