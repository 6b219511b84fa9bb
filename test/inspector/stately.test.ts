/** Stately's inspector, for which its own receiver stands here: what it is told is what it understands, and no more. */
import { createInspector, createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createMemorySessionStore } from '../../src/index.ts';
import { createInspection, type Inspector } from '../../src/inspector/index.ts';
import { Relay } from '../../src/inspector/inspection.ts';
import { Viewer } from '../../src/inspector/viewer.ts';
import { Gates } from '../support/gates.ts';
import { serve, supervise } from '../support/serve.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { buildTestServer } from '../support/testServer.ts';
import { until } from '../support/until.ts';
import { call, callBody, initialize, post } from '../support/wire.ts';
import { inspect, MANY, openMany, serveInspected, useOnce } from './inspect.ts';
import { StuckSocket } from './stuckSocket.ts';

type Actor = Extract<StatelyInspectionEvent, { type: '@xstate.actor' }>;

/** Everything that a receiver was told. */
class Received {
  readonly events: StatelyInspectionEvent[] = [];

  constructor({ port, token }: Inspector, query = '') {
    const server = `ws://127.0.0.1:${port}/stately?token=${token}${query}`;
    createWebSocketReceiver({ server }).subscribe((event) => this.events.push(event));
  }

  actors(machine = 'session'): Actor[] {
    return this.events.filter(
      (event): event is Actor =>
        event.type === '@xstate.actor' && (JSON.parse(event.definition ?? '{}') as { id?: string }).id === machine,
    );
  }

  /** What was told of one actor, in order. */
  of({ sessionId }: Actor): string[] {
    return this.events
      .filter((event) => event.sessionId === sessionId && event.type !== '@xstate.actor')
      .map((event) => {
        if (event.type === '@xstate.event') return event.event.type;
        const { value } = (event as unknown as { snapshot: { value: string } }).snapshot;
        return `→ ${value}`;
      });
  }
}

const life = ['REQUEST', '→ active', 'RESPONSE', '→ idle'];

describe('a viewer', () => {
  test('who comes late is told every actor, with its definition and its state', async () => {
    const { inspector, url, supervisor } = await serveInspected();
    const { sessionId } = await initialize(url);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    const received = new Received(inspector);
    await until(() => received.actors().length === 1);
    const [root, partition, session] = received.events as Actor[];
    expect([root?.name, partition?.name]).toEqual(['supervisor', 'partition 0']);
    expect([root?.parentId, partition?.parentId, session?.parentId]).toEqual([
      undefined,
      root?.sessionId,
      partition?.sessionId,
    ]);
    expect(new Set(received.events.map(({ rootId }) => rootId))).toEqual(new Set([root?.sessionId]));
    expect(session).toMatchObject({ _version: '0.7.2', id: null, createdAt: expect.stringMatching(/^\d+$/) });
    expect(session?.snapshot).toMatchObject({ status: 'active', value: 'idle', context: { inFlight: 0 } });
    const definition = JSON.parse(session?.definition ?? '') as { states: object };
    expect(Object.keys(definition.states)).toEqual([
      'initializing',
      'restoring',
      'active',
      'idle',
      'parked',
      'terminated',
    ]);
  });

  test('is told what happens to a session, to its end, and of one that is new', async () => {
    const { inspector, url, supervisor } = await serveInspected();
    const first = await initialize(url);
    await until(() => supervisor.session(first.sessionId)?.state === 'idle');
    const received = new Received(inspector);
    const [actor] = await until(() => received.actors().length === 1 && received.actors());
    await call(url, first.sessionId, 'echo', { text: 'x' }, 1);
    await supervisor.terminate(first.sessionId);
    await until(() => received.of(actor as Actor).includes('→ terminated'));
    expect(received.of(actor as Actor)).toEqual([...life, 'TERMINATE', '→ terminated']);
    const last = received.events.findLast(({ sessionId }) => sessionId === actor?.sessionId);
    expect(last).toMatchObject({ snapshot: { status: 'done', output: { reason: 'terminated' } } });

    await initialize(url);
    const [, second] = await until(() => received.actors().length === 2 && received.actors());
    await until(() => received.of(second as Actor).length >= 6 + life.length);
    expect(received.of(second as Actor)).toEqual([
      'xstate.init',
      '→ initializing',
      'INITIALIZED',
      '→ active',
      'RESPONSE',
      '→ idle',
      ...life,
    ]);
  });

  test('is not told ids, contexts and what events carry', async () => {
    const { inspector, url } = await serveInspected({ principal: () => 'ada' });
    const { sessionId } = await initialize(url);
    const received = new Received(inspector);
    await until(() => received.actors().length === 1);
    const { sessionId: second } = await initialize(url);
    await until(() => received.actors().length === 2);
    const told = JSON.stringify(received.events);
    for (const secret of [sessionId, second, 'ada']) expect(told).not.toContain(secret);
    const [actor] = received.actors();
    expect(actor?.name).toMatch(/^[\w-]{12}$/);
    expect(actor?.snapshot.context).toEqual({
      sessionId: actor?.name,
      inFlight: 0,
      reason: null,
      timeouts: { initializeTimeout: 60_000, sessionIdleTimeout: 1_800_000, maxSessionLifetime: null },
    });
  });

  test('is told them where that is asked for', async () => {
    const inspection = createInspection({ revealIds: true, revealContext: true });
    const { inspector, url } = await serveInspected({}, { inspection });
    const { sessionId } = await initialize(url);
    const received = new Received(inspector);
    await until(() => received.actors().length === 1);
    expect(received.actors()[0]).toMatchObject({ name: sessionId, snapshot: { context: { sessionId } } });
    await initialize(url);
    await until(() => received.actors().length === 2);
    expect(received.events.some((event) => event.type === '@xstate.event' && 'input' in event.event)).toBe(true);
  });
});

