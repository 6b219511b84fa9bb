/** Every way in which a session ends: its reason, one line in the log, one event, and the 404 afterwards. */
import { describe, expect, test } from 'vitest';
import type { EndReason } from '../../src/machines/reasons.ts';
import type { ServerFactory } from '../../src/options.ts';
import { Gates } from '../support/gates.ts';
import { type Served, type ServeOptions, serve } from '../support/serve.ts';
import { becomesIdle, endingsIn, expectGone, lifeOf } from '../support/sessionLife.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { buildTestServer } from '../support/testServer.ts';
import { until, withTimeout } from '../support/until.ts';
import { call, callBody, del, initialize, initializeBody, openStream, post } from '../support/wire.ts';

interface Ending {
  readonly options?: ServeOptions;
  readonly level?: 'info' | 'error';
  readonly error?: unknown;
  /** Ends the idle session. */
  end(served: Served, id: string, clock: SimulatedClock): Promise<unknown>;
}

const broken = new Error('broken as asked');

/** A server that breaks, or closes itself, when it is sent a method of that name. */
const moody =
  (gates = new Gates()): ServerFactory =>
  (session) => {
    const server = buildTestServer(session, gates);
    return {
      connect: async (transport) => {
        await server.connect(transport);
        const { onmessage } = transport;
        transport.onmessage = (message: { method: string }, extra: unknown) => {
          if (message.method === 'break') throw broken;
          if (message.method === 'close') void server.close();
          else onmessage(message, extra);
        };
      },
      close: () => server.close(),
    };
  };

const send = ({ url }: Served, id: string, method: string) =>
  post(url, { jsonrpc: '2.0', id: 1, method }, { 'mcp-session-id': id });

const ENDINGS = {
  idle: { end: (_, __, clock) => advance(clock, 60_000) },
  deleted: { end: ({ url }, id) => del(url, { 'mcp-session-id': id }) },
  evicted: { options: { maxSessions: 1 }, end: ({ url }) => initialize(url) },
  lifetime: { options: { maxSessionLifetime: 30_000 }, end: (_, __, clock) => advance(clock, 30_000) },
  crashed: {
    options: { server: moody() },
    level: 'error',
    error: broken,
    end: (served, id) => send(served, id, 'break'),
  },
  drained: { end: ({ supervisor }) => supervisor.drain() },
  terminated: { end: ({ supervisor }, id) => supervisor.terminate(id) },
  closed: { options: { server: moody() }, end: (served, id) => send(served, id, 'close') },
} satisfies Record<Exclude<EndReason, 'initializeTimeout' | 'unrestorable'>, Ending>;

test.each(Object.entries<Ending>(ENDINGS))(
  '%s: one line in the log, one event, 404',
  async (reason, { options, level = 'info', error, end }) => {
    const clock = new SimulatedClock();
    const served = await serve({ clock, sessionIdleTimeout: 60_000, ...options });
    const { url, events, log } = served;
    const { sessionId } = await initialize(url, { notify: false });
    await becomesIdle(served, sessionId);
    await end(served, sessionId, clock);
    await until(() => endingsIn(log, sessionId).length > 0, { what: 'a line in the log' });
    await expectGone(url, sessionId);
    const lines = endingsIn(log, sessionId);
    expect(lines).toEqual([
      {
        level,
        event: 'session.terminated',
        message: `Session ended: ${reason}`,
        sessionId,
        reason,
        ...(error !== undefined && { error }),
      },
    ]);
    const life = lifeOf(events, sessionId);
    expect(life.slice(0, 3)).toEqual(['opened', 'active', 'idle']);
    expect(life.filter((step) => step.startsWith('terminated'))).toEqual([`terminated: ${reason}`]);
    expect(life.at(-1)).toBe(`terminated: ${reason}`);
  },
);

describe('a session that ends before it is initialized was never opened; its end is told all the same', () => {
  test.each<Ending & { reason: EndReason; status: number }>([
    { reason: 'initializeTimeout', status: 504, end: (_, __, clock) => advance(clock, 5_000) },
    { reason: 'terminated', status: 503, end: ({ supervisor }, id) => supervisor.terminate(id) },
    { reason: 'drained', status: 503, end: ({ supervisor }) => supervisor.drain() },
  ])('$reason: $status', async ({ reason, status, end }) => {
    const clock = new SimulatedClock();
    const gates = new Gates();
    const served = await serve({
      clock,
      initializeTimeout: 5_000,
      server: async (session) => {
        await gates.pass('factory', session.signal, true);
        return buildTestServer(session);
      },
    });
    const opening = post(served.url, initializeBody());
    await gates.entered('factory');
    const [session] = [...served.supervisor.sessions()];
    expect(session).toMatchObject({ state: 'initializing', inFlight: 1, openStreams: 0 });
    await end(served, session?.id ?? '', clock);
    const response = await opening;
    expect(response.status).toBe(status);
    expect(response.headers).not.toHaveProperty('mcp-session-id');
    expect(endingsIn(served.log)).toMatchObject([{ sessionId: session?.id, reason }]);
    expect(served.events).toMatchObject([{ type: 'session.terminated', reason, session: { id: session?.id } }]);
    gates.open('factory');
  });
});

test('a crash is the matter of its session alone: its calls and streams end, all others go on', async () => {
  const gates = new Gates();
  const served = await serve({ server: moody(gates) });
  const { url, supervisor } = served;
  const crashing = await initialize(url);
  const neighbour = await initialize(url);
  const stream = await openStream(url, { headers: crashing.headers });
  const calls = [crashing, neighbour].map(({ headers }) => post(url, callBody('gate', { key: 'a' }, 7), headers));
  await gates.entered('a', 2);

  const broke = await send(served, crashing.sessionId, 'break');
  expect(broke.messages()).toMatchObject([{ id: 1, error: { code: -32000, message: 'Session ended: crashed' } }]);
  expect((await calls[0])?.messages()).toMatchObject([{ id: 7, error: { message: 'Session ended: crashed' } }]);
  expect(await withTimeout(stream.closed)).toBe(true);
  await gates.aborted('a', 1);
  await expectGone(url, crashing.sessionId);
  expect(endingsIn(served.log)).toMatchObject([{ level: 'error', reason: 'crashed', error: broken }]);

  gates.open('a');
  expect((await calls[1])?.messages()).toMatchObject([{ id: 7, result: {} }]);
  expect((await call(url, neighbour.sessionId, 'echo', { text: 'still here' }, 8)).status).toBe(200);
  expect([...supervisor.sessions()].map(({ id }) => id)).toEqual([neighbour.sessionId]);
  await initialize(url);
});
