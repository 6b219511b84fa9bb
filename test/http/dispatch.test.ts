/** Where a request goes that was let in, and why it goes no further: its session and its transport are the test's. */
import { describe, expect, test } from 'vitest';
import { REFUSALS, type RefusalName } from '../../src/errors.ts';
import { dispatch } from '../../src/http/dispatch.ts';
import type { Supervisor } from '../../src/supervisor/supervisor.ts';
import { resolve } from '../support/givenOptions.ts';
import { FakeExchange } from '../transport/fakeExchange.ts';
import { answered, cancellation, request, result } from '../transport/transportKit.ts';

const NOTE = { jsonrpc: '2.0', method: 'notifications/initialized' } as const;
const PARAMS = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'ann', version: '1' } };
const INITIALIZE = { ...request(5, 'initialize'), params: PARAMS };
const HOLD = { hold: true };
const BATCHES = '2025-03-26';

interface Given {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: object;
  readonly options?: object;
  readonly session?: object;
  readonly transport?: object;
  readonly supervisor?: object;
}

/** Sessions that leave while something is awaited. */
const ENDED = { hasLeft: true, lateRefusal: 'sessionNotFound' };
const SET_ASIDE = { hasLeft: true, lateRefusal: 'restoreFailed' };

/** Dispatches a request to a session. Returns what was done with it, and what it was answered. */
async function dispatched({ method = 'POST', body, headers = {}, options = {}, ...given }: Given) {
  const did: unknown[] = [];
  const exchange = Object.assign(new FakeExchange(), {
    method,
    headers: { 'mcp-session-id': 'session-1', ...headers },
    parsedBody: body,
  });
  const session = {
    hasLeft: false,
    used: false,
    protocolVersion: '2025-11-25',
    claim: () => HOLD,
    terminate: (reason: string) => did.push(['terminate', reason]),
    incarnation: { storeFailed: (error: unknown) => did.push(['storeFailed', error]) },
    ...given.session,
    transport: {
      hasRoomFor: () => true,
      isAwaited: (id: unknown) => id === 7,
      listen: () => did.push('listen'),
      resume: (_: unknown, lastEventId: string, hold: unknown) => {
        did.push(['resume', lastEventId, hold]);
        return Promise.resolve(true);
      },
      deliver: (_: unknown, messages: unknown, batch: boolean, hold: unknown) =>
        did.push(['deliver', messages, batch, hold]),
      ...given.transport,
    },
  };
  const supervisor = {
    options: resolve(options),
    accepting: true,
    find: (id: unknown, principal: unknown) => (id === 'session-1' && principal === 'ann' ? session : undefined),
    stateless: {
      admit: () => ({
        answer: (messages: unknown, batch: boolean, principal: unknown) =>
          did.push(['answer', messages, batch, principal]),
      }),
    },
    ...given.supervisor,
  };
  await dispatch(supervisor as unknown as Supervisor, { exchange, principal: 'ann' });
  return { did, answers: answered(exchange), used: session.used, calls: exchange.calls };
}

const refusalOf = (name: RefusalName, id: unknown = null) => {
  const { code, message } = REFUSALS[name];
  return { did: [], answers: [{ jsonrpc: '2.0', id, error: { code, message } }] };
};

describe('messages of a session', () => {
  test.each([request(1), NOTE, result(7), cancellation(7)])('are delivered: %j', async (message) => {
    const { did, answers } = await dispatched({ body: message });
    expect([did, answers]).toEqual([[['deliver', [message], false, HOLD]], []]);
  });

  test('are delivered as a batch where its version has batches', async () => {
    const batch = [request(1), NOTE];
    const { did } = await dispatched({ body: batch, session: { protocolVersion: BATCHES } });
    expect(did).toEqual([['deliver', batch, true, HOLD]]);
  });

  test.each([
    [[request(1)], true],
    [[NOTE, request(1)], true],
    [[NOTE], false],
    [[result(7)], false],
  ])('use it, if there is a request among them: %j', async (body, used) => {
    expect((await dispatched({ body, session: { protocolVersion: BATCHES } })).used).toBe(used);
  });

  test.each<[string, Given, RefusalName, unknown?]>([
    ['that has no room for the request', { session: { claim: () => 'tooManyCalls' } }, 'tooManyCalls'],
    ['that ends while the body comes', { session: ENDED }, 'sessionNotFound', 1],
    ['that ends while a response comes', { body: result(7), session: ENDED }, 'sessionNotFound'],
    ['that is set aside while the body comes', { session: SET_ASIDE }, 'restoreFailed', 1],
    ['that is drained', { supervisor: { accepting: false } }, 'draining', 1],
    ['that is open already', { body: INITIALIZE }, 'alreadyInitialized', 5],
    ['whose version has no batches', { body: [request(1)] }, 'batchNotAllowed', 1],
    ['that has no room for the call', { transport: { hasRoomFor: () => false } }, 'tooManyCalls', 1],
    ['that answers another call by this id', { body: request(7) }, 'duplicateRequestId', 7],
    ['of which nobody knows', { headers: { 'mcp-session-id': 'session-2' } }, 'sessionNotFound'],
    ['of which there are two', { headers: { 'mcp-session-id': ['session-1', 'session-2'] } }, 'sessionNotFound'],
  ])('are refused by one %s', async (_, given, name, id = null) => {
    expect(await dispatched({ body: request(1), ...given })).toMatchObject(refusalOf(name, id));
  });

  test('are delivered in a drain where a call may wait for them', async () => {
    const supervisor = { accepting: false };
    for (const body of [result(7), cancellation(7)]) {
      expect((await dispatched({ body, supervisor })).did).toEqual([['deliver', [body], false, HOLD]]);
    }
  });
});

