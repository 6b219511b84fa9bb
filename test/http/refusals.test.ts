/** The table of refusals, row by row as a client gets them; and what a refusal leaves behind: nothing. */
import { ReadableStream } from 'node:stream/web';
import { expect, test } from 'vitest';
import type { RefusalName } from '../../src/errors.ts';
import { toNodeHandler } from '../../src/node.ts';
import { TestEventStore } from '../support/eventStore.ts';
import { type Served, type ServeOptions, serve } from '../support/serve.ts';
import { becomesIdle } from '../support/sessionLife.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { TinyServer } from '../support/tinyServer.ts';
import { until } from '../support/until.ts';
import {
  callBody,
  del,
  exchange,
  get,
  type Headers,
  initialize,
  initializeBody,
  post,
  rawSocket,
} from '../support/wire.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

interface Sender extends Served {
  readonly clock: SimulatedClock;
  /** The headers of the session, where there is one. */
  readonly session: Headers;
}

interface Row {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The JSON-RPC id of the answer. Default null. */
  readonly id?: string | number;
  readonly options?: ServeOptions;
  /** Within a session, which is there before and after. Else as a first request. */
  readonly within?: boolean;
  send(to: Sender): Promise<Answer>;
}

const RETRY = { 'retry-after': '5' };
const never = () => new Promise<never>(() => {});
const PING = { jsonrpc: '2.0', id: 'p', method: 'ping' };

async function fetched({ supervisor, url }: Sender, headers: Headers, body: string | ReadableStream): Promise<Answer> {
  const all = { 'content-type': 'application/json', accept: '*/*', ...headers } as Record<string, string>;
  const request = new Request(url, { method: 'POST', headers: all, body, duplex: 'half' });
  const response = await supervisor.fetch(request);
  return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() };
}

/** In the table before the bounds that send them: whoever builds such a bound gives its refusal a row below. */
type Announced = 'tooManyServers';

