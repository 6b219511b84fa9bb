/** Servers that are built for a session that is brought back: what they may do, and what comes of those that can't. */

import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server';
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore, SupervisorError } from '../../../src/index.ts';
import { ControlledStore, Door, never } from '../../support/controlledStore.ts';
import { lifeOf } from '../../support/sessionLife.ts';
import { advance } from '../../support/simulatedClock.ts';
import { turns, until } from '../../support/until.ts';
import { call, calling, expectGone, listen, open, type ProcessOptions, ping, post, rests, start } from './life.ts';

/** A session that a process has left behind, and the next process. */
async function leftBehind(options: ProcessOptions, before: ProcessOptions = {}) {
  const sessionStore = createMemorySessionStore();
  const id = await open(start(sessionStore, { eventStore: options.eventStore, ...before }));
  return { id, sessionStore, process: start(sessionStore, options) };
}

describe('a factory that', () => {
  test('fails once: it is called again, and the request is answered', async () => {
    let failures = 0;
    const { id, process } = await leftBehind({
      server: (_, build) => {
        if (failures++ === 0) throw new Error('not yet');
        return build();
      },
    });
    expect(await call(process, id, 'count')).toBe('1');
    await rests(process, id);
    expect(lifeOf(process.events)).toEqual(['restored', 'active', 'idle']);
    expect(process.supervisor.stats()).toMatchObject({ restored: 1, sessions: { idle: 1, parked: 0, restoring: 0 } });
    expect(process.built.map(({ epoch }) => epoch)).toEqual([2, 3]);
  });

  test('fails always: 503, the session stays, and the next request tries again', async () => {
    let works = false;
    const { id, process, sessionStore } = await leftBehind({
      server: async (_, build) => {
        if (!works) throw new Error('never');
        return build();
      },
    });
    const refused = await post(process, calling('count', {}, 7), id);
    expect([refused.status, refused.headers.get('retry-after'), refused.message?.id]).toEqual([503, '5', 7]);
    expect(process.built).toHaveLength(2);
    expect(lifeOf(process.events)).toEqual([]);
    expect(process.log.filter(({ event }) => event === 'session.dropped')).toHaveLength(2);
    expect(await sessionStore.load(id)).toMatchObject({ verdict: 'found' });
    expect(process.supervisor.stats()).toMatchObject({ restored: 0, sessions: { restoring: 0, parked: 1 } });
    works = true;
    expect(await call(process, id, 'count')).toBe('1');
  });

  test('hangs: a request waits restoreTimeout; the restore goes on, and those who come later join it', async () => {
    const door = new Door();
    const { id, process } = await leftBehind({
      restoreTimeout: 2_000,
      server: (_, build) => door.pass().then(build),
    });
    const early = ping(process, id);
    await until(() => process.built.length === 1);
    await advance(process.clock, 1_999);
    const late = ping(process, id);
    await turns(5);
    await advance(process.clock, 1);
    const { status, headers, text } = await early;
    expect([status, headers.get('retry-after')]).toEqual([503, '5']);
    expect(text).toContain('which takes long');
    door.open();
    expect((await late).status).toBe(200);
    expect(process.built).toHaveLength(1);
  });

  test('hangs for ever: given up after initializeTimeout, twice; the session stays', async () => {
    const { id, process, sessionStore } = await leftBehind({ initializeTimeout: 1_000, server: never });
    const pinged = ping(process, id);
    await until(() => process.built.length === 1);
    await advance(process.clock, 1_000);
    await until(() => process.built.length === 2);
    await advance(process.clock, 1_000);
    expect((await pinged).status).toBe(503);
    expect(await sessionStore.load(id)).toMatchObject({ verdict: 'found' });
    expect(process.supervisor.stats().sessions).toMatchObject({ restoring: 0, active: 0 });
    expect((await ping(start(sessionStore), id)).status).toBe(200);
  });

  test.each([
    ['throws', () => Promise.reject(new SupervisorError('NOT_RESTORABLE', 'its browser is gone'))],
    [
      'throws at once',
      () => {
        throw new SupervisorError('NOT_RESTORABLE', 'its browser is gone');
      },
    ],
  ])('%s NOT_RESTORABLE: 404, and the session has ended', async (_, server) => {
    const { id, process, sessionStore } = await leftBehind({ server });
    expect((await ping(process, id)).status).toBe(404);
    expect(process.built).toHaveLength(1);
    expect(lifeOf(process.events)).toEqual(['terminated: unrestorable']);
    expect(process.supervisor.stats()).toMatchObject({ ended: { unrestorable: 1 } });
    // Whoever looks for the reason finds it without asking for more than warnings.
    const told = process.log.filter(({ event }) => event === 'session.terminated');
    expect(told).toMatchObject([{ level: 'warn', error: { message: 'its browser is gone' } }]);
    await expectGone(process, id);
    expect(await sessionStore.load(id)).toEqual({ verdict: 'gone' });
  });

  test('throws NOT_RESTORABLE for a session that is opened: it fails as any other', async () => {
    const process = start(createMemorySessionStore(), {
      server: () => Promise.reject(new SupervisorError('NOT_RESTORABLE', 'no')),
    });
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } };
    expect((await post(process, { id: 1, method: 'initialize', params })).status).toBe(500);
  });

  test('returns no server: 503', async () => {
    const { id, process } = await leftBehind({ server: () => ({}) as never });
    expect((await ping(process, id)).status).toBe(503);
  });

  test('has the session ended: 404', async () => {
    const { id, process } = await leftBehind({
      server: (session, build) => {
        void process.supervisor.terminate(session.id as string);
        return build();
      },
    });
    expect((await ping(process, id)).status).toBe(404);
    await expectGone(process, id);
  });
});