describe('a session that has a record', () => {
  /** A factory that brings a session back when it may. */
  async function serveParking() {
    let allow = () => {};
    const allowed = new Promise<void>((resolve) => {
      allow = resolve;
    });
    const clock = new SimulatedClock();
    const served = await serveInspected({
      server: async (session) => {
        if (session.restored) await allowed;
        return buildTestServer(session, new Gates());
      },
      sessionStore: createMemorySessionStore(),
      parkAfter: 60_000,
      clock,
    });
    const { sessionId } = await initialize(served.url);
    await until(() => served.supervisor.session(sessionId)?.state === 'idle');
    return { ...served, sessionId, park: () => advance(clock, 60_000), allow };
  }

  test('is shown to be parked, which is the end of its actor and no reason', async () => {
    const { inspector, park } = await serveParking();
    const received = new Received(inspector);
    const [actor] = await until(() => received.actors().length === 1 && received.actors());
    await park();
    await until(() => received.of(actor as Actor).includes('→ parked'));
    const last = received.events.findLast(({ sessionId }) => sessionId === actor?.sessionId);
    expect(last).toMatchObject({ snapshot: { status: 'done', value: 'parked' } });
    expect((last as unknown as { snapshot: { output: unknown } }).snapshot.output).toEqual({ reason: null });
  });

  test('is shown as another actor of the same name when it is brought back, from restoring on', async () => {
    const { inspector, url, sessionId, park, allow } = await serveParking();
    const received = new Received(inspector);
    const early = new Received(inspector, '&state=restoring');
    await until(() => received.actors().length === 1 && early.actors('partition').length === 1);
    await park();
    const called = call(url, sessionId, 'echo', { text: 'x' }, 1);
    const [first, second] = await until(() => received.actors().length === 2 && received.actors());
    await until(() => received.of(second as Actor).length >= 2);
    // Who comes while it is being brought back is told so too.
    const late = new Received(inspector);
    const [shown] = await until(() => late.actors().length === 1 && late.actors());
    expect(shown).toMatchObject({ name: first?.name, snapshot: { status: 'active', value: 'restoring' } });
    expect(shown?.snapshot.context).toMatchObject({
      sessionId: first?.name,
      inFlight: 1,
      reason: null,
      restored: true,
    });
    allow();
    await called;
    await until(() => received.of(second as Actor).at(-1) === '→ idle');
    expect(second?.name).toBe(first?.name);
    expect(second?.sessionId).not.toBe(first?.sessionId);
    expect(received.of(second as Actor).slice(0, 4)).toEqual(['xstate.init', '→ restoring', 'RESTORED', '→ active']);
    expect(early.actors()).toEqual([expect.objectContaining({ sessionId: second?.sessionId })]);
    expect(JSON.stringify(received.events)).not.toContain(sessionId);
  });
});

