/** An event store on the SDK's contract: priming, streams that are closed on purpose, and the basics of resumption. */
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js';
import { describe, expect, test } from 'vitest';
import { connectClient } from '../../support/client.ts';
import { TestEventStore } from '../../support/eventStore.ts';
import { type ServeOptions, serve } from '../../support/serve.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { buildTestServer } from '../../support/testServer.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { call, callBody, del, type EventStream, get, initialize, openStream, post } from '../../support/wire.ts';

async function serveStored(options: ServeOptions = {}) {
  const eventStore = new TestEventStore();
  return { eventStore, ...(await serve({ eventStore, ...options })) };
}

/** Continues after an event; every message until the stream ends. */
async function resumed(url: string, headers: Record<string, string>, lastEventId: string) {
  const answer = await get(url, { ...headers, 'last-event-id': lastEventId });
  expect(answer.status).toBe(200);
  return answer;
}

const idOf = async (stream: EventStream): Promise<string> => (await stream.next()).id ?? 'no id';

describe('priming', () => {
  test('a stream begins with an event that has an id and no data', async () => {
    const { url, gates } = await serveStored();
    const { headers, response } = await initialize(url);
    const calling = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 1) });
    const getting = await openStream(url, { headers });
    for (const stream of [calling, getting]) {
      expect(await stream.next()).toEqual({ id: expect.stringMatching(/^[\x21-\x7e]+$/), data: '' });
    }
    gates.open('a');
    expect(await calling.next()).toMatchObject({ id: expect.any(String), event: 'message' });
    const [opened, ...rest] = response.events().filter(({ data }) => data !== '');
    expect(opened?.id).toBeDefined();
    expect(rest).toEqual([]);
    getting.destroy();
  });

  test.each(['2025-06-18', '2025-03-26'])(
    'a client of %s, which would not understand it, gets none',
    async (version) => {
      const { url } = await serveStored({ retryInterval: 1_500 });
      const { headers, sessionId, response } = await initialize(url, { protocolVersion: version });
      const answer = await post(url, callBody('echo', { text: 'hi' }), headers);
      for (const events of [response.events(), answer.events()]) {
        expect(events).toMatchObject([{ id: expect.any(String), event: 'message' }]);
      }
      const closing = await call(url, sessionId, 'closeStream', {}, 2, { 'mcp-protocol-version': version });
      expect(closing.messages().at(-1)?.result.content[0].text).toBe('cannot close');
    },
  );

  test.each([
    { negotiated: '2025-06-18', header: '2025-11-25', primed: false },
    { negotiated: '2025-11-25', header: '2025-06-18', primed: true },
  ])(
    'what the session negotiated decides ($negotiated), not what a header says ($header)',
    async ({ negotiated, header, primed }) => {
      const { url } = await serveStored();
      const protocol = { 'mcp-protocol-version': header };
      const { response, headers, sessionId } = await initialize(url, {
        protocolVersion: negotiated,
        headers: protocol,
      });
      const answer = await call(url, sessionId, 'echo', { text: 'hi' }, 1, protocol);
      for (const events of [response.events(), answer.events()]) {
        expect(events.map(({ data }) => data === '')).toEqual(primed ? [true, false] : [false]);
      }
      const stream = await openStream(url, { headers: { ...headers, ...protocol } });
      await call(url, sessionId, 'notifyStandalone', { text: 'first of all' }, 2, protocol);
      expect((await stream.next()).data === '').toBe(primed);
      stream.destroy();
      const closing = await call(url, sessionId, 'closeStream', {}, 3, protocol);
      expect(closing.retries()).toHaveLength(primed ? 2 : 0);
    },
  );

  test('without a store there are neither ids nor priming events', async () => {
    const { url } = await serve();
    const { headers } = await initialize(url);
    const answer = await post(url, callBody('echo', { text: 'hi' }), headers);
    expect(answer.events()).toEqual([{ event: 'message', data: expect.any(String) }]);
    // Without a store there is nothing to resume from: it is the session's stream like any other.
    const stream = await openStream(url, { headers: { ...headers, 'last-event-id': 'anything' } });
    expect(stream.status).toBe(200);
    stream.destroy();
  });

  test('every event of a session has an id of its own', async () => {
    const { url } = await serveStored();
    const { headers } = await initialize(url);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => post(url, callBody('progress', { steps: 3 }, n, n), headers)),
    );
    const ids = answers.flatMap((answer) => answer.events().map(({ id }) => id));
    expect(new Set(ids).size).toBe(10 * 5);
    expect(ids).not.toContain(undefined);
  });
});

