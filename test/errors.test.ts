/** What clients are refused with and what embedders catch: both are contracts, so they are written down here. */
import { describe, expect, test } from 'vitest';
import { REFUSALS, type Refusal, SupervisorError, type SupervisorErrorCode } from '../src/errors.ts';
import { END_REASONS } from '../src/machines/reasons.ts';

// biome-ignore format: a table is read by its columns
const TABLE: Readonly<Record<string, readonly [status: number, code: number, retry?: 'retry']>> = {
  hostNotAllowed:       [403, -32000],
  originNotAllowed:     [403, -32000],
  methodNotAllowed:     [405, -32000],
  postOnly:             [405, -32000],
  notAcceptable:        [406, -32000],
  streamNotAcceptable:  [406, -32000],
  unsupportedMediaType: [415, -32000],
  unsupportedEncoding:  [415, -32000],
  unsupportedVersion:   [400, -32000],
  sessionRequired:      [400, -32000],
  sessionNotFound:      [404, -32001],
  bodyTooLarge:         [413, -32000],
  bodyTimeout:          [408, -32000],
  bodyAborted:          [400, -32000],
  parseError:           [400, -32700],
  invalidMessage:       [400, -32600],
  nestedTooDeep:        [400, -32600],
  invalidInitialize:    [400, -32602],
  batchNotAllowed:      [400, -32600],
  batchTooLarge:        [400, -32600],
  initializeInBatch:    [400, -32600],
  alreadyInitialized:   [400, -32600],
  duplicateRequestId:   [400, -32600],
  streamConflict:       [409, -32000, 'retry'],
  eventNotFound:        [400, -32000],
  tooManyCalls:         [429, -32000, 'retry'],
  principalFull:        [429, -32000, 'retry'],
  full:                 [503, -32000, 'retry'],
  draining:             [503, -32000, 'retry'],
  endedEarly:           [503, -32000, 'retry'],
  principalFailed:      [403, -32000],
  storeUnavailable:     [503, -32000, 'retry'],
  initializeTimeout:    [504, -32000],
  serverFailed:         [500, -32603],
};

const REFUSED = Object.entries<Refusal>(REFUSALS);

describe('the table of refusals', () => {
  test('is this', () => {
    const actual = REFUSED.map(([name, { status, code, headers }]) => [
      name,
      headers?.['Retry-After'] === undefined ? [status, code] : [status, code, 'retry'],
    ]);
    expect(Object.fromEntries(actual)).toEqual(TABLE);
  });

  test('says what the SDKs say where clients look for it', () => {
    expect(REFUSALS.sessionNotFound.message).toBe('Session not found');
    expect(REFUSALS.parseError.message).toBe('Parse error: invalid JSON');
    expect(REFUSALS.sessionRequired.message).toBe('Bad Request: the Mcp-Session-Id header is required');
  });

  test('tells the methods that there are, the encoding, and when to come back', () => {
    const headers = Object.fromEntries(REFUSED.flatMap(([name, row]) => (row.headers ? [[name, row.headers]] : [])));
    const soon = { 'Retry-After': '5' };
    expect(headers).toEqual({
      methodNotAllowed: { Allow: 'GET, POST, DELETE' },
      postOnly: { Allow: 'POST' },
      unsupportedEncoding: { 'Accept-Encoding': 'identity' },
      streamConflict: soon,
      tooManyCalls: soon,
      principalFull: soon,
      full: soon,
      draining: soon,
      endedEarly: soon,
      storeUnavailable: soon,
    });
  });

  test.each(REFUSED)('%s: is an HTTP error, a JSON-RPC error and a line of text', (_, { status, code, message }) => {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(code).toBeLessThanOrEqual(-32_000);
    expect(code).toBeGreaterThanOrEqual(-32_768);
    expect(message).toMatch(/^[\x20-\x7E]+$/);
  });
});

/** Every code of the type: one that is new or gone fails to compile here. */
const CODES: Record<SupervisorErrorCode, true> = {
  INVALID_OPTION: true,
  UNKNOWN_OPTION: true,
  CONFLICTING_OPTIONS: true,
  SUPERVISOR_STOPPED: true,
  NOT_A_SUPERVISOR: true,
  INVALID_SERVER: true,
  INVALID_SESSION_ID: true,
  SESSION_CLOSED: true,
  NO_STREAM: true,
  EVENT_STORE_FAILED: true,
};

describe('SupervisorError', () => {
  test.each(Object.keys(CODES) as SupervisorErrorCode[])('%s', (code) => {
    const cause = new Error('the cause');
    const error = new SupervisorError(code, 'What went wrong', { cause });
    expect(error).toBeInstanceOf(Error);
    expect({ ...error, name: error.name, message: error.message, cause: error.cause }).toEqual({
      name: 'SupervisorError',
      code,
      message: 'What went wrong',
      cause,
    });
    expect(String(error)).toBe('SupervisorError: What went wrong');
  });

  test('has no cause unless one is given', () => {
    expect(new SupervisorError('NO_STREAM', 'a')).not.toHaveProperty('cause');
  });
});

test('these are the reasons why a session ends', () => {
  expect([...END_REASONS].sort()).toEqual(
    [
      'idle',
      'deleted',
      'evicted',
      'lifetime',
      'initializeTimeout',
      'crashed',
      'drained',
      'terminated',
      'closed',
    ].sort(),
  );
});
