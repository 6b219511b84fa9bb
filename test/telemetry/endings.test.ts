/** Every operation begins once and ends once, whatever ends it: over HTTP, with servers of both SDKs, in both eras. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { createMemorySessionStore } from '../../src/index.ts';
import { ask, MODERN, modernBody, modernHeaders, serveBoth, toolBody } from '../modern/modernServer.ts';
import { type Served, type ServeOptions, serve } from '../support/serve.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until, withTimeout } from '../support/until.ts';
import { call, callBody, del, initialize, initializeBody, openStream, post, sessionHeaders } from '../support/wire.ts';
import { type Observation, observe } from './observed.ts';
import { RawServer } from './rawServer.ts';

const INITIALIZED = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'raw', version: '1' } };

type Start = (options?: ServeOptions) => Promise<Served>;

const SERVERS: readonly (readonly [string, Start])[] = [
  ['SDK v1', serve],
  ['SDK v2', serveBoth],
];

/** Whatever was begun has ended once, when all is over. */
async function observed(start: Start, options: ServeOptions = {}): Promise<Served & { readonly told: Observation }> {
  const served = await start(options);
  const told = observe(served.supervisor);
  onTestFinished(async () => {
    await served.close();
    for (const { operation, ends } of told.seen) {
      expect(ends, `${operation.side} ${operation.method}`).toHaveLength(1);
    }
  });
  return { ...served, told };
}

describe.each(SERVERS)('with a server of %s', (_, start) => {
  test('a session’s messages are operations of its own', async () => {
    const { url, told } = await observed(start);
    const { sessionId } = await initialize(url);
    await call(url, sessionId, 'echo', { text: 'hello' }, 7);
    expect(await told.end('tools/call')).toMatchObject({
      outcome: 'answered',
      result: { content: [{ text: 'hello' }] },
    });
    expect(told.seen.map(({ operation: { method, id } }) => [method, id])).toEqual([
      ['initialize', 0],
      ['notifications/initialized', undefined],
      ['tools/call', 7],
    ]);
    for (const { operation, ends, runs } of told.seen) {
      expect(operation).toMatchObject({ side: 'server', era: 'session', protocolVersion: '2025-11-25', sessionId });
      expect(ends).toMatchObject([{ outcome: 'answered' }]);
      expect(runs).toBeGreaterThan(0);
    }
  });

  test('an error of the protocol has its code', async () => {
    const { url, told } = await observed(start);
    const { sessionId } = await initialize(url);
    await post(url, { jsonrpc: '2.0', id: 1, method: 'nobody/knows' }, sessionHeaders(sessionId));
    expect(await told.end('nobody/knows')).toMatchObject({ outcome: 'error', code: -32601 });
  });

  test('a tool that fails is told from one that answers', async () => {
    const { url, told } = await observed(start);
    const { sessionId } = await initialize(url);
    await call(url, sessionId, 'echo', { text: 42 });
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'toolError', result: { isError: true } });
  });

  test('a call that its client cancels', async () => {
    const { url, told, gates } = await observed(start);
    const { sessionId, headers } = await initialize(url);
    const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 5) });
    await gates.entered('a');
    await post(url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } }, headers);
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'cancelled' });
    expect(await told.end('notifications/cancelled')).toMatchObject({ outcome: 'answered' });
    await withTimeout(stream.closed);
    expect(told.of('tools/call')[0]?.operation.sessionId).toBe(sessionId);
  });

  test('a call whose session is ended', async () => {
    const { url, told, gates } = await observed(start);
    const { headers } = await initialize(url);
    const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }) });
    await gates.entered('a');
    await del(url, headers);
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'sessionEnded' });
    await withTimeout(stream.closed);
  });

  test('a call whose client has left runs on, and ends when its handler does', async () => {
    const { url, told, gates, supervisor } = await observed(start);
    const { sessionId, headers } = await initialize(url);
    const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }) });
    await gates.entered('a');
    stream.destroy();
    await until(() => supervisor.session(sessionId)?.inFlight === 0, { what: 'the client’s leaving' });
    expect(told.of('tools/call')[0]?.ends).toEqual([]);
    gates.open('a');
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'clientGone' });
  });

  test('a call that a drain cuts short', async () => {
    const { url, told, gates, supervisor } = await observed(start);
    const { headers } = await initialize(url);
    const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }) });
    await gates.entered('a');
    await supervisor.drain({ timeout: 1 });
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'drained' });
    await withTimeout(stream.closed);
  });

  test('each message of a batch is one', async () => {
    const { url, told } = await observed(start);
    const { headers } = await initialize(url, { protocolVersion: '2025-03-26' });
    const batch = [callBody('echo', { text: 'a' }, 1), callBody('echo', { text: 'b' }, 2)];
    await post(url, [...batch, { jsonrpc: '2.0', method: 'notifications/roots/list_changed' }], headers);
    await told.end('notifications/roots/list_changed');
    expect(told.of('tools/call').map(({ operation, ends }) => [operation.id, ends[0]?.outcome])).toEqual([
      [1, 'answered'],
      [2, 'answered'],
    ]);
  });

  test('a call without sessions', async () => {
    const { url, told } = await observed(start, { stateless: true, modern: 'refuse' });
    const version = { 'mcp-protocol-version': '2025-06-18' };
    await post(url, callBody('echo', { text: 'a' }), version);
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'answered' });
    const { operation } = told.seen[0] ?? {};
    expect(operation).toMatchObject({ era: 'session', sessionId: undefined, protocolVersion: '2025-06-18' });
  });
});

