/** Resuming the session's GET stream, and who has it when two want it. */
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../../src/index.ts';
import { ControlledStore, Door } from '../../support/controlledStore.ts';
import { serve } from '../../support/serve.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { call as callTool, del, get, initialize, openStream } from '../../support/wire.ts';
import { drive, listen, openStreams, resume, said, serveDriven, take, takeAll } from './drivenCalls.ts';

const REFUSED = { status: 409, headers: expect.objectContaining({ 'retry-after': '5' }) };
const MINUTE = 60_000;

describe('the GET stream', () => {
  test('is resumed after a break with what was sent meanwhile, then goes on live', async () => {
    const driven = await serveDriven({ eventStore: createMemoryEventStore() });
    const { headers, sessionId } = await initialize(driven.url);
    const { call } = await drive(driven, headers);
    const { stream, primed } = await listen(driven, headers);
    await call.notifyStandalone(1);
    expect(await take(stream, 1)).toEqual([1]);
    stream.destroy();
    await openStreams(driven, sessionId, 1);
    for (const n of [2, 3]) await call.notifyStandalone(n);
    const resumed = await resume(driven, headers, primed);
    expect(await take(resumed, 3)).toEqual([1, 2, 3]);
    await call.notifyStandalone(4);
    expect(await take(resumed, 1)).toEqual([4]);
    resumed.destroy();
  });

  test('is closed on purpose, and resumed from the last event', async () => {
    const driven = await serveDriven({ eventStore: createMemoryEventStore(), retryInterval: 300 });
    const { headers, sessionId } = await initialize(driven.url);
    const { call } = await drive(driven, headers);
    const { stream, primed } = await listen(driven, headers);
    await call.notifyStandalone(1);
    call.closeStandaloneStream?.();
    expect(await takeAll(stream)).toEqual([1, 'primed']);
    expect(stream.waiting.at(-1)).toEqual({ retry: 300, data: '' });
    await openStreams(driven, sessionId, 1);
    await call.notifyStandalone(2);
    const resumed = await resume(driven, headers, stream.waiting[0]?.id ?? primed);
    expect(await take(resumed, 1)).toEqual([2]);
    resumed.destroy();
    // Nobody has it: nothing happens.
    await openStreams(driven, sessionId, 1);
    call.closeStandaloneStream?.();
    call.answer();
  });

  test('carries nothing of a call, and a call nothing of it, whatever is resumed', async () => {
    const driven = await serveDriven({ eventStore: createMemoryEventStore() });
    const { headers, sessionId } = await initialize(driven.url);
    const { stream: calling, primed: ofCall, call } = await drive(driven, headers);
    const { stream, primed } = await listen(driven, headers);
    for (const broken of [calling, stream]) broken.destroy();
    await openStreams(driven, sessionId, 0);
    for (const n of [1, 2]) {
      await call.notify(n);
      await call.notifyStandalone(10 * n);
    }
    const [resumedCall, resumed] = [await resume(driven, headers, ofCall), await resume(driven, headers, primed)];
    call.answer();
    expect(await takeAll(resumedCall)).toEqual([1, 2, 'answered 1']);
    expect(await take(resumed, 2)).toEqual([10, 20]);
    expect(resumed.waiting).toEqual([]);
    resumed.destroy();
  });

  test.each([0, 1])('of a session that ends while it is being resumed is gone, too (after %s events)', async (sent) => {
    const eventStore = new ControlledStore();
    const driven = await serveDriven({ eventStore });
    const { headers, sessionId } = await initialize(driven.url);
    const { stream, primed } = await listen(driven, headers);
    for (const text of ['first', 'second']) await callTool(driven.url, sessionId, 'notifyStandalone', { text });
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    const door = new Door();
    let sending = 0;
    eventStore.beforeSend = () => (sending++ < sent ? undefined : door.pass());
    const resuming = resume(driven, headers, primed);
    await eventStore.begun('replay', 1);
    expect((await del(driven.url, headers)).status).toBe(200);
    const resumed = await resuming;
    await withTimeout(resumed.closed, { what: 'the resumed stream to end' });
    door.open();
    await turns(3);
    expect(resumed.status).toBe(sent === 0 ? 404 : 200);
    expect(resumed.waiting.map(said)).toEqual(['first'].slice(0, sent));
  });
});

