/** Refused for how the session, the supervisor or the server stands. */
import type { RefusalName } from '../../../src/errors.ts';
import { TestEventStore } from '../../support/eventStore.ts';
import { advance } from '../../support/simulatedClock.ts';
import { TinyServer } from '../../support/tinyServer.ts';
import { until } from '../../support/until.ts';
import { callBody, get, initializeBody, post } from '../../support/wire.ts';
import { type Answer, fetched, never, PING, RETRY, type Row } from './row.ts';

export const SESSION_ROWS = {
  sessionRequired: {
    ...{ status: 400, code: -32000, message: 'Bad Request: the Mcp-Session-Id header is required', id: 'p' },
    send: ({ url }) => post(url, PING),
  },
  sessionNotFound: {
    ...{ status: 404, code: -32001, message: 'Session not found' },
    send: ({ url }) => post(url, PING, { 'mcp-session-id': 'unknown' }),
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
    id: 0,
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
  storeUnavailable: {
    ...{ status: 503, code: -32000, message: 'Service Unavailable: the store does not answer', headers: RETRY },
    within: true,
    options: {
      eventStore: { storeEvent: async () => '1', replayEventsAfter: () => Promise.reject(new Error('down')) },
    },
    send: ({ url, session }) => get(url, { ...session, 'last-event-id': '0_1' }),
  },
  initializeTimeout: {
    id: 0,
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
    id: 0,
    ...{ status: 500, code: -32603, message: 'Internal error: the server could not be started' },
    options: { server: () => ({}) as never },
    send: ({ url }) => post(url, initializeBody()),
  },
} satisfies Partial<Record<RefusalName, Row>>;
