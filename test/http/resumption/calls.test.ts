/** Resuming the stream of a call: each event exactly once and in order, however often and whenever the line breaks. */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../../src/index.ts';
import { STORE_TIMEOUT } from '../../../src/stores/storeOperations.ts';
import { ControlledStore, Door, never } from '../../support/controlledStore.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { withTimeout } from '../../support/until.ts';
import { call as callTool, get, initialize, openStream, post, rawSocket } from '../../support/wire.ts';
import { drive, driveBody, openStreams, resume, serveDriven, take, takeAll } from './drivenCalls.ts';

const memory = () => serveDriven({ eventStore: createMemoryEventStore() });

describe('a stream that is not yet to be resumed', () => {
  /** A call whose first event waits for the store, and whether its answer has begun; nobody else has to wait. */
  async function unprimed(wait: () => Promise<void>) {
    const clock = new SimulatedClock();
    const eventStore = new ControlledStore();
    const driven = await serveDriven({ clock, eventStore, keepAliveInterval: Number.POSITIVE_INFINITY });
    const { headers, sessionId } = await initialize(driven.url);
    eventStore.beforeStore = (streamId) => (streamId.endsWith(':1') ? wait() : undefined);
    let begun = false;
    const opening = openStream(driven.url, { headers, body: driveBody('a') }).then((stream) => {
      begun = true;
      return stream;
    });
    const call = await driven.inside('a');
    // By the time that a later call is answered, this one could have been.
    await callTool(driven.url, sessionId, 'echo', { text: 'later' }, 2);
    return { clock, opening, call, hasBegun: () => begun };
  }

  test('does not begin: a client that had its head alone would wait for ever once the line breaks', async () => {
    const door = new Door();
    const { opening, call, hasBegun } = await unprimed(door.pass);
    expect(hasBegun()).toBe(false);
    door.open();
    const stream = await withTimeout(opening);
    expect(await take(stream, 1)).toEqual(['primed']);
    call.answer();
    expect(await takeAll(stream)).toEqual(['answered 1']);
  });

  test('begins when the store is given up', async () => {
    const { clock, opening, call, hasBegun } = await unprimed(never);
    expect(hasBegun()).toBe(false);
    await advance(clock, STORE_TIMEOUT);
    const stream = await withTimeout(opening);
    await call.notify(1);
    expect(await take(stream, 1)).toEqual([1]);
    call.answer();
    expect(await takeAll(stream)).toEqual(['answered 1']);
  });
});

describe('a stream that its handler closes', () => {
  test('is resumed with what was sent while nobody listened, then goes on live, to the answer', async () => {
    const driven = await memory();
    const { headers } = await initialize(driven.url);
    const { stream, primed, call } = await drive(driven, headers);
    await call.notify(1);
    call.closeStream?.();
    expect(await takeAll(stream)).toEqual([1]);
    await call.notify(2);
    await call.notify(3);
    const resumed = await resume(driven, headers, primed);
    expect(await take(resumed, 3)).toEqual([1, 2, 3]);
    await call.notify(4);
    call.answer();
    expect(await takeAll(resumed)).toEqual([4, 'answered 1']);
  });

  test('19. a response that is written after it is stored, and replayed exactly once', async () => {
    const driven = await memory();
    const { headers, sessionId } = await initialize(driven.url);
    const { stream, primed, call } = await drive(driven, headers);
    call.closeStream?.();
    await withTimeout(stream.closed);
    call.answer();
    await becomesIdle(driven, sessionId);
    const resumed = await get(driven.url, { ...headers, 'last-event-id': primed });
    expect(resumed.status).toBe(200);
    expect(resumed.messages()).toMatchObject([{ id: 1, result: {} }]);
    const again = await get(driven.url, { ...headers, 'last-event-id': resumed.events()[0]?.id });
    expect(again).toMatchObject({ status: 204, text: '' });
  });

  test('19. a response that is written while it is being closed is sent or replayed, and never both', async () => {
    const driven = await memory();
    const { headers } = await initialize(driven.url);
    const { stream, primed, call } = await drive(driven, headers);
    call.answer();
    call.closeStream?.();
    const live = (await takeAll(stream)).filter((what) => what !== 'primed');
    const lastId = live.length > 0 ? (stream.waiting[0]?.id ?? '') : primed;
    const resumed = await get(driven.url, { ...headers, 'last-event-id': lastId });
    expect([...live, ...resumed.messages().map(({ id }) => `answered ${id}`)]).toEqual(['answered 1']);
  });

  test('can be closed again and again', async () => {
    const driven = await memory();
    const { headers, sessionId } = await initialize(driven.url);
    const { call, ...driving } = await drive(driven, headers);
    let { stream, primed: lastId } = driving;
    const got: unknown[] = [];
    for (let n = 0; n < 5; n++) {
      await call.notify(2 * n);
      call.closeStream?.();
      await withTimeout(stream.closed);
      await call.notify(2 * n + 1);
      for (const event of stream.waiting) if (event.id !== undefined) lastId = event.id;
      got.push(...(await takeAll(stream)).filter((what) => what !== 'primed'));
      stream = await resume(driven, headers, lastId);
      ({ id: lastId = '' } = await stream.next());
      got.push(2 * n + 1);
      await openStreams(driven, sessionId, 1);
    }
    call.answer();
    expect([...got, ...(await takeAll(stream))]).toEqual([...Array(10).keys(), 'answered 1']);
  });
});