const ROWS: Record<Exclude<RefusalName, Announced>, Row> = {
  hostNotAllowed: {
    ...{ status: 403, code: -32000, message: 'Host not allowed' },
    options: { allowedHosts: ['mcp.example'] },
    send: ({ url }) => post(url, initializeBody()),
  },
  originNotAllowed: {
    ...{ status: 403, code: -32000, message: 'Origin not allowed' },
    options: { allowedOrigins: ['https://app.example'] },
    send: ({ url }) => post(url, initializeBody(), { origin: 'https://evil.example' }),
  },
  methodNotAllowed: {
    ...{ status: 405, code: -32000, message: 'Method not allowed', headers: { allow: 'GET, POST, DELETE' } },
    send: ({ url }) => exchange('PUT', url, {}, initializeBody()),
  },
  postOnly: {
    ...{ status: 405, code: -32000, message: 'Method not allowed', headers: { allow: 'POST' } },
    options: { stateless: true },
    send: ({ url }) => del(url),
  },
  notAcceptable: {
    ...{ status: 406, code: -32000 },
    message: 'Not Acceptable: a POST must accept both application/json and text/event-stream',
    send: ({ url }) => post(url, initializeBody(), { accept: 'application/json' }),
  },
  jsonNotAcceptable: {
    ...{ status: 406, code: -32000, message: 'Not Acceptable: a POST must accept application/json' },
    options: { enableJsonResponse: true },
    send: ({ url }) => post(url, initializeBody(), { accept: 'text/event-stream' }),
  },
  streamNotAcceptable: {
    ...{ status: 406, code: -32000, message: 'Not Acceptable: a GET must accept text/event-stream' },
    within: true,
    send: ({ url, session }) => get(url, { ...session, accept: 'application/json' }),
  },
  unsupportedMediaType: {
    ...{ status: 415, code: -32000 },
    message: 'Unsupported Media Type: the content type must be application/json',
    send: ({ url }) => post(url, initializeBody(), { 'content-type': 'text/plain' }),
  },
  unsupportedEncoding: {
    ...{ status: 415, code: -32000, headers: { 'accept-encoding': 'identity' } },
    message: 'Unsupported Media Type: the body must be plain UTF-8 (no Content-Encoding)',
    send: ({ url }) => post(url, initializeBody(), { 'content-encoding': 'gzip' }),
  },
  unsupportedVersion: {
    ...{ status: 400, code: -32000, message: 'Unsupported protocol version' },
    within: true,
    send: ({ url, session }) => post(url, PING, { ...session, 'mcp-protocol-version': '1999-12-31' }),
  },
  sessionRequired: {
    ...{ status: 400, code: -32000, message: 'Bad Request: the Mcp-Session-Id header is required', id: 'p' },
    send: ({ url }) => post(url, PING),
  },
  sessionNotFound: {
    ...{ status: 404, code: -32001, message: 'Session not found' },
    send: ({ url }) => post(url, PING, { 'mcp-session-id': 'unknown' }),
  },
  bodyTooLarge: {
    ...{ status: 413, code: -32000, message: 'Payload Too Large' },
    options: { maxRequestBodySize: 1_000 },
    send: ({ url }) => post(url, JSON.stringify(initializeBody()).padEnd(1_001)),
  },
  bodiesFull: {
    ...{ status: 503, code: -32000, message: 'Service Unavailable: too many bodies are being read' },
    headers: RETRY,
    options: { maxRequestBodySize: 1_000 },
    send: async ({ port, url, httpServer }) => {
      const read: (() => number)[] = [];
      httpServer.on('connection', (socket) => read.push(() => socket.bytesRead));
      const uploads = await Promise.all(Array.from({ length: 64 }, () => rawSocket(port)));
      for (const raw of uploads) {
        raw.begin('POST', { 'content-length': '1000' });
        raw.write(' '.repeat(999));
      }
      await until(() => read.filter((bytes) => bytes() > 999).length === 64, { what: 'all of it to have come' });
      return post(url, ' '.repeat(65));
    },
  },
  initializeTooLarge: {
    ...{ status: 413, code: -32000, message: 'Payload Too Large: the initialize is larger than this server takes' },
    id: 'large',
    send: ({ url }) => post(url, JSON.stringify(initializeBody({}, 'large')).padEnd(65_537)),
  },
  bodyTimeout: {
    ...{ status: 408, code: -32000, message: 'Request Timeout: the body took too long' },
    within: true,
    options: { requestBodyTimeout: 7_000 },
    send: async ({ port, clock, supervisor, session }) => {
      const raw = await rawSocket(port);
      raw.begin('POST', { 'content-length': '100', 'mcp-session-id': session['mcp-session-id'] ?? '' });
      await until(() => [...supervisor.sessions()][0]?.state === 'active', { what: 'the body to be awaited' });
      await advance(clock, 6_999);
      expect(raw.received).toBe('');
      await advance(clock, 1);
      const { body, ...head } = await raw.readResponse();
      return { ...head, text: body };
    },
  },
  bodyAborted: {
    // Over a socket nobody is left to be told; a web-standard host may still ask.
    ...{ status: 400, code: -32000, message: 'Bad Request: the body ended early' },
    send: (to) => {
      const cut = new ReadableStream({ pull: (controller) => controller.error(new Error('cut')) });
      return fetched(to, {}, cut);
    },
  },
  bodyConsumed: {
    ...{ status: 400, code: -32000 },
    message: 'Bad Request: the body was read before it reached this handler; pass what was read on as parsedBody',
    options: {
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => req.resume().on('end', () => void handle(req, res));
      },
    },
    send: ({ url }) => post(url, initializeBody()),
  },
  bodyDecoded: {
    ...{ status: 400, code: -32000 },
    message: 'Bad Request: the body was given another encoding than UTF-8 before it reached this handler',
    options: {
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => void handle(req.setEncoding('latin1'), res);
      },
    },
    send: ({ url }) => post(url, initializeBody()),
  },
  parseError: {
    ...{ status: 400, code: -32700, message: 'Parse error: invalid JSON' },
    send: ({ url }) => post(url, '{"jsonrpc": "2.0", '),
  },
  invalidMessage: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: not a JSON-RPC 2.0 message', id: 1 },
    send: ({ url }) => post(url, { id: 1, method: 'initialize' }),
  },
  nestedTooDeep: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: the message is nested too deep' },
    send: ({ url }) => post(url, '['.repeat(501) + ']'.repeat(501)),
  },
  invalidInitialize: {
    ...{ status: 400, code: -32602, message: 'Invalid params: not an initialize request', id: 3 },
    send: ({ url }) => post(url, { jsonrpc: '2.0', id: 3, method: 'initialize', params: {} }),
  },
  batchNotAllowed: {
    ...{ status: 400, code: -32600, id: 'p' },
    message: 'Invalid Request: batches are for clients of protocol version 2025-03-26 only',
    within: true,
    send: ({ url, session }) => post(url, [PING], session),
  },
  batchTooLarge: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: the batch holds too many messages' },
    within: true,
    send: ({ url, session }) => post(url, Array(101).fill({ jsonrpc: '2.0', method: 'x' }), session),
  },
  initializeInBatch: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: an initialize must come alone' },
    send: ({ url }) => post(url, [initializeBody()]),
  },
  alreadyInitialized: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: the session is already initialized', id: 'again' },
    within: true,
    send: ({ url, session }) => post(url, initializeBody({}, 'again'), session),
  },
  duplicateRequestId: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: a request with this id is in flight already', id: 5 },
    within: true,
    send: async ({ url, session, gates }) => {
      const first = post(url, callBody('gate', { key: 'a' }, 5), session);
      await gates.entered('a');
      const second = await post(url, callBody('echo', { text: 'hi' }, 5), session);
      gates.open('a');
      await first;
      return second;
    },
  },
  eventNotFound: {
    ...{ status: 400, code: -32000, message: 'Bad Request: nothing to resume from this Last-Event-ID' },
    within: true,
    options: { eventStore: new TestEventStore() },
    send: ({ url, session }) => get(url, { ...session, 'last-event-id': 'get0_unheard-of' }),
  },
  tooManyCalls: {
    ...{ status: 429, code: -32000, headers: RETRY },
    message: 'Too Many Requests: too many exchanges of this session are open',
    within: true,
    options: { server: () => new TinyServer({ silent: true }) },
    send: async (to) => {
      const open: Promise<Answer>[] = [];
      const headers = { 'mcp-session-id': to.session['mcp-session-id'] };
      for (let id = 0; id < 4_096; id++) open.push(fetched(to, headers, JSON.stringify(callBody('x', {}, id))));
      await until(() => [...to.supervisor.sessions()][0]?.openStreams === 4_096, { what: 'all calls to be open' });
      return post(to.url, PING, headers);
    },
  },
  principalFull: {
    ...{ status: 429, code: -32000, headers: RETRY, id: 0 },
    message: 'Too Many Requests: too many sessions of this principal are open',
    within: true,
    options: { maxSessionsPerPrincipal: 1 },
    send: ({ url }) => post(url, initializeBody()),
  },
  full: {
    ...{ status: 503, code: -32000, message: 'Service Unavailable: too many sessions', headers: RETRY, id: 0 },
    within: true,
    options: { maxSessions: 1, whenFull: 'reject' },
    send: ({ url }) => post(url, initializeBody()),
  },
  draining: {
    ...{ status: 503, code: -32000, message: 'Service Unavailable: the server is shutting down', headers: RETRY },
    send: async ({ url, supervisor }) => {
      await supervisor.drain();
      return post(url, initializeBody());
    },
  },
  endedEarly: {
    ...{ status: 503, code: -32000, headers: RETRY },
    message: 'Service Unavailable: the session was ended before it was initialized',
    options: { server: never },
    send: async ({ url, supervisor }) => {
      const opening = post(url, initializeBody());
      const [session] = await until(() => {
        const sessions = [...supervisor.sessions()];
        return sessions.length > 0 && sessions;
      });
      await supervisor.terminate(session?.id ?? '');
      return opening;
    },
  },
  principalFailed: {
    ...{ status: 403, code: -32000, message: 'Forbidden' },
    options: { principal: () => Promise.resolve('ada') as never },
    send: ({ url }) => post(url, initializeBody()),
  },
  storeUnavailable: {
    ...{ status: 503, code: -32000, message: 'Service Unavailable: the event store does not answer', headers: RETRY },
    within: true,
    options: {
      eventStore: { storeEvent: async () => '1', replayEventsAfter: () => Promise.reject(new Error('down')) },
    },
    send: ({ url, session }) => get(url, { ...session, 'last-event-id': '0_1' }),
  },
  initializeTimeout: {
    ...{ status: 504, code: -32000, message: 'Gateway Timeout: the server took too long to initialize' },
    options: { server: never, initializeTimeout: 4_000 },
    send: async ({ url, clock, supervisor }) => {
      const opening = post(url, initializeBody());
      await until(() => [...supervisor.sessions()].length === 1, { what: 'the initialize to be admitted' });
      await advance(clock, 4_000);
      return opening;
    },
  },
  serverFailed: {
    ...{ status: 500, code: -32603, message: 'Internal error: the server could not be started' },
    options: { server: () => ({}) as never },
    send: ({ url }) => post(url, initializeBody()),
  },
};

