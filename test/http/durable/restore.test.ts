/** A session that another incarnation is made of: what its client, its server and its embedder notice of that. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore } from '../../../src/index.ts';
import { Door } from '../../support/controlledStore.ts';
import { lifeOf } from '../../support/sessionLife.ts';
import { advance } from '../../support/simulatedClock.ts';
import { turns, until } from '../../support/until.ts';
import {
  call,
  calling,
  initializing,
  listen,
  open,
  type Process,
  park,
  ping,
  post,
  rests,
  START,
  start,
  startTwo,
} from './life.ts';

describe('in another process', () => {
  test('it goes on, with its state and what its client said', async () => {
    const { first, next } = startTwo();
    const clientInfo = { name: 'editor', version: '3', title: 'The Editor' };
    const id = await open(first, { 'x-user': 'ada' }, { clientInfo });
    expect(await call(first, id, 'count', {}, { 'x-user': 'ada' })).toBe('1');
    const second = next();
    expect(await call(second, id, 'count', {}, { 'x-user': 'ada' })).toBe('2');
    expect(await call(second, id, 'who', {}, { 'x-user': 'ada' })).toBe(`${id} 2 true ada`);
    expect(second.supervisor.session(id)).toMatchObject({ epoch: 2, createdAt: START, principal: 'ada' });
    expect(second.supervisor.session(id)).toMatchObject({ clientInfo, protocolVersion: '2025-11-25' });
    expect(second.built.map((session) => ({ ...session, restored: session.restored }))).toMatchObject([
      { id, principal: 'ada', clientInfo, protocolVersion: '2025-11-25', restored: true },
    ]);
  });

  test('its events: restored, active, idle; never opened', async () => {
    const { first, next } = startTwo();
    const id = await open(first);
    const second = next();
    await ping(second, id);
    await rests(second, id);
    expect(lifeOf(second.events)).toEqual(['restored', 'active', 'idle']);
    expect(second.supervisor.stats()).toMatchObject({ opened: 0, restored: 1, sessions: { idle: 1, restoring: 0 } });
  });

  test('the incarnation that is left behind is fenced at its next write, and lets go without an answer of its own', async () => {
    const { first, next } = startTwo();
    const id = await open(first);
    const second = next();
    expect(await call(second, id, 'count')).toBe('1');
    const late = await post(first, calling('count'), id);
    expect([late.status, late.message?.error?.code]).toEqual([200, -32000]);
    expect(lifeOf(first.events).at(-1)).toBe('parked');
    expect(first.supervisor.session(id)).toBeUndefined();
    expect(await call(second, id, 'count')).toBe('2');
  });

  test.each([
    ['was not told that its client is initialized', false],
    ['was told that its client is initialized', true],
  ])('a server is told again what the one before %s', async (_, isInitialized) => {
    const told: number[] = [];
    const { first, next } = startTwo({
      server: ({ epoch = 0 }, build) => {
        const server = build();
        server.server.oninitialized = () => void told.push(epoch);
        return server;
      },
    });
    const id = (await post(first, initializing())).headers.get('mcp-session-id') as string;
    const notify = (process: Process) => post(process, { method: 'notifications/initialized' }, id);
    if (isInitialized) await notify(first);
    const second = next();
    expect((await ping(second, id)).status).toBe(200);
    expect(told).toEqual(isInitialized ? [1, 2] : []);
    if (!isInitialized) await notify(second);
    expect((await ping(next(), id)).status).toBe(200);
    expect(told).toEqual(isInitialized ? [1, 2, 3] : [2, 3]);
  });

  test('the log level and the subscriptions are as they were', async () => {
    const { first, next } = startTwo();
    const id = await open(first);
    await post(first, { id: 1, method: 'logging/setLevel', params: { level: 'error' } }, id);
    for (const uri of ['a:', 'b:', 'c:'])
      await post(first, { id: 2, method: 'resources/subscribe', params: { uri } }, id);
    await post(first, { id: 3, method: 'resources/unsubscribe', params: { uri: 'b:' } }, id);
    const second = next();
    const stream = await listen(second, id);
    expect(second.subscribed).toEqual(['a:', 'c:']);
    await call(second, id, 'log', { level: 'debug' });
    await call(second, id, 'log', { level: 'error' });
    expect(await stream.next()).toMatchObject({ params: { level: 'error' } });
    expect(stream.messages).toEqual([]);
    await stream.cancel();
  });

  test('what its server refuses to a client is not tried again', async () => {
    const { first, next } = startTwo();
    const id = await open(first);
    const { message } = await post(first, { id: 1, method: 'logging/setLevel', params: { level: 'loud' } }, id);
    expect(message?.error).toBeDefined();
    const second = next();
    expect((await ping(second, id)).status).toBe(200);
    expect(second.log.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  test('its history goes on where it was parked', async () => {
    const sessionStore = createMemorySessionStore();
    const first = start(sessionStore, { parkAfter: 1_000 });
    const id = await open(first);
    await park(first, id, 1_000);
    const second = start(sessionStore, { at: START + 5_000 });
    await ping(second, id);
    await rests(second, id);
    const { history } = second.supervisor.session(id) as { history: readonly { at: number; event: string }[] };
    expect(history.map(({ at, event }) => `${event} ${at - START}`)).toEqual([
      ...['opened 0', 'active 0', 'idle 0', 'active 0', 'idle 0', 'parked 1000'],
      ...['restored 5000', 'active 5000', 'request 5000', 'response 5000', 'idle 5000'],
    ]);
  });

  test('two sessions of one process come back each as itself', async () => {
    const { first, next } = startTwo();
    const [a, b] = [await open(first), await open(first)];
    await call(first, a, 'count');
    const second = next();
    expect([await call(second, a, 'count'), await call(second, b, 'count')]).toEqual(['2', '1']);
  });

  test('the headers and the URL that the factory sees are those of the request that woke it', async () => {
    const { first, next } = startTwo();
    const id = await open(first, { 'x-trace': 'first' });
    const second = next();
    await ping(second, id, { 'x-trace': 'second' });
    expect(second.built.map(({ headers }) => headers['x-trace'])).toEqual(['second']);
  });
});

describe('many requests for one parked session', () => {
  test('of the same turn: one factory call, all answered, in order', async () => {
    const { first, next } = startTwo();
    const id = await open(first);
    const second = next();
    const texts = await Promise.all([1, 2, 3].map(() => call(second, id, 'count')));
    expect(texts).toEqual(['1', '2', '3']);
    expect(second.built).toHaveLength(1);
    expect(second.supervisor.session(id)?.epoch).toBe(2);
  });

  test('that come while its server is built: they wait for that one', async () => {
    const { first, sessionStore } = startTwo();
    const id = await open(first);
    const door = new Door();
    const second = start(sessionStore, { server: (_, build) => door.pass().then(build) });
    const early = call(second, id, 'count');
    await until(() => second.built.length === 1);
    expect(second.supervisor.session(id)?.state).toBe('restoring');
    const late = call(second, id, 'count');
    await turns(5);
    door.open();
    expect([await early, await late, second.built.length]).toEqual(['1', '2', 1]);
  });

  test('in two processes: one gets it first, the other takes it over, and one epoch is never given twice', async () => {
    const { sessionStore, first, next } = startTwo();
    const id = await open(first);
    const processes = [next(), next()];
    const answers = await Promise.all(processes.map((process) => ping(process, id)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(processes.flatMap(({ built }) => built.map(({ epoch }) => epoch)).sort()).toEqual([2, 3]);
    expect(await sessionStore.load(id)).toMatchObject({ record: { epoch: 3 } });
  });
});

test('record(id) tells of a parked session, of a live one, and of nothing else', async () => {
  const sessionStore = createMemorySessionStore();
  const process = start(sessionStore, { parkAfter: 1_000 });
  const id = await open(process, { 'x-user': 'ada' });
  expect(await process.supervisor.record(id)).toEqual(process.supervisor.session(id));
  await park(process, id, 1_000);
  expect(process.supervisor.session(id)).toBeUndefined();
  expect(await process.supervisor.record(id)).toMatchObject({
    id,
    state: 'parked',
    inFlight: 0,
    epoch: 1,
    createdAt: START,
    lastActiveAt: START,
    principal: 'ada',
    clientInfo: { name: 'test', version: '1' },
    protocolVersion: '2025-11-25',
  });
  expect(await process.supervisor.record('unknown')).toBeUndefined();
  await advance(process.clock, 1_800_000);
  expect(await process.supervisor.record(id)).toBeUndefined();
});