describe('a server that', () => {
  const serverWith = (capabilities: object) => () =>
    new Server({ name: 'other', version: '1' }, { capabilities: capabilities as never });

  test.each([
    ['has no tools any more', { tools: {} }, {}, 404],
    ['tells no more of changed tools', { tools: { listChanged: true } }, { tools: {} }, 404],
    ['tells of changed tools now', { tools: {} }, { tools: { listChanged: true } }, 200],
    ['has more', { tools: {} }, { tools: {}, resources: {}, logging: {} }, 200],
    [
      'has the same',
      { tools: {}, experimental: { x: { y: true } } },
      { tools: {}, experimental: { x: { y: true } } },
      200,
    ],
  ])('%s: %j → %j', async (_, told, now, status) => {
    const { id, process } = await leftBehind({ server: serverWith(now) }, { server: serverWith(told) });
    expect((await ping(process, id)).status).toBe(status);
    expect(lifeOf(process.events).includes('terminated: unrestorable')).toBe(status === 404);
  });

  test('negotiates another version: 404, so that its client asks anew', async () => {
    const { id, process } = await leftBehind({
      server: (_, build) => {
        const built = build();
        const wrapped = built.server as unknown as { _oninitialize: (request: never) => Promise<object> };
        const original = wrapped._oninitialize.bind(wrapped);
        wrapped._oninitialize = async (request) => ({ ...(await original(request)), protocolVersion: '2025-03-26' });
        return built;
      },
    });
    expect((await ping(process, id)).status).toBe(404);
    expect(lifeOf(process.events)).toEqual(['terminated: unrestorable']);
  });

  test('refuses a subscription that it granted before: it is told of, and the session goes on', async () => {
    const sessionStore = createMemorySessionStore();
    const first = start(sessionStore);
    const id = await open(first);
    await post(first, { id: 1, method: 'resources/subscribe', params: { uri: 'a:' } }, id);
    const process = start(sessionStore, {
      server: (_, build) => {
        const built = build();
        built.server.removeRequestHandler('resources/subscribe');
        return built;
      },
    });
    expect((await ping(process, id)).status).toBe(200);
    expect(process.log.filter(({ event }) => event === 'session.restoredInPart')).toHaveLength(1);
  });

  test('crashes while it is put back: 503, and no crash of the session', async () => {
    const { id, process, sessionStore } = await leftBehind({
      server: (_, build) => {
        const built = build();
        built.server.connect = () => Promise.reject(new Error('no connection'));
        return built;
      },
    });
    expect((await ping(process, id)).status).toBe(503);
    expect(await sessionStore.load(id)).toMatchObject({ verdict: 'found' });
  });
});

