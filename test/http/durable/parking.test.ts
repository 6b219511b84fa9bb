/** Sessions that are parked: when, when not, for whom, and what is left of them. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore } from '../../../src/index.ts';
import { controlledSessionStore } from '../../support/controlledSessionStore.ts';
import { ControlledStore } from '../../support/controlledStore.ts';
import { lifeOf } from '../../support/sessionLife.ts';
import { advance } from '../../support/simulatedClock.ts';
import { until, withTimeout } from '../../support/until.ts';
import { call, calling, initializing, listen, open, park, ping, post, rests, start } from './life.ts';

const PARK = 1_000;
const parking = (more: Parameters<typeof start>[1] = {}, store = createMemorySessionStore()) =>
  start(store, { parkAfter: PARK, sessionIdleTimeout: 100_000, ...more });

describe('parkAfter', () => {
  test('parks a session that is idle for so long: its server is closed, its record stays', async () => {
    const cleaned: unknown[] = [];
    const signals: AbortSignal[] = [];
    const process = parking({
      server: ({ signal }, build) => {
        signals.push(signal);
        return { server: build(), cleanup: (...given: unknown[]) => void cleaned.push(given) };
      },
    });
    const id = await open(process);
    await advance(process.clock, PARK - 1);
    expect(process.supervisor.session(id)?.state).toBe('idle');
    await advance(process.clock, 1);
    expect(process.supervisor.session(id)).toBeUndefined();
    await until(() => cleaned.length === 1);
    expect([cleaned, signals[0]?.aborted]).toEqual([[[id, { parked: true }]], true]);
    expect(lifeOf(process.events).slice(-2)).toEqual(['idle', 'parked']);
    expect(process.events.at(-1)?.session).toMatchObject({ id, state: 'parked', inFlight: 0 });
    expect(process.supervisor.stats()).toMatchObject({
      sessions: { idle: 0, parked: 1 },
      ended: {},
      servers: { closing: 0 },
    });
  });

  test('a request brings it back, to the same life: restored, active, idle, parked, terminated', async () => {
    const process = parking();
    const id = await open(process);
    await park(process, id, PARK);
    expect(await call(process, id, 'count')).toBe('1');
    await rests(process, id);
    expect(process.supervisor.stats()).toMatchObject({ restored: 1, sessions: { idle: 1, parked: 0 } });
    await park(process, id, PARK);
    await process.supervisor.terminate(id);
    expect(lifeOf(process.events)).toEqual([
      ...['opened', 'active', 'idle', 'active', 'idle', 'parked'],
      ...['restored', 'active', 'idle', 'parked', 'terminated: terminated'],
    ]);
    expect(process.supervisor.stats().sessions).toMatchObject({ parked: 0 });
  });

  test('not while a handler runs that nobody waits for; then at once', async () => {
    const process = parking({ enableJsonResponse: false });
    const id = await open(process);
    const left = new AbortController();
    const body = JSON.stringify({ jsonrpc: '2.0', ...calling('gate', { key: 'a' }) });
    const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
    const request = new Request('http://localhost/mcp', {
      method: 'POST',
      headers: { ...headers, 'mcp-session-id': id },
      body,
      signal: left.signal,
    });
    const response = await process.supervisor.fetch(request);
    await process.gates.entered('a');
    left.abort();
    await response.body?.cancel().catch(() => {});
    await rests(process, id);
    await advance(process.clock, 10 * PARK);
    expect(process.supervisor.session(id)?.state).toBe('idle');
    process.gates.open('a');
    await until(() => process.supervisor.session(id) === undefined);
    expect(lifeOf(process.events).at(-1)).toBe('parked');
  });

  test('not while a question to the client is open; when it was taken back, at once', async () => {
    const taken = new AbortController();
    const process = parking({ eventStore: new ControlledStore() });
    const id = await open(process);
    const stream = await listen(process, id);
    const server = process.supervisor.server(id) as unknown as {
      server: { listRoots(params: object, options: object): Promise<unknown> };
    };
    const asked = server.server.listRoots({}, { signal: taken.signal, timeout: 2 ** 30 }).catch(() => {});
    expect(await stream.next()).toMatchObject({ method: 'roots/list' });
    await stream.cancel();
    await rests(process, id);
    await advance(process.clock, 10 * PARK);
    expect(process.supervisor.session(id)?.state).toBe('idle');
    taken.abort();
    await asked;
    await until(() => process.supervisor.session(id) === undefined);
    expect(lifeOf(process.events).at(-1)).toBe('parked');
  });

  test('not under an open GET stream, nor under a call', async () => {
    const process = parking({ enableJsonResponse: false });
    const id = await open(process);
    const stream = await listen(process, id);
    await advance(process.clock, 10 * PARK);
    expect(process.supervisor.session(id)?.state).toBe('active');
    await stream.cancel();
    await rests(process, id);
    const called = call(process, id, 'gate', { key: 'a' });
    await process.gates.entered('a');
    await advance(process.clock, 10 * PARK);
    expect(process.supervisor.session(id)?.state).toBe('active');
    process.gates.open('a');
    expect(await called).toBe('passed a');
  });

  test('a call in the turn in which it is parked finds it again', async () => {
    const process = parking();
    const id = await open(process);
    process.clock.increment(PARK);
    expect(await call(process, id, 'who')).toContain(' 2 true ');
  });

  test('a server that hangs when it is closed: who asks for the session waits shutdownTimeout, and gets the next', async () => {
    const process = parking({
      shutdownTimeout: 500,
      server: ({ restored }, build) => {
        const server = build();
        if (!restored) server.close = () => new Promise(() => {});
        return server;
      },
    });
    const id = await open(process);
    await park(process, id, PARK);
    const called = call(process, id, 'count');
    await advance(process.clock, 500);
    expect(await called).toBe('1');
  });
});

describe('maxSessions', () => {
  test('evict-idle parks: nothing is lost', async () => {
    const process = start(createMemorySessionStore(), { maxSessions: 2 });
    const ids = [await open(process), await open(process), await open(process)];
    expect(process.supervisor.session(ids[0] as string)).toBeUndefined();
    expect(process.supervisor.stats()).toMatchObject({ sessions: { idle: 2, parked: 1 }, ended: {} });
    for (const id of ids) {
      expect(await call(process, id, 'count')).toBe('1');
      await rests(process, id);
    }
    expect(lifeOf(process.events).filter((line) => line.startsWith('terminated'))).toEqual([]);
  });

  test('reject: a restore finds no room, 503, and the session stays', async () => {
    const sessionStore = createMemorySessionStore();
    const id = await open(start(sessionStore));
    const process = start(sessionStore, { maxSessions: 1, whenFull: 'reject' });
    const other = await open(process);
    const refused = await ping(process, id);
    expect([refused.status, refused.text]).toEqual([503, expect.stringContaining('too many sessions')]);
    await process.supervisor.terminate(other);
    expect((await ping(process, id)).status).toBe(200);
  });

  test('an abandoned call keeps a session from being parked, and one that can only end from nothing', async () => {
    for (const [store, status] of [
      [undefined, 200],
      [createMemorySessionStore(), 503],
    ] as const) {
      const process = start(store, { maxSessions: 1, enableJsonResponse: false });
      const id = await open(process);
      const stream = await process.supervisor.fetch(
        new Request('http://localhost/mcp', {
          method: 'POST',
          headers: {
            accept: 'application/json, text/event-stream',
            'content-type': 'application/json',
            'mcp-session-id': id,
          },
          body: JSON.stringify({ jsonrpc: '2.0', ...calling('gate', { key: 'a' }) }),
        }),
      );
      await process.gates.entered('a');
      await stream.body?.cancel();
      await rests(process, id);
      expect((await post(process, initializing())).status).toBe(status);
    }
  });
});

describe('maxParkedSessions', () => {
  test('the longest parked one ends as evicted, and is told', async () => {
    const forgotten: string[] = [];
    const eventStore = Object.assign(new ControlledStore(), {
      forget: (prefix: string) => void forgotten.push(prefix),
    });
    const process = parking({ maxParkedSessions: 2, eventStore });
    const ids: string[] = [];
    for (let n = 0; n < 4; n++) {
      ids.push(await open(process));
      await park(process, ids[n] as string, PARK);
    }
    const ends = process.events.filter(({ type }) => type === 'session.terminated');
    expect(ends.map(({ session, reason }) => [session.id, reason])).toEqual([
      [ids[0], 'evicted'],
      [ids[1], 'evicted'],
    ]);
    expect(ends[0]?.session.history.map(({ event }) => event).slice(-2)).toEqual(['parked', 'terminated']);
    expect(process.supervisor.stats()).toMatchObject({ sessions: { parked: 2 }, ended: { evicted: 2 } });
    expect(forgotten).toHaveLength(2);
    expect((await ping(process, ids[0] as string)).status).toBe(404);
    expect((await ping(process, ids[3] as string)).status).toBe(200);
  });
});

describe('a drain', () => {
  test('into a durable store parks: the next process goes on, and a call in flight is answered first', async () => {
    const sessionStore = controlledSessionStore({ durable: true });
    const process = start(sessionStore);
    const [idle, busy] = [await open(process), await open(process)];
    const called = call(process, busy, 'gate', { key: 'a' });
    await process.gates.entered('a');
    const drained = process.supervisor.drain();
    await until(() => process.supervisor.session(idle) === undefined);
    expect((await ping(process, idle)).status).toBe(503);
    expect(process.supervisor.session(busy)?.state).toBe('active');
    process.gates.open('a');
    expect(await called).toBe('passed a');
    await withTimeout(drained);
    expect(lifeOf(process.events, idle).at(-1)).toBe('parked');
    expect(lifeOf(process.events, busy).at(-1)).toBe('parked');
    const next = start(sessionStore);
    for (const id of [idle, busy]) expect((await ping(next, id)).status).toBe(200);
    expect(await sessionStore.count()).toEqual({ sessions: 2, parked: 0 });
  });

  test('whose time is up answers calls with an error, and parks', async () => {
    const sessionStore = controlledSessionStore({ durable: true });
    const process = start(sessionStore, { shutdownTimeout: 1_000 });
    const id = await open(process);
    const called = post(process, calling('gate', { key: 'a' }, 9), id);
    await process.gates.entered('a');
    const drained = process.supervisor.drain();
    await advance(process.clock, 1_000);
    expect((await called).message).toMatchObject({ id: 9, error: { code: -32000 } });
    await withTimeout(drained);
    expect(lifeOf(process.events).at(-1)).toBe('parked');
    expect(await call(start(sessionStore), id, 'count')).toBe('1');
  });

  test('with a store that is not durable ends sessions as drained', async () => {
    const sessionStore = controlledSessionStore();
    const process = start(sessionStore);
    const id = await open(process);
    await withTimeout(process.supervisor.drain());
    expect(lifeOf(process.events, id).at(-1)).toBe('terminated: drained');
    expect(await sessionStore.load(id)).toEqual({ verdict: 'gone' });
  });

  test('while a session is brought back: 503, and it can be brought back by the next process', async () => {
    const sessionStore = controlledSessionStore({ durable: true });
    const id = await open(start(sessionStore));
    const process = start(sessionStore, { server: () => new Promise(() => {}) });
    const pinged = ping(process, id);
    await until(() => process.built.length === 1);
    const drained = process.supervisor.drain({ timeout: 0 });
    expect((await pinged).status).toBe(503);
    await withTimeout(drained);
    expect((await ping(start(sessionStore), id)).status).toBe(200);
  });

  test('over a store that fails: it ends all the same, and the records stay', async () => {
    const sessionStore = controlledSessionStore({ durable: true });
    const process = start(sessionStore);
    const id = await open(process);
    sessionStore.before.park = () => Promise.reject(new Error('full'));
    const drained = process.supervisor.drain();
    await until(() => sessionStore.calls.park > 0);
    await advance(process.clock, 1_000, 500);
    await withTimeout(drained);
    expect(process.log.filter(({ event }) => event === 'sessionStore.failed')).toHaveLength(1);
    expect((await ping(start(sessionStore), id)).status).toBe(200);
  });
});