describe('when two want the GET stream', () => {
  async function served() {
    const clock = new SimulatedClock();
    const served = await serve({ clock, eventStore: createMemoryEventStore(), sessionIdleTimeout: 3_600_000 });
    const { headers, sessionId } = await initialize(served.url);
    const connected = new Promise<Socket>((resolve) => served.httpServer.once('connection', resolve));
    const first = await openStream(served.url, { headers });
    const { id: primed = '' } = await first.next();
    const socket = await withTimeout(connected, { what: 'the GET connection' });
    const say = (text: string) => callTool(served.url, sessionId, 'notifyStandalone', { text });
    return { ...served, clock, headers, sessionId, first, primed, socket, say };
  }

  test('the first is gone: the second has it', async () => {
    const { url, headers, sessionId, first, ...rest } = await served();
    first.destroy();
    await becomesIdle(rest, sessionId);
    const second = await openStream(url, { headers });
    expect(second.status).toBe(200);
    second.destroy();
  });

  test('the first is there: the second is refused, and has it when it asks again within a minute', async () => {
    const { url, clock, headers, first, say } = await served();
    expect(await get(url, headers)).toMatchObject(REFUSED);
    expect(first.ended).toBe(false);
    await advance(clock, MINUTE);
    const second = await openStream(url, { headers });
    expect(second.status).toBe(200);
    await withTimeout(first.closed, { what: 'the first stream to end' });
    await say('to the second');
    expect(await take(second, 2)).toEqual(['primed', 'to the second']);
    // And a third one finds the second there.
    expect(await get(url, headers)).toMatchObject(REFUSED);
    second.destroy();
  });

  test('it asks again later than that: refused anew', async () => {
    const { url, clock, headers, first, say } = await served();
    expect(await get(url, headers)).toMatchObject(REFUSED);
    await advance(clock, MINUTE + 1);
    expect(await get(url, headers)).toMatchObject(REFUSED);
    await say('to the first');
    expect(await take(first, 1)).toEqual(['to the first']);
    await advance(clock, MINUTE);
    const second = await openStream(url, { headers });
    expect(second.status).toBe(200);
    second.destroy();
  });

  test('a refusal finds out whether the first one’s host still knows of it', async () => {
    const { url, headers, first } = await served();
    expect(first.comments).toEqual([]);
    expect(await get(url, headers)).toMatchObject(REFUSED);
    expect(await first.comment()).toBe('keep-alive');
  });

  test('the first takes nothing any more: the second has it at once', async () => {
    const { url, clock, headers, first, socket } = await served();
    await advance(clock, 15_000);
    expect(await first.comment()).toBe('keep-alive');
    socket.cork(); // from here on nothing gets through
    await advance(clock, 15_000);
    await advance(clock, 15_000);
    const second = await openStream(url, { headers });
    expect(second.status).toBe(200);
    second.destroy();
  });

  test('it resumes: it has it at once, and whoever was refused before asks for the first time', async () => {
    const { url, headers, first, primed, say } = await served();
    await say('1');
    expect(await get(url, headers)).toMatchObject(REFUSED);
    const second = await openStream(url, { headers: { ...headers, 'last-event-id': primed } });
    expect(await take(second, 1)).toEqual(['1']);
    await withTimeout(first.closed, { what: 'the first stream to end' });
    expect(await get(url, headers)).toMatchObject(REFUSED);
    await say('2');
    expect(await take(second, 1)).toEqual(['2']);
    second.destroy();
  });

  test('its socket is destroyed under the first: the second has it', async () => {
    const { url, supervisor, headers, sessionId, socket } = await served();
    socket.destroy();
    await until(() => supervisor.session(sessionId)?.openStreams === 0, { what: 'the end to be noticed' });
    const second = await openStream(url, { headers });
    expect(second.status).toBe(200);
    second.destroy();
  });
});
