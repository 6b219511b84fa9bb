/** The shape of what clients are refused with and of what embedders catch; the values are pinned by wireTable and surface. */
import { describe, expect, test } from 'vitest';
import { REFUSALS, type Refusal, SupervisorError, type SupervisorErrorCode } from '../src/errors.ts';

const REFUSED = Object.entries<Refusal>(REFUSALS);

describe('a refusal', () => {
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
  INVALID_RECORD: true,
  STORE_IN_USE: true,
  STORE_CLOSED: true,
  STORE_FAILED: true,
  NOT_RESTORABLE: true,
  INVALID_STATE: true,
  COMMAND_NOT_FOUND: true,
  SPAWN_UNAVAILABLE: true,
  SERVER_ENDED: true,
  HANDLE_NOT_FOUND: true,
  HANDLES_FULL: true,
  HANDLE_NOT_OPENED: true,
  NO_PRINCIPAL: true,
  PACKAGE_MISSING: true,
  CANNOT_LISTEN: true,
  UNSUPPORTED_XSTATE: true,
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