describe('a GET', () => {
  const get = { method: 'GET', headers: { 'last-event-id': 'event-1' } };
  const options = { eventStore: { storeEvent: async () => '', replayEventsAfter: async () => '' } };

  test('opens the stream of the session', async () => {
    expect((await dispatched({ method: 'GET' })).did).toEqual(['listen']);
    expect((await dispatched({ method: 'GET', options })).did).toEqual(['listen']);
  });

  test('resumes a stream, where there is a store', async () => {
    const { did, calls } = await dispatched({ ...get, options });
    expect([did, calls]).toEqual([[['resume', 'event-1', HOLD]], []]);
    expect((await dispatched(get)).did).toEqual(['listen']);
  });

  test.each<[string, Given, RefusalName]>([
    ['no such event', { transport: { resume: async () => false } }, 'eventNotFound'],
    ['two of them', { headers: { 'last-event-id': ['event-1', 'event-2'] } }, 'eventNotFound'],
    ['no session any more', { transport: { resume: async () => false }, session: ENDED }, 'sessionNotFound'],
    ['one that was set aside', { transport: { resume: async () => false }, session: SET_ASIDE }, 'restoreFailed'],
    ['no room', { session: { claim: () => 'tooManyCalls' } }, 'tooManyCalls'],
    ['a drain', { supervisor: { accepting: false } }, 'draining'],
  ])('is refused where there is %s', async (_, given, name) => {
    expect(await dispatched({ ...get, options, ...given })).toMatchObject(refusalOf(name));
  });

  test('is refused where the store fails, which is told', async () => {
    const error = new Error('no store');
    const { did, answers } = await dispatched({ ...get, options, transport: { resume: () => Promise.reject(error) } });
    expect([did, answers]).toEqual([[['storeFailed', error]], refusalOf('storeUnavailable').answers]);
  });
});

test('a DELETE ends the session, in a drain as well', async () => {
  for (const accepting of [true, false]) {
    const { did, calls } = await dispatched({ method: 'DELETE', supervisor: { accepting } });
    expect([did, calls]).toEqual([[['terminate', 'deleted']], ['respond 200 {} undefined']]);
  }
});

describe('without a session', () => {
  const headers = { 'mcp-session-id': undefined };

  test.each<[string, Given, RefusalName, unknown?]>([
    ['a GET', { method: 'GET' }, 'sessionRequired'],
    ['a DELETE', { method: 'DELETE' }, 'sessionRequired'],
    ['a request', { body: request(1) }, 'sessionRequired', 1],
    ['a notification', { body: NOTE }, 'sessionRequired'],
    ['a response', { body: result(1) }, 'sessionRequired'],
    ['anything in a drain', { supervisor: { accepting: false } }, 'draining'],
    ['an initialize for which there is no room', { body: INITIALIZE, supervisor: { admit: () => 'full' } }, 'full', 5],
  ])('%s is refused', async (_, given, name, id = null) => {
    expect(await dispatched({ headers, ...given })).toMatchObject(refusalOf(name, id));
  });

  test('an initialize opens one, for its principal', async () => {
    const opened: unknown[] = [];
    const session = { open: async (_: unknown, message: unknown) => void opened.push(message) };
    const admit = (opening: unknown) => {
      opened.push(opening);
      return session;
    };
    await dispatched({ headers, body: INITIALIZE, supervisor: { admit } });
    expect(opened).toEqual([expect.objectContaining({ principal: 'ann', protocolVersion: '2025-11-25' }), INITIALIZE]);
  });
});

describe('stateless', () => {
  const options = { stateless: true };
  const version = { 'mcp-protocol-version': '2025-11-25' };

  test.each<[unknown, object, unknown[], boolean]>([
    [request(1), version, [request(1)], false],
    [INITIALIZE, version, [INITIALIZE], false],
    [[request(1), NOTE], {}, [request(1), NOTE], true],
    [[request(1)], { 'mcp-protocol-version': BATCHES }, [request(1)], true],
  ])('each is answered by itself: %j', async (body, headers, messages, batch) => {
    expect((await dispatched({ options, body, headers })).did).toEqual([['answer', messages, batch, 'ann']]);
  });

  test.each<[string, Given, RefusalName, unknown?]>([
    ['in a drain, whose body is not read', { body: undefined, supervisor: { accepting: false } }, 'draining'],
    ['as a batch of a version that has none', { body: [request(1)], headers: version }, 'batchNotAllowed'],
    ['with one id twice', { body: [request(1), request(1)] }, 'duplicateRequestId'],
    ['where there is no room', { supervisor: { stateless: { admit: () => 'full' } } }, 'full', 1],
  ])('a request is refused %s', async (_, given, name, id = null) => {
    expect(await dispatched({ options, body: request(1), ...given })).toMatchObject(refusalOf(name, id));
  });

  test('a request is refused where a drain begins while its body comes', async () => {
    const supervisor = { options: resolve(options), accepting: true };
    const readBody = async () => {
      supervisor.accepting = false;
      return { text: JSON.stringify(request(1)), size: 46 };
    };
    const exchange = Object.assign(new FakeExchange(), { readBody });
    await dispatch(supervisor as unknown as Supervisor, { exchange, principal: undefined });
    expect(answered(exchange)).toEqual(refusalOf('draining').answers);
  });
});

test.each<[string, Given]>([
  ['in a session', {}],
  ['without one', { headers: { 'mcp-session-id': undefined } }],
  ['stateless', { options: { stateless: true } }],
])('where no body comes, nothing else is done: %s', async (_, given) => {
  expect(await dispatched(given)).toMatchObject(refusalOf('bodyAborted'));
});
