/** Very many sessions come and go: what they leave behind is nothing. */
import type { EventEmitter } from 'node:events';
import { Agent, request } from 'node:http';
import type { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { heap, resources } from '../support/left.ts';
import { serve, supervise } from '../support/serve.ts';
import { buildTestServer } from '../support/testServer.ts';
import { TinyServer } from '../support/tinyServer.ts';
import { until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { callBody, initializeBody } from '../support/wire.ts';

const listenersOf = (emitter: EventEmitter): number =>
  emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const INITIALIZE = JSON.stringify(initializeBody());
const CALL = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
const IDLE = 1_000;

test('50 000 sessions: the heap stays flat, and no timer, no actor and no listener is left', {
  timeout: 120_000,
}, async () => {
  const SESSIONS = 50_000;
  const AT_ONCE = 500;
  const clock = new WatchedClock();
  const server = () => new TinyServer();
  const options = { clock, server, sessionIdleTimeout: IDLE, maxSessionLifetime: 1_000_000, logger: undefined };
  const { supervisor, events, log } = supervise(options);
  const ask = async (method: string, sessionId?: string, body?: string) => {
    const headers = sessionId === undefined ? HEADERS : { ...HEADERS, 'mcp-session-id': sessionId };
    const init = body === undefined ? { method, headers } : { method, headers, body };
    const response = await supervisor.fetch(new Request('http://localhost/mcp', init));
    await response.text();
    return response;
  };
  /** Opens some sessions, uses some of them, and ends all of them, in every way there is. */
  const round = async () => {
    const opened = await Promise.all(Array.from({ length: AT_ONCE }, () => ask('POST', undefined, INITIALIZE)));
    const ids = opened.map(({ headers }) => headers.get('mcp-session-id') ?? '');
    await Promise.all(
      ids.map(async (id, n) => {
        if (n % 5 === 0) await ask('POST', id, CALL);
        if (n % 5 === 1) await ask('DELETE', id);
        if (n % 5 === 2) await supervisor.terminate(id);
      }),
    );
    await until(() => [...supervisor.sessions()].every(({ state }) => state === 'idle'), { what: 'all to be idle' });
    clock.increment(IDLE);
    expect([...supervisor.sessions()]).toEqual([]);
    expect(events.filter(({ type }) => type === 'session.terminated')).toHaveLength(AT_ONCE);
    (events as unknown[]).length = 0;
    (log as unknown[]).length = 0;
  };

  const before = resources();
  const rounds = SESSIONS / AT_ONCE;
  const heaps: number[] = [];
  for (let n = 1; n <= rounds; n++) {
    await round();
    if (n % (rounds / 5) === 0) heaps.push(await heap());
  }
  const [, second = 0, third = 0, fourth = 0, last = 0] = heaps;
  // 30 000 sessions lie between the second and the last measure; 40 bytes each would be seen.
  expect(Math.min(fourth, last) - Math.min(second, third)).toBeLessThan(1_200_000);
  expect(clock.pending).toEqual([]);
  await until(() => resources().timers <= before.timers, { what: 'no timer to be left' });
  const { children } = supervisor.actor.getSnapshot();
  expect(Object.keys(children).length).toBeLessThanOrEqual(Math.ceil(AT_ONCE / 64));
  for (const partition of Object.values(children)) {
    expect(Object.keys(partition?.getSnapshot().children ?? {})).toEqual([]);
  }
});

test('over real sockets, with real servers: nothing is left either', { timeout: 60_000 }, async () => {
  const SESSIONS = 3_000;
  const AT_ONCE = 50;
  const before = resources();
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const { url, supervisor, httpServer, events, log, close } = await serve({
    server: (session) => buildTestServer(session),
  });
  const send = (method: string, sessionId?: string, body?: string) =>
    new Promise<string>((resolve, reject) => {
      const headers = sessionId === undefined ? HEADERS : { ...HEADERS, 'mcp-session-id': sessionId };
      const outgoing = request(url, { agent, method, headers }, (response) => {
        response.on('end', () => resolve(String(response.headers['mcp-session-id']))).resume();
      });
      outgoing.on('error', reject).end(body);
    });
  const echo = JSON.stringify(callBody('echo', { text: 'hi' }));
  const life = async () => {
    const id = await send('POST', undefined, INITIALIZE);
    await send('POST', id, echo);
    await send('DELETE', id);
  };
  const sockets = new Set<Socket>();
  httpServer.on('connection', (socket: Socket) => sockets.add(socket));
  const listeners = () => Math.max(...Array.from(sockets, listenersOf));
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  let listening = 0;
  const heaps: number[] = [];
  for (let part = 0; part < 5; part++) {
    for (let n = 0; n < SESSIONS / 5; n += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, life));
    expect([...supervisor.sessions()]).toEqual([]);
    expect(events.filter(({ reason }) => reason === 'deleted')).toHaveLength(SESSIONS / 5);
    (events as unknown[]).length = 0;
    (log as unknown[]).length = 0;
    heaps.push(await heap());
    listening ||= listeners();
  }
  const [, second = 0, third = 0, fourth = 0, last = 0] = heaps;
  expect(Math.min(fourth, last) - Math.min(second, third)).toBeLessThan(1_200_000);
  // The same connections have carried it all.
  expect(sockets.size).toBeLessThanOrEqual(AT_ONCE);
  expect(listeners()).toBeLessThanOrEqual(listening);
  expect(warnings).toEqual([]);
  agent.destroy();
  const connections = () => new Promise<number>((resolve) => httpServer.getConnections((_, count) => resolve(count)));
  await until(async () => (await connections()) === 0, { what: 'no connection to be left' });
  await close();
  await until(() => resources().sockets <= before.sockets && resources().timers <= before.timers, {
    what: 'no socket and no timer to be left',
  });
});