describe('oninitialized that', () => {
  const withHook = (hook: (server: McpServer) => unknown): ProcessOptions => ({
    eventStore: new ControlledStore(),
    server: ({ restored }, build) => {
      const server = build();
      if (restored) server.server.oninitialized = () => hook(server) as never;
      return server;
    },
  });

  test('logs: nobody hears of it, nor does the event store', async () => {
    const eventStore = new ControlledStore();
    const options = withHook((server) => server.server.sendLoggingMessage({ level: 'error', data: 'hello' }));
    const { id, process } = await leftBehind({ ...options, eventStore });
    const before = eventStore.events.length;
    const stream = await listen(process, id);
    expect(await call(process, id, 'count')).toBe('1');
    expect(stream.messages).toEqual([]);
    const stored = eventStore.events.slice(before).map(({ json }) => json);
    expect(stored.filter((json) => json.includes('hello') || json.includes('protocolVersion'))).toEqual([]);
    await stream.cancel();
  });

  test('asks for roots: the question waits for the GET stream, and its answer reaches it', async () => {
    const roots: unknown[] = [];
    const { id, process } = await leftBehind(
      withHook(async ({ server }) => roots.push(await server.listRoots())),
      {},
    );
    expect((await ping(process, id)).status).toBe(200);
    const stream = await listen(process, id);
    const asked = await stream.next();
    expect(asked).toMatchObject({ method: 'roots/list', id: expect.stringMatching(/^2\./) });
    expect((await post(process, { id: asked.id, result: { roots: [] } }, id)).status).toBe(202);
    await until(() => roots.length === 1);
    await stream.cancel();
  });

  test('asks for roots, and no GET stream comes within 2 s: the question is rejected', async () => {
    const errors: unknown[] = [];
    const { id, process } = await leftBehind(
      withHook(({ server }) => server.listRoots().catch((error: unknown) => errors.push(error))),
    );
    expect((await ping(process, id)).status).toBe(200);
    await advance(process.clock, 1_999);
    expect(errors).toEqual([]);
    await advance(process.clock, 1);
    await until(() => errors.length === 1);
    expect(errors).toMatchObject([{ code: 'NO_STREAM' }]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['never resolves', never],
  ])('%s: the session goes on', async (_, hook) => {
    const { id, process } = await leftBehind(withHook(hook));
    expect(await call(process, id, 'count')).toBe('1');
    expect(process.supervisor.session(id)).toMatchObject({ epoch: 2 });
  });
});

test('a server of SDK v2 goes on with its log level and its state', async () => {
  const levels: unknown[] = [];
  const options: ProcessOptions = {
    server: ({ state, serverOptions }) => {
      const server = new McpServerV2({ name: 'v2', version: '2' }, { ...serverOptions, capabilities: { logging: {} } });
      server.registerTool('count', {}, async (context) => {
        const count = Number(state?.get('count') ?? 0) + 1;
        state?.set('count', count);
        await context.mcpReq.log('info', 'lost');
        await context.mcpReq.log('error', 'heard');
        return { content: [{ type: 'text', text: `${count}` }] };
      });
      return server as never;
    },
    enableJsonResponse: false,
  };
  const { id, process: first, sessionStore } = await leftBehind(options, options);
  expect(await call(first, id, 'count')).toBe('1');
  await post(first, { id: 1, method: 'logging/setLevel', params: { level: 'error' } }, id);
  const second = start(sessionStore, options);
  const answered = await post(second, calling('count'), id);
  levels.push(answered.text.includes('heard'), answered.text.includes('lost'));
  expect(answered.message?.result?.content[0].text).toBe('2');
  expect(levels).toEqual([true, false]);
});