describe('a line that breaks', () => {
  test.each(['closed', 'reset'] as const)('in mid-call (%s): nothing is lost and nothing comes twice', async (how) => {
    const driven = await memory();
    const { headers, sessionId } = await initialize(driven.url);
    const body = JSON.stringify(driveBody('a'));
    const raw = await rawSocket(driven.port);
    raw.begin('POST', { ...headers, 'content-length': String(body.length) });
    raw.write(body);
    expect((await raw.readHead()).status).toBe(200);
    const call = await driven.inside('a');
    await call.notify(1);
    await call.notify(2);
    if (how === 'closed') raw.destroy();
    else raw.reset();
    await openStreams(driven, sessionId, 0);
    await call.notify(3);
    // What the client has of it is the client's to say: the priming event, say, and nothing else.
    const primed = /id: (\S+)\r?\n/.exec(raw.received)?.[1] ?? '0_1';
    const resumed = await resume(driven, headers, primed);
    expect(await take(resumed, 3)).toEqual([1, 2, 3]);
    call.answer();
    expect(await takeAll(resumed)).toEqual(['answered 1']);
  });

  test('many times, at any event: each is there once, in order', async () => {
    const driven = await memory();
    const { headers, sessionId } = await initialize(driven.url);
    const { call, ...driving } = await drive(driven, headers);
    let { stream, primed: lastId } = driving;
    const got: unknown[] = [];
    for (let n = 0; n < 12; n++) {
      await call.notify(n);
      if (n % 3 === 2) {
        stream.destroy();
        await openStreams(driven, sessionId, 0);
        stream = await resume(driven, headers, lastId);
      }
      if (n % 2 === 1) continue; // falls behind
      const event = await stream.next();
      lastId = event.id ?? '';
      got.push(JSON.parse(event.data).params.data);
    }
    call.answer();
    expect([...got, ...(await takeAll(stream))]).toEqual([...Array(12).keys(), 'answered 1']);
  });

  test('when the answer has been sent already: it is replayed, as often as it is asked for', async () => {
    const driven = await memory();
    const { headers } = await initialize(driven.url);
    const { stream, primed, call } = await drive(driven, headers);
    await call.notify(1);
    call.answer();
    expect(await takeAll(stream)).toEqual([1, 'answered 1']);
    const ids = stream.waiting.map(({ id = '' }) => id);
    for (const [at, lastId] of [primed, ...ids].entries()) {
      const resumed = await get(driven.url, { ...headers, 'last-event-id': lastId });
      expect(resumed.events().map(({ id }) => id)).toEqual(ids.slice(at));
      expect(resumed.status).toBe(at < ids.length ? 200 : 204);
      expect(resumed.headers['content-type']).toBe('text/event-stream');
    }
  });

  test('while the answer is on its way to a slow store: it comes, once, and the stream ends', async () => {
    const eventStore = new ControlledStore();
    const driven = await serveDriven({ eventStore });
    const { headers, sessionId } = await initialize(driven.url);
    const { stream, primed, call } = await drive(driven, headers);
    const door = new Door();
    eventStore.beforeStore = door.pass;
    const stored = eventStore.calls.store;
    call.answer();
    await eventStore.begun('store', stored + 1);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    const resuming = resume(driven, headers, primed);
    await openStreams(driven, sessionId, 1);
    expect(eventStore.calls.replay).toBe(0); // it waits for the answer
    door.open();
    expect(await takeAll(await resuming)).toEqual(['answered 1']);
  });
});