describe('an initialize', () => {
  test('that is refused in time', async () => {
    const clock = new SimulatedClock();
    let asked = false;
    const never = () => {
      asked = true;
      return new Promise<never>(() => {});
    };
    const { url, told } = await observed(serve, { clock, server: never });
    const answer = post(url, initializeBody());
    await until(() => asked, { what: 'the factory to be asked' });
    clock.increment(60_000);
    expect((await answer).status).toBe(504);
    expect(await told.end('initialize')).toMatchObject({ outcome: 'error', code: -32000, duration: 60_000 });
  });

  test('whose factory throws', async () => {
    const { url, told } = await observed(serve, {
      server: () => {
        throw new Error('none today');
      },
    });
    await post(url, initializeBody());
    expect(await told.end('initialize')).toMatchObject({ outcome: 'error', code: -32603 });
  });

  test('whose client leaves', async () => {
    const { url, told, supervisor } = await observed(serve, { server: () => new Promise<never>(() => {}) });
    const controller = new AbortController();
    const answer = fetch(url, {
      method: 'POST',
      signal: controller.signal,
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify(initializeBody()),
    }).catch(() => undefined);
    await until(() => supervisor.stats().sessions.initializing === 1, { what: 'the session' });
    controller.abort();
    await answer;
    expect(await told.end('initialize')).toMatchObject({ outcome: 'clientGone' });
  });

  test('of a session with a record, which is stored first', async () => {
    const { url, told } = await observed(serve, { sessionStore: createMemorySessionStore() });
    await initialize(url);
    expect(await told.end('initialize')).toMatchObject({ outcome: 'answered' });
  });
});

describe('an error that a server makes up', () => {
  const serveErrors = (error: unknown, more: object = {}) =>
    observed(serve, {
      server: () =>
        new RawServer(({ id, method }, send) => {
          if (method === 'initialize') return send({ id, result: INITIALIZED });
          // What its send says is heard: it would be in its log.
          return send({ id, error, ...more }).then(undefined, (failure: unknown) => failures.push(failure));
        }),
    });
  const failures: unknown[] = [];

  test.each([
    ['null', null, {}],
    ['without a code', {}, {}],
    ['with a code that is none', { code: 'x'.repeat(10_000), message: 'm' }, { message: 'm' }],
    ['with a message that is none', { code: -32603, message: null }, { code: -32603 }],
  ])('%s: it is answered, and has ended', async (_, error, known) => {
    const { url, told } = await serveErrors(error);
    const { sessionId } = await initialize(url);
    await call(url, sessionId, 'echo');
    expect(await told.end('tools/call')).toEqual({ outcome: 'error', duration: expect.any(Number), ...known });
    expect(failures).toEqual([]);
  });

  test.each([null, undefined])('beside a result it is none: %o', async (error) => {
    const { url, told } = await serveErrors(error, { result: { content: [] } });
    const { sessionId } = await initialize(url);
    await call(url, sessionId, 'echo');
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'answered', result: { content: [] } });
  });
});