test.each(Object.entries(ROWS))('%s', async (name, row) => {
  const { status, code, message, headers = {}, id = null, options = {}, within = false, send } = row;
  const clock = new SimulatedClock();
  const served = await serve({ clock, ...options });
  const { supervisor, events, log, url } = served;
  const { sessionId = '', headers: session = {} } = within ? await initialize(url) : {};
  if (within) await becomesIdle(served, sessionId);

  const answer = await send({ ...served, clock, session });
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.text)).toEqual({ jsonrpc: '2.0', id, error: { code, message } });
  expect(answer.headers).toMatchObject({ 'content-type': 'application/json', ...headers });
  expect(answer.headers).not.toHaveProperty('mcp-session-id');
  if (!('retry-after' in headers)) expect(answer.headers).not.toHaveProperty('retry-after');

  const told = log.filter(({ event }) => event === 'request.refused');
  expect(told).toEqual([expect.objectContaining({ refusal: name, status, count: 1 })]);

  expect([...supervisor.sessions()].map((info) => info.id)).toEqual(within ? [sessionId] : []);
  expect(events.filter(({ type }) => type === 'session.opened')).toHaveLength(within ? 1 : 0);
  if (!within) expect(events.filter(({ type }) => type !== 'session.terminated')).toEqual([]);
});
