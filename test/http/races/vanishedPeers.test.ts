/** 7. Peers that vanish without a word: whoever holds the line for them finds out, and lets go. */
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../../src/index.ts';
import { type ServeOptions, serve, supervise } from '../../support/serve.ts';
import { becomesIdle, lifeOf } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { until, withTimeout } from '../../support/until.ts';
import { callBody, get, initialize, initializeBody, openStream } from '../../support/wire.ts';

const IDLE = 1_000;
const KEEP_ALIVE = 15_000;

/** The event id that the first call of a session is primed with: what its client would know, had it read. */
const PRIMED = '1_3';

/** A request to `supervisor.fetch`. */
function request(method: 'GET' | 'POST', headers: Record<string, string> = {}, body?: unknown): Request {
  return new Request('http://localhost/mcp', {
    method,
    headers: {
      accept: 'application/json, text/event-stream',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

describe('a peer that takes nothing at all', () => {
  async function fetched(options: ServeOptions = {}) {
    const clock = new SimulatedClock();
    const observed = supervise({ clock, sessionIdleTimeout: IDLE, keepAliveInterval: KEEP_ALIVE, ...options });
    const opened = await observed.supervisor.fetch(request('POST', {}, initializeBody()));
    await opened.text();
    const sessionId = opened.headers.get('mcp-session-id') ?? '';
    const headers = { 'mcp-session-id': sessionId, 'mcp-protocol-version': '2025-11-25' };
    const info = () => observed.supervisor.session(sessionId);
    return { ...observed, clock, sessionId, headers, info };
  }

  test('of a GET stream: cut off after two intervals, and the session idles', async () => {
    const { supervisor, clock, headers, sessionId, info, events } = await fetched();
    const stream = await supervisor.fetch(request('GET', headers));
    expect(info()).toMatchObject({ state: 'active', inFlight: 1, openStreams: 1 });
    // The comment that it begins with is not taken; from the first time that one is due it has until the next.
    await advance(clock, 2 * KEEP_ALIVE - 1, KEEP_ALIVE / 3);
    expect(info()).toMatchObject({ state: 'active', openStreams: 1 });
    await advance(clock, KEEP_ALIVE, KEEP_ALIVE / 3);
    await expect(stream.text()).rejects.toThrow('The connection was ended');
    expect(info()?.state).not.toBe('active');
    await advance(clock, IDLE);
    expect(lifeOf(events, sessionId).at(-1)).toBe('terminated: idle');
  });

  test('of a call: cut off; the call runs on, and holds nothing', async () => {
    const { supervisor, clock, gates, headers, info } = await fetched({ sessionIdleTimeout: 3_600_000 });
    const answer = await supervisor.fetch(request('POST', headers, callBody('gate', { key: 'a' })));
    await gates.entered('a');
    await advance(clock, 4 * KEEP_ALIVE, KEEP_ALIVE / 3);
    await expect(answer.text()).rejects.toThrow('The connection was ended');
    expect(info()).toMatchObject({ state: 'idle', inFlight: 0, openStreams: 0 });
    expect(gates.counts('a')).toEqual({ entered: 1, aborted: 0 });
    gates.open('a');
  });

  test('of a call that can be resumed: cut off; the call holds its session, and is answered to whoever resumes', async () => {
    const eventStore = createMemoryEventStore();
    const { supervisor, clock, gates, headers, info } = await fetched({ eventStore, resumeTimeout: 300_000 });
    const answer = await supervisor.fetch(request('POST', headers, callBody('gate', { key: 'a' })));
    await gates.entered('a');
    await advance(clock, 4 * KEEP_ALIVE, KEEP_ALIVE / 3);
    await expect(answer.text()).rejects.toThrow('The connection was ended');
    expect(info()).toMatchObject({ state: 'active', inFlight: 1, openStreams: 0 });
    gates.open('a');
    await until(() => info()?.state === 'idle', { what: 'the session to idle' });
    const resumed = await supervisor.fetch(request('GET', { ...headers, 'last-event-id': PRIMED }));
    expect(await resumed.text()).toContain('passed a');
  });

  test('of a call that is resumed elsewhere meanwhile: the new connection has it, and the old one is cut off', async () => {
    const eventStore = createMemoryEventStore();
    const { supervisor, clock, gates, headers, info } = await fetched({ eventStore });
    const answer = await supervisor.fetch(request('POST', headers, callBody('gate', { key: 'a' })));
    await gates.entered('a');
    const resumed = await supervisor.fetch(request('GET', { ...headers, 'last-event-id': PRIMED }));
    expect(info()).toMatchObject({ state: 'active', inFlight: 2, openStreams: 2 });
    gates.open('a');
    expect(await resumed.text()).toContain('passed a');
    await advance(clock, 30_000);
    await expect(answer.text()).rejects.toThrow('The connection was ended');
    await until(() => info()?.inFlight !== 2, { what: 'both to be let go' });
    expect(info()?.openStreams ?? 0).toBe(0);
  });
});

describe('a socket that is gone', () => {
  async function served(options: ServeOptions = {}) {
    const clock = new SimulatedClock();
    const observed = await serve({ clock, sessionIdleTimeout: IDLE, keepAliveInterval: KEEP_ALIVE, ...options });
    const { headers, sessionId } = await initialize(observed.url);
    await becomesIdle(observed, sessionId);
    const connected = new Promise<Socket>((resolve) => observed.httpServer.once('connection', resolve));
    const info = () => observed.supervisor.session(sessionId);
    return { ...observed, clock, headers, sessionId, connected, info };
  }

  test('under a GET stream: noticed at once', async () => {
    const { url, headers, sessionId, connected, ...observed } = await served();
    const stream = await openStream(url, { headers });
    (await withTimeout(connected, { what: 'the connection' })).destroy();
    await becomesIdle(observed, sessionId);
    expect(await withTimeout(stream.closed)).toBe(false);
    const next = await openStream(url, { headers });
    expect(next.status).toBe(200);
    next.destroy();
  });

  test('under a call that can be resumed: its session is held, and let go when it is answered', async () => {
    const options = { eventStore: createMemoryEventStore() };
    const { url, gates, headers, sessionId, connected, info, ...observed } = await served(options);
    const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }) });
    const { id: primed = '' } = await stream.next();
    (await withTimeout(connected, { what: 'the connection' })).destroy();
    await until(() => info()?.openStreams === 0, { what: 'the end to be noticed' });
    expect(info()).toMatchObject({ state: 'active', inFlight: 1 });
    gates.open('a');
    await becomesIdle(observed, sessionId);
    const resumed = await get(url, { ...headers, 'last-event-id': primed });
    expect(resumed.messages()).toMatchObject([{ id: 1, result: { content: [{ text: 'passed a' }] } }]);
  });
});