describe('what a server asks its client', () => {
  test('ends when the server asks something else by its id', async () => {
    const { url, told } = await observed(serve, {
      server: () =>
        new RawServer(async ({ id, method }, send) => {
          if (method === 'initialize') return send({ id, result: INITIALIZED });
          await send({ id: 'same', method: 'roots/list' }, id);
          await send({ id: 'same', method: 'ping' }, id);
          return send({ id, result: {} });
        }),
    });
    const { sessionId } = await initialize(url);
    await call(url, sessionId, 'echo');
    expect(await told.end('roots/list')).toMatchObject({ outcome: 'cancelled' });
    expect(told.of('ping')[0]?.ends).toEqual([]);
  });

  test('is an operation of the client’s side, until it is answered', async () => {
    const { url, told } = await observed(serve);
    const { headers, sessionId } = await initialize(url, { capabilities: { sampling: {} } });
    const stream = await openStream(url, { headers, body: callBody('sample', { prompt: 'why?' }) });
    const { id, method } = await stream.message();
    expect(method).toBe('sampling/createMessage');
    const result = { role: 'assistant', model: 'm', content: { type: 'text', text: 'because' } };
    await post(url, { jsonrpc: '2.0', id, result }, headers);
    expect(await told.end('sampling/createMessage')).toMatchObject({ outcome: 'answered' });
    expect(told.of('sampling/createMessage')[0]?.operation).toMatchObject({ side: 'client', sessionId });
    await withTimeout(stream.closed);
  });

  test('ends with its session', async () => {
    const { url, told } = await observed(serve);
    const { headers } = await initialize(url, { capabilities: { sampling: {} } });
    const stream = await openStream(url, { headers, body: callBody('sample', { prompt: 'why?' }) });
    await stream.message();
    await del(url, headers);
    expect(await told.end('sampling/createMessage')).toMatchObject({ outcome: 'sessionEnded' });
    await withTimeout(stream.closed);
  });

  test('ends when the server wants no answer any more', async () => {
    const { url, told } = await observed(serve);
    const { headers } = await initialize(url, { capabilities: { sampling: {} } });
    const stream = await openStream(url, { headers, body: callBody('sample', { prompt: 'why?' }, 3) });
    await stream.message();
    await post(url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 3 } }, headers);
    expect(await told.end('sampling/createMessage')).toMatchObject({ outcome: 'cancelled' });
    await withTimeout(stream.closed);
  });

  test('ends at once without a stream', async () => {
    const { url, told } = await observed(serve);
    const { sessionId } = await initialize(url, { capabilities: { sampling: {} } });
    await call(url, sessionId, 'sample', { prompt: 'why?', via: 'standalone' });
    expect(await told.end('sampling/createMessage')).toMatchObject({ outcome: 'noStream' });
  });
});