describe('two resumptions of one stream at once', () => {
  test('each gets what there was; the later one goes on, the earlier one ends', async () => {
    const eventStore = new ControlledStore();
    const driven = await serveDriven({ eventStore });
    const { headers, sessionId } = await initialize(driven.url);
    const { stream, primed, call } = await drive(driven, headers);
    await call.notify(1);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    const door = new Door();
    eventStore.beforeReplay = door.pass;
    const first = resume(driven, headers, primed);
    await eventStore.begun('replay', 1);
    const second = resume(driven, headers, primed);
    await openStreams(driven, sessionId, 2);
    door.open();
    expect(await takeAll(await first)).toEqual([1]);
    await openStreams(driven, sessionId, 1);
    expect(driven.supervisor.session(sessionId)?.inFlight).toBe(1);
    await call.notify(2);
    call.answer();
    expect(await takeAll(await second)).toEqual([1, 2, 'answered 1']);
  });

  test('of a finished stream: both get all of it', async () => {
    const driven = await memory();
    const { headers } = await initialize(driven.url);
    const { primed, call } = await drive(driven, headers);
    call.answer();
    const both = await Promise.all([1, 2].map(() => get(driven.url, { ...headers, 'last-event-id': primed })));
    expect(both.map((answer) => answer.messages().map(({ id }) => id))).toEqual([[1], [1]]);
  });

  test('a resumption takes over from a connection that still lives', async () => {
    const driven = await memory();
    const { headers, sessionId } = await initialize(driven.url);
    const { stream, primed, call } = await drive(driven, headers);
    await call.notify(1);
    const resumed = await resume(driven, headers, primed);
    expect(await takeAll(stream)).toEqual([1]);
    await openStreams(driven, sessionId, 1);
    expect(driven.supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1 });
    call.answer();
    expect(await takeAll(resumed)).toEqual([1, 'answered 1']);
    await becomesIdle(driven, sessionId);
  });
});

describe('who can be sent away', () => {
  test.each(['2025-06-18', '2025-03-26'])('not a client of %s, though it may resume', async (protocolVersion) => {
    const driven = await memory();
    const { headers, sessionId, response } = await initialize(driven.url, { protocolVersion });
    expect(response.events().map(({ data }) => data)).not.toContain('');
    const raw = await rawSocket(driven.port);
    const body = JSON.stringify(driveBody('a'));
    raw.begin('POST', { ...headers, 'content-length': String(body.length) });
    raw.write(body);
    expect((await raw.readHead()).status).toBe(200);
    const call = await driven.inside('a');
    expect([call.closeStream, call.closeStandaloneStream]).toEqual([undefined, undefined]);
    await call.notify(1);
    await expect.poll(() => raw.received).toContain('"data":1');
    const [, lastId = ''] = /id: (\S+)\n/.exec(raw.received) ?? [];
    raw.destroy();
    await openStreams(driven, sessionId, 0);
    await call.notify(2);
    call.answer();
    expect(await takeAll(await resume(driven, headers, lastId))).toEqual([2, 'answered 1']);
  });

  test('not a call that is answered with JSON; the GET stream can be', async () => {
    const eventStore = new ControlledStore();
    const driven = await serveDriven({ eventStore, enableJsonResponse: true });
    const { headers } = await initialize(driven.url);
    const stored = eventStore.calls.store;
    const calling = post(driven.url, driveBody('a'), headers);
    const call = await driven.inside('a');
    expect(call.closeStream).toBeUndefined();
    expect(call.closeStandaloneStream).toBeTypeOf('function');
    call.answer();
    expect((await calling).json()).toMatchObject({ id: 1, result: {} });
    expect(eventStore.calls.store).toBe(stored);
  });
});
