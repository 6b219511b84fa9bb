/**
 * Everything that can go wrong, in one file: the errors that an embedder catches (`SupervisorError`, by `code`),
 * and the one table of refusals that a client can be sent (HTTP status, JSON-RPC code, message).
 * Knows nothing of the rest of the library.
 */

/** Stable codes of the errors thrown to embedders. */
export type SupervisorErrorCode =
  /** An option or an argument has a value that is not allowed; the message names what was given and what is. */
  | 'INVALID_OPTION'
  /** An option that does not exist; the message names the nearest one that does. */
  | 'UNKNOWN_OPTION'
  /** Two options that exclude one another. */
  | 'CONFLICTING_OPTIONS'
  /** The supervisor has been drained; a new one has to be created. */
  | 'SUPERVISOR_STOPPED'
  /** What was passed is not a supervisor made by `createSessionSupervisor`. */
  | 'NOT_A_SUPERVISOR'
  /** The server factory returned something that has no `connect` and `close`. */
  | 'INVALID_SERVER'
  /** `sessionIdGenerator` returned an id that is in use, too long, or not visible ASCII. */
  | 'INVALID_SESSION_ID'
  /** A message was sent on a transport whose session has ended, or its state was set. */
  | 'SESSION_CLOSED'
  /** A request to the client has no open stream to travel on. */
  | 'NO_STREAM'
  /** The event store failed, or did not answer in time. */
  | 'EVENT_STORE_FAILED'
  /** What a session store was given is no record of a session, or larger than one may be; the message says what is wrong. */
  | 'INVALID_RECORD'
  /** A folder of stores belongs to another process, which did not let go of it in time. */
  | 'STORE_IN_USE'
  /** A store was used after it was closed. */
  | 'STORE_CLOSED'
  /** A store could not do what it was asked to: its disk is full, for instance; the cause says what happened. */
  | 'STORE_FAILED'
  /** Thrown by a server factory that can't bring a session back: its client gets 404, and begins anew. */
  | 'NOT_RESTORABLE'
  /** `session.state` was given what is no JSON, or more of it than `maxStateSize`. */
  | 'INVALID_STATE'
  /** A command can't be started as it is: no such program or directory, not executable, impossible arguments. */
  | 'COMMAND_NOT_FOUND'
  /** No process can be started now: the machine has no room for it (`EAGAIN`, `EMFILE`, …), or too many wait to be. */
  | 'SPAWN_UNAVAILABLE'
  /** The process of a server has ended, or can't be talked to any more; the message, which its client gets, says how. */
  | 'SERVER_ENDED'
  /** No handle of this id is there for whoever asks: it never was, has ended, or is somebody else's. A tool error. */
  | 'HANDLE_NOT_FOUND'
  /** No more handles, or uses of one, can be had now: a cap is reached. A tool error; the message says what helps. */
  | 'HANDLES_FULL'
  /** A handle was not opened: it took too long, it was ended meanwhile, or the supervisor drains. A tool error. */
  | 'HANDLE_NOT_OPENED'
  /** What was passed as the context of a handle does not tell who asks, or the option `principal` failed to. */
  | 'NO_PRINCIPAL'
  /** A package that an option needs is not installed; the message has the line that installs it. */
  | 'PACKAGE_MISSING'
  /** The admin can't listen where it was told to; the message says why, and what to do. */
  | 'CANNOT_LISTEN'
  /** The xstate that is installed does not do what sessions need; the message names its version and the supported ones. */
  | 'UNSUPPORTED_XSTATE';

/** An error thrown to the embedder. Branch on `code`, which is stable; the message is for people. */
export class SupervisorError extends Error {
  override readonly name = 'SupervisorError';
  readonly code: SupervisorErrorCode;