describe('a stream that its server closes on purpose', () => {
  test("a call's: its client resumes, and gets the answer exactly once", async () => {
    const { url } = await serveStored({ retryInterval: 700 });
    const { headers } = await initialize(url);
    const closed = await post(url, callBody('closeStream', { text: 'after all' }, 1), headers);
    const events = closed.events();
    expect(events.map(({ data }) => data)).toEqual(['']);
    expect(closed.retries()).toEqual([700, 700]);
    const primed = events[0]?.id ?? '';
    const answer = await resumed(url, headers, primed);
    expect(answer.messages()).toMatchObject([{ id: 1, result: { content: [{ text: 'after all' }] } }]);
    // What was replayed once may be asked for again, as long as it is asked for by the same event.
    expect((await resumed(url, headers, primed)).messages()).toHaveLength(1);
    const after = await get(url, { ...headers, 'last-event-id': answer.events()[0]?.id });
    expect(after.messages()).toEqual([]);
  });

  test('the GET stream: its client resumes, and gets what was sent in between', async () => {
    const { url, supervisor } = await serveStored();
    const { sessionId, headers } = await initialize(url);
    const stream = await openStream(url, { headers });
    const primed = await idOf(stream);
    await call(url, sessionId, 'closeStream', { via: 'standalone' });
    expect(await withTimeout(stream.closed)).toBe(true);
    await becomesIdle({ supervisor }, sessionId);
    await call(url, sessionId, 'notifyStandalone', { text: 'in between' }, 2);
    const again = await openStream(url, { headers: { ...headers, 'last-event-id': primed } });
    expect((await again.message()).params.data).toBe('in between');
    await call(url, sessionId, 'notifyStandalone', { text: 'and live' }, 3);
    expect((await again.message()).params.data).toBe('and live');
    expect(again.waiting).toEqual([]);
    again.destroy();
  });
});

describe('a connection that breaks during a call', () => {
  test('the call goes on, holds its session, and is answered to whoever resumes', async () => {
    const clock = new SimulatedClock();
    const { url, gates, supervisor } = await serveStored({ clock, sessionIdleTimeout: 1_000, resumeTimeout: 60_000 });
    const { sessionId, headers } = await initialize(url);
    const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 1) });
    const primed = await idOf(stream);
    await gates.entered('a');
    stream.destroy();
    await until(() => supervisor.session(sessionId)?.openStreams === 0, { what: 'the break to be noticed' });
    await advance(clock, 59_000, 1_000);
    expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1 });
    const resuming = await openStream(url, { headers: { ...headers, 'last-event-id': primed } });
    expect(resuming.status).toBe(200);
    expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1, openStreams: 1 });
    gates.open('a');
    expect(await resuming.message()).toMatchObject({ id: 1, result: { content: [{ text: 'passed a' }] } });
    expect(await withTimeout(resuming.closed)).toBe(true);
    await becomesIdle({ supervisor }, sessionId);
  });

  test('the answer that comes meanwhile is replayed, and lets the session idle', async () => {
    const { url, gates, supervisor } = await serveStored();
    const { sessionId, headers } = await initialize(url);
    const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 1) });
    const primed = await idOf(stream);
    await gates.entered('a');
    stream.destroy();
    await until(() => supervisor.session(sessionId)?.openStreams === 0, { what: 'the break to be noticed' });
    expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1 });
    gates.open('a');
    await becomesIdle({ supervisor }, sessionId);
    expect((await resumed(url, headers, primed)).messages()).toMatchObject([{ id: 1, result: {} }]);
  });

  test('after resumeTimeout it holds its session no longer', async () => {
    const clock = new SimulatedClock();
    const options = { clock, sessionIdleTimeout: 1_000, resumeTimeout: 5_000 };
    const { url, gates, supervisor, events } = await serveStored(options);
    const { sessionId, headers } = await initialize(url);
    const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 1) });
    await gates.entered('a');
    stream.destroy();
    await until(() => supervisor.session(sessionId)?.openStreams === 0, { what: 'the break to be noticed' });
    await advance(clock, 4_999);
    expect(supervisor.session(sessionId)?.state).toBe('active');
    await advance(clock, 1);
    expect(supervisor.session(sessionId)?.state).toBe('idle');
    await advance(clock, 1_000);
    expect(events.at(-1)).toMatchObject({ type: 'session.terminated', reason: 'idle' });
    await gates.aborted('a');
  });
});