test('every frame is one that the package itself would have sent, without what is redacted', async () => {
  const theirs: StatelyInspectionEvent[] = [];
  const { inspect: inspectorOfTheirs } = createInspector({
    send: (event) => theirs.push(JSON.parse(JSON.stringify(event)) as StatelyInspectionEvent),
  });
  const { supervisor, url } = await serve({ inspect: inspectorOfTheirs });
  const inspector = await inspect(supervisor);
  const received = new Received(inspector);
  await until(() => received.events.length === 1); // the supervisor
  const { sessionId } = await initialize(url);
  await until(() => supervisor.session(sessionId)?.state === 'idle');
  await supervisor.terminate(sessionId);
  await until(
    () => received.actors().length === 1 && received.of(received.actors()[0] as Actor).includes('→ terminated'),
  );
  const kind = (event: StatelyInspectionEvent) => {
    return [event.type, event.sessionId, event.type === '@xstate.actor' ? '' : event.event.type].join();
  };
  const isDone = (event: StatelyInspectionEvent) =>
    event.type === '@xstate.snapshot' && event.snapshot.status === 'done';
  await until(() => theirs.some(isDone)); // they wait a turn before they send
  const sessions = received.events.filter((event) => event.sessionId === received.actors()[0]?.sessionId);
  expect(sessions.length).toBeGreaterThan(8);
  for (const ours of sessions) {
    const same = theirs.filter((event) => kind(event) === kind(ours));
    expect(same.map(({ rootId, _version, id }) => ({ rootId, _version, id }))).toContainEqual({
      rootId: ours.rootId,
      _version: ours._version,
      id: ours.id,
    });
    // What is undefined is not in JSON.
    expect(same.map((event) => Object.keys(event).sort())).toContainEqual(Object.keys(ours).sort());
    if (ours.type === '@xstate.actor') {
      const definitions = same.map((event) => JSON.parse('definition' in event ? (event.definition ?? '') : ''));
      expect(definitions).toContainEqual(JSON.parse(ours.definition ?? ''));
    }
    if (ours.type === '@xstate.snapshot') {
      const { status, value } = ours.snapshot as { status: string; value?: unknown };
      expect(same.map((event) => 'snapshot' in event && event.snapshot)).toContainEqual(
        expect.objectContaining({ status, value }),
      );
    }
  }
});

describe('the callback', () => {
  test('that a supervisor was given tells the same, once', async () => {
    const inspection = createInspection();
    const { supervisor, url } = await serve({ inspect: inspection.inspect });
    const { sessionId } = await initialize(url);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    const inspector = await inspect(supervisor, { inspection });
    const received = new Received(inspector);
    const [actor] = await until(() => received.actors().length === 1 && received.actors());
    await call(url, sessionId, 'echo', { text: 'x' }, 1);
    await until(() => received.of(actor as Actor).length >= 4);
    expect(received.of(actor as Actor)).toEqual(life);
  });
});

describe('a selection', () => {
  async function three(options?: Parameters<typeof createInspection>[0]) {
    const inspection = options && createInspection(options);
    const served = await serveInspected({}, inspection && { inspection });
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.push((await initialize(served.url)).sessionId);
    await until(() => [...served.supervisor.sessions()].every(({ state }) => state === 'idle'));
    return { ...served, ids };
  }

  test('by session, by its id or by its key', async () => {
    const { inspector, url, ids } = await three();
    const byId = new Received(inspector, `&session=${ids[1]}`);
    const [actor] = await until(() => byId.actors().length > 0 && byId.actors());
    const byKey = new Received(inspector, `&session=${actor?.name}`);
    await until(() => byKey.actors().length > 0);
    for (const id of ids) await call(url, id, 'echo', { text: 'x' }, 1);
    await until(() => byId.of(actor as Actor).length === 4 && byKey.of(actor as Actor).length === 4);
    expect([byId.actors().length, byKey.actors().length]).toEqual([1, 1]);
    expect(byKey.actors()[0]?.sessionId).toBe(actor?.sessionId);
  });

  test('by state: from the moment that a session is in it', async () => {
    const { inspector, url, ids, gates } = await three();
    const received = new Received(inspector, '&state=active');
    await until(() => received.actors('partition').length === 1);
    const calling = post(url, callBody('gate', { key: 'a' }, 1), { 'mcp-session-id': ids[2] });
    await gates.entered('a');
    const [actor] = await until(() => received.actors().length > 0 && received.actors());
    gates.open('a');
    await calling;
    await until(() => received.of(actor as Actor).at(-1) === '→ idle');
    expect(received.actors()).toHaveLength(1);
    expect(actor?.snapshot.value).toBe('active');
  });

  test('by a filter', async () => {
    const wanted = new Set<string>();
    const { inspector, ids } = await three({ filter: ({ id, state }) => wanted.has(id) && state === 'idle' });
    wanted.add(ids[0] ?? '');
    const received = new Received(inspector);
    await until(() => received.actors().length === 1);
    const all = new Received(inspector, '&sample=1');
    await until(() => all.actors().length === 1);
    expect(received.actors()[0]?.name).toBe(all.actors()[0]?.name);
  });

  test('by chance: the same sessions for everybody, about as many as were asked for', async () => {
    const { supervisor, stop } = supervise(MANY);
    onTestFinished(stop);
    await openMany(supervisor, 400);
    const inspector = await inspect(supervisor);
    const [first, second] = [new Received(inspector, '&sample=0.25'), new Received(inspector, '&sample=0.25')];
    await until(() => first.actors().length > 50 && first.actors().length === second.actors().length);
    const names = (received: Received) => received.actors().map(({ name }) => name);
    expect(names(first)).toEqual(names(second));
    expect(names(first).length).toBeLessThan(150);
  });
});

