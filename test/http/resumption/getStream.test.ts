/** Resuming the session's GET streams: each by itself, with every message on one of them. */
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../../src/index.ts';
import { reconnectionDelay } from '../../../src/transport/reconnectionDelay.ts';
import { ControlledStore, Door } from '../../support/controlledStore.ts';
import { serve } from '../../support/serve.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { call as callTool, del, type EventStream, initialize, openStream } from '../../support/wire.ts';
import { drive, listen, openStreams, resume, said, serveDriven, take, takeAll } from './drivenCalls.ts';

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
    expect(await takeAll(stream)).toEqual([1]);
    expect(stream.retries).toEqual([300, 300]); // as it began, and before it ended
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

describe('several GET streams', () => {
  async function served(withStore = true) {
    const clock = new SimulatedClock();
    const eventStore = withStore ? createMemoryEventStore({ clock }) : undefined;
    const served = await serve({ clock, eventStore, sessionIdleTimeout: 3_600_000 });
    const { headers, sessionId } = await initialize(served.url);
    const open = async () => {
      const connected = new Promise<Socket>((resolve) => served.httpServer.once('connection', resolve));
      const stream = await openStream(served.url, { headers });
      expect(stream.status).toBe(200);
      const primed = withStore ? ((await stream.next()).id ?? '') : '';
      return { stream, primed, socket: await withTimeout(connected, { what: 'the GET connection' }) };
    };
    const say = (text: string) => callTool(served.url, sessionId, 'notifyStandalone', { text });
    const back = (lastEventId: string) =>
      openStream(served.url, { headers: { ...headers, 'last-event-id': lastEventId } });
    return { ...served, clock, headers, sessionId, open, say, back };
  }

  test.each([true, false])('a message is on the newest one alone (with an event store: %s)', async (withStore) => {
    const { open, say } = await served(withStore);
    const [first, second] = [await open(), await open()];
    await say('to the second');
    expect(await take(second.stream, 1)).toEqual(['to the second']);
    second.stream.destroy();
    await withTimeout(second.stream.closed);
    await until(() => second.socket.destroyed, { what: 'the end to be noticed' });
    await say('to the first');
    expect(await take(first.stream, 1)).toEqual(['to the first']);
    expect([first.stream.ended, first.stream.waiting]).toEqual([false, []]);
    first.stream.destroy();
  });

  test('each has ids of its own, and is resumed with what came on it', async () => {
    const { open, say, back, ...rest } = await served();
    const first = await open();
    await say('1');
    const second = await open();
    await say('2');
    for (const { stream } of [first, second]) {
      stream.destroy();
      await withTimeout(stream.closed);
    }
    await becomesIdle(rest, rest.sessionId);
    await say('3'); // waits on the newest
    expect(first.primed.slice(0, first.primed.indexOf('_'))).not.toBe(
      second.primed.slice(0, second.primed.indexOf('_')),
    );
    const resumed = [await back(first.primed), await back(second.primed)];
    expect(await take(resumed[0] as EventStream, 1)).toEqual(['1']);
    expect(await take(resumed[1] as EventStream, 2)).toEqual(['2', '3']);
    await say('4');
    expect(await take(resumed[1] as EventStream, 1)).toEqual(['4']);
    for (const stream of resumed) {
      expect(stream.waiting).toEqual([]);
      stream.destroy();
    }
  });

  test('what was resumed last is the newest, and takes over from its own connection alone', async () => {
    const { open, say, back } = await served();
    const [first, second] = [await open(), await open()];
    const resumed = await back(first.primed);
    await withTimeout(first.stream.closed, { what: 'the older connection of the stream to end' });
    await say('1');
    expect(await take(resumed, 2)).toEqual(['primed', '1']);
    expect([second.stream.ended, second.stream.waiting]).toEqual([false, []]);
    resumed.destroy();
    second.stream.destroy();
  });

  test('a peer that takes nothing any more gets no message', async () => {
    const { clock, open, say } = await served();
    const [first, second] = [await open(), await open()];
    second.socket.cork(); // from here on nothing gets through
    await advance(clock, 15_000);
    await advance(clock, 15_000);
    await say('to the first');
    expect(await take(first.stream, 1)).toEqual(['to the first']);
    expect([second.stream.ended, second.stream.waiting]).toEqual([false, []]);
    first.stream.destroy();
    second.socket.destroy();
  });

  test('the 17th ends the first, whose client may come back and then ends the second', async () => {
    const { supervisor, sessionId, open, say, back } = await served();
    const streams = [await open()];
    await say('1');
    while (streams.length < 17) streams.push(await open());
    const [first, second, third] = streams;
    expect(await withTimeout(first?.stream.closed ?? Promise.resolve(false), { what: 'the first to end' })).toBe(true);
    const retry = reconnectionDelay(sessionId);
    expect([first?.stream.retries, second?.stream.retries]).toEqual([[retry, retry], [retry]]);
    await until(() => supervisor.session(sessionId)?.openStreams === 16, { what: '16 streams to be open' });
    const resumed = await back(first?.primed ?? '');
    expect(await take(resumed, 1)).toEqual(['1']);
    expect(await withTimeout(second?.stream.closed ?? Promise.resolve(false), { what: 'the second to end' })).toBe(
      true,
    );
    await say('2');
    expect(await take(resumed, 1)).toEqual(['2']);
    expect(third?.stream.ended).toBe(false);
    resumed.destroy();
    for (const { stream } of streams) stream.destroy();
  });

  test('two resumptions at once of one that had to make room: the later one keeps it', async () => {
    const eventStore = new ControlledStore();
    const driven = await serveDriven({ eventStore });
    const { headers, sessionId } = await initialize(driven.url);
    const { primed, stream: first } = await listen(driven, headers);
    const others: EventStream[] = [];
    while (others.length < 16) others.push((await listen(driven, headers)).stream);
    await withTimeout(first.closed, { what: 'the first to end' });
    const door = new Door();
    eventStore.beforeReplay = door.pass;
    const both = [resume(driven, headers, primed), resume(driven, headers, primed)];
    await until(() => driven.supervisor.session(sessionId)?.openStreams === 18, { what: 'both to be waiting' });
    door.open();
    const resumed = await Promise.all(both);
    await until(() => resumed.filter(({ ended }) => ended).length === 1, { what: 'one of the two to end' });
    await callTool(driven.url, sessionId, 'notifyStandalone', { text: 'x' });
    const last = resumed.find(({ ended }) => !ended) as EventStream;
    await until(() => last.waiting.some(({ data }) => data.includes('"x"')), { what: 'the message' });
    expect(resumed.flatMap(({ waiting }) => waiting.filter(({ data }) => data !== ''))).toHaveLength(1);
    for (const stream of [...others, last]) stream.destroy();
  });

  test('a server that closes them closes all', async () => {
    const { url, sessionId, open } = await served();
    const streams = [await open(), await open()];
    await callTool(url, sessionId, 'closeStream', { via: 'standalone' });
    for (const { stream } of streams) {
      expect(await takeAll(stream)).toEqual([]);
      expect(stream.retries).toEqual([reconnectionDelay(sessionId), reconnectionDelay(sessionId)]);
    }
  });
});

test('with an event store, and nobody who ever listened, a question to the client is rejected at once', async () => {
  const { url } = await serve({ eventStore: createMemoryEventStore() });
  const { sessionId } = await initialize(url, { capabilities: { sampling: {} } });
  const answer = await callTool(url, sessionId, 'sample', { prompt: 'Well?', via: 'standalone' });
  expect(answer.messages().at(-1)?.result).toMatchObject({
    isError: true,
    content: [{ text: expect.stringContaining('No stream is open') }],
  });
});
