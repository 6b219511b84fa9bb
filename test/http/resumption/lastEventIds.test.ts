/** 17. A Last-Event-ID from elsewhere, from the future, or of what was dropped: nothing foreign is replayed. */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../../src/index.ts';
import { STORES } from '../../stores/stores.ts';
import { ControlledStore } from '../../support/controlledStore.ts';
import { TestEventStore } from '../../support/eventStore.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { SimulatedClock } from '../../support/simulatedClock.ts';
import { type EventStream, get, type Headers, initialize, type WireResponse } from '../../support/wire.ts';
import { type Driven, drive, listen, openStreams, resume, serveDriven, take, takeAll } from './drivenCalls.ts';

const NOTHING =
  '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: nothing to resume from this Last-Event-ID"}}';

const ask = ({ url }: Driven, headers: Headers, lastEventId: string): Promise<WireResponse> =>
  get(url, { ...headers, 'last-event-id': lastEventId });

async function expectNothing(driven: Driven, headers: Headers, lastEventId: string): Promise<void> {
  const { status, text } = await ask(driven, headers, lastEventId);
  expect({ lastEventId, status, text }).toEqual({ lastEventId, status: 400, text: NOTHING });
}

/** Every event id that a stream has given. */
const idsOf = ({ waiting }: EventStream): string[] => waiting.flatMap(({ id }) => id ?? []);

const KEEPING = {
  'the memory store': () => createMemoryEventStore(),
  'a store that cannot look up': () => new TestEventStore(),
  'a store that can': () => new ControlledStore(),
};

describe.each(Object.entries(KEEPING))('with %s', (_, makeStore) => {
  /** Two sessions of two users, each with a call on which something was sent. */
  async function two() {
    const driven = await serveDriven({
      eventStore: makeStore(),
      principal: ({ headers }) => (typeof headers['x-user'] === 'string' ? headers['x-user'] : undefined),
    });
    const open = async (user: string) => {
      const { headers } = await initialize(driven.url, { headers: { 'x-user': user } });
      const { stream, primed, call } = await drive(driven, headers, user);
      const { stream: getting, primed: primedGet } = await listen(driven, headers);
      await call.notify(1);
      await call.notifyStandalone(2);
      expect([...(await take(stream, 1)), ...(await take(getting, 1))]).toEqual([1, 2]);
      return { headers, stream, getting, ids: [primed, primedGet], call };
    };
    return { driven, mine: await open('me'), theirs: await open('them') };
  }

  test("another session's, another principal's: 400, and nothing is replayed", async () => {
    const { driven, mine, theirs } = await two();
    for (const id of theirs.ids) await expectNothing(driven, mine.headers, id);
    expect(mine.stream.ended).toBe(false);
    // Their session answers nobody but them.
    const stolen = await ask(driven, { ...theirs.headers, 'x-user': 'me' }, theirs.ids[0] ?? '');
    expect(stolen.status).toBe(404);
  });

  test("another stream's: 400", async () => {
    const { driven, mine } = await two();
    const [ofCall = '', ofGet = ''] = mine.ids;
    const exchanged = [ofGet.replace(/^get2_/, '1_'), ofCall.replace(/^1_/, 'get2_')];
    expect(exchanged).not.toEqual([ofGet, ofCall]);
    for (const id of exchanged) await expectNothing(driven, mine.headers, id);
    expect([mine.stream.ended, mine.getting.ended]).toEqual([false, false]);
  });

  test.each([
    '999_1',
    '1000000000000000000000_1',
    '-1_1',
    '1.5_1',
    'get2_999999',
    'get999_1',
    'get_1',
    '02_1',
    'get02_1',
    '%_1',
    '_',
    'no id at all',
  ])('from the future, or malformed: 400 (%s)', async (id) => {
    const { driven, mine } = await two();
    await expectNothing(driven, mine.headers, id);
    expect(mine.stream.ended).toBe(false);
  });
});

describe('what the store has dropped', () => {
  test('is told: 400; what it still has is replayed without a gap', async () => {
    const eventStore = createMemoryEventStore({ maxEventsPerStream: 3 });
    const driven = await serveDriven({ eventStore });
    const { headers, sessionId } = await initialize(driven.url);
    const { stream, primed, call } = await drive(driven, headers);
    for (let n = 1; n <= 5; n++) await call.notify(n);
    expect(await take(stream, 2)).toEqual([1, 2]);
    const ids = idsOf(stream);
    stream.destroy();
    await openStreams(driven, sessionId, 0);
    await expectNothing(driven, headers, primed);
    const resumed = await resume(driven, headers, ids[0] ?? '');
    expect(await take(resumed, 2)).toEqual([4, 5]);
    call.answer();
    expect(await takeAll(resumed)).toEqual(['answered 1']);
  });

  test('because it is old', async () => {
    const clock = new SimulatedClock();
    const driven = await serveDriven({ clock, eventStore: createMemoryEventStore({ clock }) });
    const { headers, sessionId } = await initialize(driven.url);
    const { stream, primed, call } = await drive(driven, headers);
    call.answer();
    expect(await takeAll(stream)).toEqual(['answered 1']);
    await becomesIdle(driven, sessionId);
    clock.increment(300_000);
    expect((await ask(driven, headers, primed)).status).toBe(200);
    clock.increment(1);
    await expectNothing(driven, headers, primed);
  });

  test('because a store failed in between: there is no going on with a gap', async () => {
    const eventStore = new ControlledStore();
    const driven = await serveDriven({ eventStore });
    const { headers } = await initialize(driven.url);
    const { stream, primed, call } = await drive(driven, headers);
    await call.notify(1);
    await take(stream, 1);
    eventStore.beforeStore = () => Promise.reject(new Error('disk full'));
    await call.notify(2);
    eventStore.beforeStore = () => {};
    await take(stream, 1);
    await expectNothing(driven, headers, primed);
    call.answer();
    expect(await takeAll(stream)).toEqual(['answered 1']);
    await expectNothing(driven, headers, primed);
    // Another call of the session is as good as any.
    const next = await drive(driven, headers, 'b', 2);
    next.call.answer();
    expect((await ask(driven, headers, next.primed)).messages()).toMatchObject([{ id: 2 }]);
  });
});

test('a store that isolates nothing, as the reference server has one, leaks nothing', async () => {
  const eventStore = STORES['a store that replays everything of everybody']();
  const driven = await serveDriven({ eventStore });
  const open = async (key: string) => {
    const { headers } = await initialize(driven.url);
    return { headers, getting: await listen(driven, headers), ...(await drive(driven, headers, key, key)) };
  };
  const [mine, theirs] = [await open('mine'), await open('theirs')];
  for (let n = 1; n <= 3; n++) {
    await mine.call.notify(n);
    await theirs.call.notify(100 + n);
    await mine.call.notifyStandalone(10 + n);
    await theirs.call.notifyStandalone(110 + n);
  }
  const resumed = await resume(driven, mine.headers, mine.primed);
  expect(await take(resumed, 3)).toEqual([1, 2, 3]);
  // That store can't tell an id of theirs from one of mine. What comes after it is mine all the same.
  const [call, standalone] = [
    await resume(driven, mine.headers, theirs.primed),
    await resume(driven, mine.headers, theirs.getting.primed),
  ];
  theirs.call.answer();
  mine.call.answer();
  expect(await takeAll(call)).toEqual([1, 2, 3, 'answered mine']);
  expect(await take(standalone, 3)).toEqual([11, 12, 13]);
  expect(standalone.waiting).toEqual([]);
  standalone.destroy();
});