  constructor(code: SupervisorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether something caught is an error of ours with this code. It may be anything, even what throws when it is looked at. */
export function isCoded(error: unknown, code: SupervisorErrorCode): error is SupervisorError {
  try {
    return error instanceof SupervisorError && error.code === code;
  } catch {
    return false;
  }
}

/** The code of something caught, whoever threw it; undefined where it has none, or throws when it is looked at. */
export function codeOf(error: unknown): unknown {
  try {
    return (error as { code?: unknown } | null | undefined)?.code;
  } catch {
    return undefined;
  }
}

/** @throws {SupervisorError} `INVALID_OPTION`, always: says what is allowed, and in short what was given. */
export function invalid(name: string, value: unknown, allowed: string): never {
  throw new SupervisorError('INVALID_OPTION', `${name} must be ${allowed}; got ${describe(value)}`);
}

/** @throws {SupervisorError} `INVALID_OPTION` for what holds no options. */
export function checkOptions(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) invalid(name, value, 'an object');
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

/** One row of the table of refusals. */
export interface Refusal {
  /** HTTP status. */
  readonly status: number;
  /** JSON-RPC error code. */
  readonly code: number;
  /** JSON-RPC error message; never holds anything that the client sent. */
  readonly message: string;
  /** More response headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

const RETRY_SOON = { 'Retry-After': '5' };

/**
 * Every refusal that a client can be sent. The status is the transport's answer (MCP 2025-11-25, Streamable HTTP), the
 * code is JSON-RPC's where it has one, else -32000, and -32001 for a session that is not there, as in the SDKs.
 */
export const REFUSALS = {
  hostNotAllowed: { status: 403, code: -32000, message: 'Host not allowed' },
  originNotAllowed: { status: 403, code: -32000, message: 'Origin not allowed' },
  methodNotAllowed: {
    status: 405,
    code: -32000,
    message: 'Method not allowed',
    headers: { Allow: 'GET, POST, DELETE' },
  },
  postOnly: { status: 405, code: -32000, message: 'Method not allowed', headers: { Allow: 'POST' } },
  notAcceptable: {
    status: 406,
    code: -32000,
    message: 'Not Acceptable: a POST must accept both application/json and text/event-stream',
  },
  jsonNotAcceptable: {
    status: 406,
    code: -32000,
    message: 'Not Acceptable: a POST must accept application/json',
  },
  streamNotAcceptable: {
    status: 406,
    code: -32000,
    message: 'Not Acceptable: a GET must accept text/event-stream',
  },
  unsupportedMediaType: {
    status: 415,
    code: -32000,
    message: 'Unsupported Media Type: the content type must be application/json',
  },
  unsupportedEncoding: {
    status: 415,
    code: -32000,
    message: 'Unsupported Media Type: the body must be plain UTF-8 (no Content-Encoding)',
    headers: { 'Accept-Encoding': 'identity' },
  },
  unsupportedVersion: { status: 400, code: -32000, message: 'Unsupported protocol version' },
  modernRefused: {
    status: 400,
    code: -32000,
    message: 'Unsupported protocol version: this server speaks 2025-11-25 and older, in sessions',
  },
  headerMismatch: {
    status: 400,
    code: -32020,
    message: 'Header mismatch: the body claims a protocol version that the MCP-Protocol-Version header does not name',
  },
  sessionRequired: { status: 400, code: -32000, message: 'Bad Request: the Mcp-Session-Id header is required' },
  sessionNotFound: { status: 404, code: -32001, message: 'Session not found' },
  bodyTooLarge: { status: 413, code: -32000, message: 'Payload Too Large' },
  initializeTooLarge: {
    status: 413,
    code: -32000,
    message: 'Payload Too Large: the initialize is larger than this server takes',
  },
  listenTooLarge: {
    status: 413,
    code: -32000,
    message: 'Payload Too Large: the request to listen is larger than this server takes',
  },
  bodyTimeout: { status: 408, code: -32000, message: 'Request Timeout: the body took too long' },
  bodyAborted: { status: 400, code: -32000, message: 'Bad Request: the body ended early' },
  bodyConsumed: {
    status: 400,
    code: -32000,
    message: 'Bad Request: the body was read before it reached this handler; pass what was read on as parsedBody',
  },
  bodyDecoded: {
    status: 400,
    code: -32000,
    message: 'Bad Request: the body was given another encoding than UTF-8 before it reached this handler',
  },
  parseError: { status: 400, code: -32700, message: 'Parse error: invalid JSON' },
  invalidMessage: { status: 400, code: -32600, message: 'Invalid Request: not a JSON-RPC 2.0 message' },
  nestedTooDeep: { status: 400, code: -32600, message: 'Invalid Request: the message is nested too deep' },
  invalidInitialize: { status: 400, code: -32602, message: 'Invalid params: not an initialize request' },
  batchNotAllowed: {
    status: 400,
    code: -32600,
    message: 'Invalid Request: batches are for clients of protocol version 2025-03-26 only',
  },
  batchTooLarge: { status: 400, code: -32600, message: 'Invalid Request: the batch holds too many messages' },
  initializeInBatch: { status: 400, code: -32600, message: 'Invalid Request: an initialize must come alone' },
  alreadyInitialized: { status: 400, code: -32600, message: 'Invalid Request: the session is already initialized' },
  duplicateRequestId: {
    status: 400,
    code: -32600,
    message: 'Invalid Request: a request with this id is in flight already',
  },
  eventNotFound: { status: 400, code: -32000, message: 'Bad Request: nothing to resume from this Last-Event-ID' },
  tooManyCalls: {
    status: 429,
    code: -32000,
    message: 'Too Many Requests: too many exchanges of this session are open',
    headers: RETRY_SOON,
  },
  principalFull: {
    status: 429,
    code: -32000,
    message: 'Too Many Requests: too many sessions of this principal are open',
    headers: RETRY_SOON,
  },
  full: { status: 503, code: -32000, message: 'Service Unavailable: too many sessions', headers: RETRY_SOON },
  tooManyModern: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: too many requests are being served',
    headers: RETRY_SOON,
  },
  modernPrincipalFull: {
    status: 429,
    code: -32000,
    message: 'Too Many Requests: too many requests of this principal are being served',
    headers: RETRY_SOON,
  },
  tooManyServers: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: too many servers are starting or closing',
    headers: RETRY_SOON,
  },
  bodiesFull: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: too many bodies are being read',
    headers: RETRY_SOON,
  },
  draining: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: the server is shutting down',
    headers: RETRY_SOON,
  },
  endedEarly: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: the session was ended before it was initialized',
    headers: RETRY_SOON,
  },
  principalFailed: { status: 403, code: -32000, message: 'Forbidden' },
  notJoined: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: this node is not in its cluster now',
    headers: RETRY_SOON,
  },
  sessionElsewhere: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: the node that has the session can not be reached now',
    headers: RETRY_SOON,
  },
  storeUnavailable: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: the store does not answer',
    headers: RETRY_SOON,
  },
  ownerLost: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: the node that has the session was lost before it answered',
    headers: RETRY_SOON,
  },
  restoring: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: the session is being brought back, which takes long',
    headers: RETRY_SOON,
  },
  restoreFailed: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: the session could not be brought back',
    headers: RETRY_SOON,
  },
  tooManyRestores: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: too many requests wait for sessions that are being brought back',
    headers: RETRY_SOON,
  },
  serverUnavailable: {
    status: 503,
    code: -32000,
    message: 'Service Unavailable: no more servers can be started now',
    headers: RETRY_SOON,
  },
  initializeTimeout: { status: 504, code: -32000, message: 'Gateway Timeout: the server took too long to initialize' },
  serverFailed: { status: 500, code: -32603, message: 'Internal error: the server could not be started' },
} as const satisfies Record<string, Refusal>;

/** The name of a refusal, as logs show it. */
export type RefusalName = keyof typeof REFUSALS;

/** The names of all refusals, which are the keys of `stats().refused`. */
export const REFUSAL_NAMES = Object.keys(REFUSALS) as readonly RefusalName[];