describe("another session's events are nobody else's", () => {
  class LookUpStore extends TestEventStore {
    async getStreamIdForEventId(eventId: string) {
      return this.events.find(({ id }) => id === eventId)?.streamId;
    }
  }
  test.each([
    ['that does not tell whose an event is', new TestEventStore(), [200, 400]],
    ['that tells whose an event is', new LookUpStore(), [400]],
  ])('in a store %s', async (_, eventStore, statuses) => {
    const { url } = await serve({ eventStore });
    const mine = await initialize(url);
    const foreign = await initialize(url);
    const answer = await post(url, callBody('echo', { text: 'secret' }, 1), foreign.headers);
    for (const { id } of answer.events()) {
      const tried = await get(url, { ...mine.headers, 'last-event-id': id });
      expect(statuses).toContain(tried.status);
      expect(tried.text).not.toContain('secret');
      expect(tried.text).not.toContain('result');
    }
  });
});

test("with the SDK's own example store, an SDK client gets an answer whose stream was closed", async () => {
  const { url } = await serve({
    eventStore: new InMemoryEventStore(),
    retryInterval: 5,
    server: (session) => {
      const server = buildTestServer(session);
      server.registerTool('closeAndGoOn', {}, async ({ closeSSEStream }) => {
        closeSSEStream?.();
        // That store orders events by the millisecond, and those of one millisecond at random.
        const closedAt = Date.now();
        await until(() => Date.now() > closedAt, { what: 'the next millisecond' });
        return { content: [{ type: 'text', text: 'after all' }] };
      });
      return server;
    },
  });
  const { client, call: callTool } = await connectClient(url);
  expect((await client.listTools()).tools.length).toBeGreaterThan(5);
  expect(await callTool('closeAndGoOn')).toBe('after all');
});

test('a store that fails: the stream goes on without it, and the log says so', async () => {
  const broken = { storeEvent: () => Promise.reject(new Error('disk full')), replayEventsAfter: async () => '' };
  const { url, log } = await serve({ eventStore: broken });
  const { headers } = await initialize(url);
  const answer = await post(url, callBody('progress', { steps: 2 }, 1, 'token'), headers);
  expect(answer.messages().map(({ id, params }) => id ?? params.progress)).toEqual([1, 2, 1]);
  expect(answer.events().map(({ id }) => id)).toEqual([undefined, undefined, undefined]);
  expect(log.find(({ event }) => event === 'store.failed')).toMatchObject({ level: 'warn', error: expect.any(Error) });
});

test('a session that ends while its GET stream is being resumed leaves no stream behind', async () => {
  const eventStore = new TestEventStore();
  let replaying = () => {};
  let goOn = () => {};
  const begun = new Promise<void>((resolve) => {
    replaying = resolve;
  });
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const slow = {
    storeEvent: eventStore.storeEvent.bind(eventStore),
    replayEventsAfter: async (...args: Parameters<TestEventStore['replayEventsAfter']>) => {
      replaying();
      await held;
      return eventStore.replayEventsAfter(...args);
    },
  };
  const { url } = await serve({ eventStore: slow });
  const { headers } = await initialize(url);
  const stream = await openStream(url, { headers });
  const primed = await idOf(stream);
  stream.destroy();
  const resuming = openStream(url, { headers: { ...headers, 'last-event-id': primed } });
  await withTimeout(begun, { what: 'the replay to begin' });
  expect((await del(url, headers)).status).toBe(200);
  await turns(3);
  goOn();
  const late = await resuming;
  await withTimeout(late.closed, { what: 'the late stream to end' });
});