describe('without a session, in 2026-07-28', () => {
  test('a call', async () => {
    const { url, told } = await observed(serveBoth);
    await ask(url, toolBody('echo', { text: 'hello' }, 9));
    expect(await told.end('tools/call')).toMatchObject({
      outcome: 'answered',
      result: { content: [{ text: 'hello' }] },
    });
    const { operation, runs } = told.seen[0] ?? {};
    expect(operation).toMatchObject({
      side: 'server',
      era: 'modern',
      id: 9,
      protocolVersion: MODERN,
      sessionId: undefined,
    });
    expect(runs).toBe(1);
  });

  test('a tool that fails, and a method that is none', async () => {
    const { url, told } = await observed(serveBoth);
    await ask(url, toolBody('echo', { text: 42 }));
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'toolError' });
    await ask(url, modernBody('nobody/knows'));
    expect(await told.end('nobody/knows')).toMatchObject({ outcome: 'error', code: -32601 });
  });

  test('one that the SDK’s handler refuses', async () => {
    const { url, told } = await observed(serveBoth);
    await ask(url, toolBody('echo', { text: 'a' }), { 'mcp-name': 'another' });
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'error', code: -32020 });
  });

  test('a client that leaves cancels', async () => {
    const { url, told, gates } = await observed(serveBoth, { keepAliveInterval: 20 });
    const body = toolBody('gate', { key: 'a' });
    const stream = await openStream(url, { headers: modernHeaders(body), body });
    await gates.entered('a');
    stream.destroy();
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'cancelled' });
  });

  test('a drain', async () => {
    const { url, told, gates, supervisor } = await observed(serveBoth);
    const answer = ask(url, toolBody('gate', { key: 'a' }));
    await gates.entered('a');
    await supervisor.drain({ timeout: 1 });
    await answer;
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'drained' });
  });

  test('a factory that fails', async () => {
    const { url, told } = await observed(serveBoth, {
      server: () => {
        throw new Error('none today');
      },
    });
    expect((await ask(url, toolBody('echo', { text: 'a' }))).status).toBe(500);
    expect(await told.end('tools/call')).toMatchObject({ outcome: 'error', code: -32603 });
  });

  test('a listen stream lasts as long as it is open', async () => {
    const { url, told, supervisor } = await observed(serveBoth);
    const body = modernBody('subscriptions/listen', { notifications: { toolsListChanged: true } });
    const stream = await openStream(url, { headers: modernHeaders(body), body });
    await stream.message();
    expect(told.of('subscriptions/listen')[0]?.ends).toEqual([]);
    await supervisor.drain();
    expect(await told.end('subscriptions/listen')).toMatchObject({ outcome: 'answered' });
  });
});

describe('an observer that ends the session', () => {
  const WHEN = ['operation', 'run', 'end'] as const;

  test.each(WHEN.flatMap((when) => [false, true].map((enableJsonResponse) => ({ when, enableJsonResponse }))))(
    'in its $when, with enableJsonResponse $enableJsonResponse: the call is answered, and nothing of it is left',
    async ({ when, enableJsonResponse }) => {
      const { supervisor, url, told } = await observed(serve, { enableJsonResponse });
      const { sessionId } = await initialize(url);
      const act = (here: (typeof WHEN)[number]) => {
        if (here === when) void supervisor.terminate(sessionId);
      };
      supervisor.observe({
        operation: () => {
          act('operation');
          const run = <T>(body: () => T): T => {
            act('run');
            return body();
          };
          return { run, end: () => act('end') };
        },
      });
      const [message] = (await call(url, sessionId, 'echo', { text: 'a' })).messages();
      expect(message).toMatchObject(when === 'end' ? { result: {} } : { error: { code: -32000 } });
      await told.end('tools/call');
      await until(() => supervisor.session(sessionId) === undefined, { what: 'the end of the session' });
      expect(supervisor.stats()).toMatchObject({ calls: 0, streams: 0, ended: { terminated: 1 } });
    },
  );
});

describe('an answer that is no JSON', () => {
  test.each([
    ['in a session', false],
    ['of an initialize', true],
  ])('%s', async (_, initial) => {
    const { url, told } = await observed(serve, { server: () => new BigServer(initial) });
    if (initial) {
      await post(url, initializeBody());
      return expect(await told.end('initialize')).toMatchObject({ outcome: 'notJson' });
    }
    const { sessionId } = await initialize(url, { notify: false });
    await post(url, { jsonrpc: '2.0', id: 1, method: 'ping' }, sessionHeaders(sessionId));
    expect(await told.end('ping')).toMatchObject({ outcome: 'notJson', code: -32603 });
  });
});

/** Answers with a bigint. */
class BigServer {
  readonly #initial: boolean;

  constructor(initial: boolean) {
    this.#initial = initial;
  }

  async connect(transport: { onmessage?: unknown; send(message: unknown): Promise<void> }): Promise<void> {
    transport.onmessage = (message: { id?: number; method?: string }) => {
      if (message.id === undefined) return;
      const capabilities = {};
      const plain = { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'big', version: '1' } };
      const result = message.method === 'initialize' && !this.#initial ? plain : { big: 1n };
      transport.send({ jsonrpc: '2.0', id: message.id, result }).catch(() => {});
    };
  }

  async close(): Promise<void> {}
}