describe('under pressure', () => {
  const marks = (events: readonly StatelyInspectionEvent[]) =>
    events.flatMap((event) =>
      event.type === '@xstate.event' && event.event.type === 'inspector.dropped' ? [event.event] : [],
    );

  test('what is too much is left out and marked, and how things stand is told', async () => {
    const inspection = createInspection({ maxRate: 40 });
    const { inspector, url, supervisor } = await serveInspected({}, { inspection });
    const { sessionId } = await initialize(url);
    const received = new Received(inspector);
    const [actor] = await until(() => received.actors().length === 1 && received.actors());
    for (let n = 0; n < 60; n++) await call(url, sessionId, 'echo', { text: 'x' }, n + 1);
    await supervisor.terminate(sessionId);
    await until(() => marks(received.events).length > 0);
    await until(() => received.of(actor as Actor).at(-1) === '→ terminated');
    expect(received.of(actor as Actor).length).toBeLessThan(240);
    expect(marks(received.events)[0]).toMatchObject({ frames: expect.any(Number), actors: 0 });
  });

  test('actors beyond the bound are left out, marked, and shown when there is room', async () => {
    const inspection = createInspection({ maxActors: 12 });
    const { supervisor, stop } = supervise(MANY);
    onTestFinished(stop);
    await openMany(supervisor, 30);
    const inspector = await inspect(supervisor, { inspection });
    const received = new Received(inspector);
    await until(() => marks(received.events).length > 0);
    expect(received.actors()).toHaveLength(10);
    expect(marks(received.events)[0]).toMatchObject({ frames: 0, actors: 20 });
    // One that is not shown counts once, whatever happens to it.
    const ids = [...supervisor.sessions()].map(({ id }) => id);
    for (let n = 0; n < 5; n++) await useOnce(supervisor, ids.at(-1) ?? '');
    await openMany(supervisor, 1);
    await until(() => marks(received.events).length > 1);
    expect(marks(received.events)[1]).toMatchObject({ frames: 0, actors: 1 });
    for (const id of ids.slice(0, 10)) await supervisor.terminate(id);
    await openMany(supervisor, 5);
    await until(() => received.actors().length === 15);
  });

  test('a viewer that takes in nothing keeps no more waiting than the bound and one frame', async () => {
    const { supervisor, stop } = supervise(MANY);
    onTestFinished(stop);
    const relay = new Relay({ maxRate: 1_000_000 });
    const socket = new StuckSocket();
    const maxBuffer = 20_000;
    const viewer = new Viewer(socket, { maxBuffer, pingInterval: 60_000 });
    viewer.onGone = relay.addViewer(viewer, supervisor.actor, { sessions: [], states: [], sample: 1 });
    onTestFinished(() => viewer.leave(1001, ''));
    await openMany(supervisor, 500);
    expect(socket.most).toBeGreaterThan(maxBuffer);
    expect(socket.most).toBeLessThanOrEqual(maxBuffer + socket.longest);
    socket.flow();
    const frames = () => socket.sent.map((text) => JSON.parse(text) as StatelyInspectionEvent);
    const [mark] = await until(() => marks(frames()).length > 0 && marks(frames()));
    expect(mark?.['frames']).toBeGreaterThan(0);
    // One of those that were left out altogether is told of when something happens to it.
    const before = socket.sent.length;
    const { id = '' } = [...supervisor.sessions()].at(-1) ?? {};
    await supervisor.terminate(id);
    await until(
      () =>
        frames()
          .slice(before)
          .filter(({ type }) => type === '@xstate.actor').length > 0,
    );
  });
});
