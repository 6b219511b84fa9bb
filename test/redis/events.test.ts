/** The event store in Redis, beyond its contract: its bounds, and who may not write. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAX_EVENT_BYTES, MAX_EVENTS } from '../../src/redis/eventScripts.ts';
import { type RedisServer, startRedis } from './redisServer.ts';
import { message, newRecord, replayed, storesAt } from './stores.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.dispose());

describe('bounds', () => {
  test('events of one session: what a client would resume from that is gone, is unknown, never a gap', async () => {
    const { eventStore, keys } = storesAt(redis.url);
    const { id } = newRecord();
    const events = await Promise.all(
      Array.from({ length: MAX_EVENTS + 300 }, (_, n) => eventStore.storeEvent(`${id}:1.${n % 3}`, message(n))),
    );
    const length = Number(await redis.ask('XLEN', keys(id)[1]));
    expect(length).toBeGreaterThanOrEqual(MAX_EVENTS);
    expect(length).toBeLessThan(MAX_EVENTS + 150);
    expect(await replayed(eventStore, events[0] ?? '')).toBeUndefined();
    expect(await eventStore.getStreamIdForEventId(events[0] ?? '')).toBeUndefined();
    const first = events.length - length;
    for (const at of [first, first + 1, events.length - 1]) {
      expect(await replayed(eventStore, events[at] ?? '')).toEqual(
        events.slice(at + 1).filter((_, n) => (n + 1) % 3 === 0),
      );
    }
  });

  test('bytes of one session', async () => {
    const { eventStore, keys } = storesAt(redis.url);
    const { id } = newRecord();
    const text = 'x'.repeat(400_000);
    const events: string[] = [];
    for (let n = 0; n < 40; n++) events.push(await eventStore.storeEvent(`${id}:1.0`, message(text)));
    const bytes = Number(await redis.ask('MEMORY', 'USAGE', keys(id)[1]));
    expect(bytes).toBeLessThanOrEqual(MAX_EVENT_BYTES);
    expect(await replayed(eventStore, events[0] ?? '')).toBeUndefined();
    expect(await replayed(eventStore, events.at(-2) ?? '')).toEqual([events.at(-1)]);
  });

  test('a message that is larger is not kept, nor what was before: nobody resumes over it', async () => {
    const { eventStore } = storesAt(redis.url);
    const { id } = newRecord();
    const before = await eventStore.storeEvent(`${id}:1.0`, message('before'));
    const large = await eventStore.storeEvent(`${id}:1.0`, message('x'.repeat(MAX_EVENT_BYTES)));
    const after = await eventStore.storeEvent(`${id}:1.0`, message('after'));
    expect([await replayed(eventStore, before), await replayed(eventStore, large)]).toEqual([undefined, undefined]);
    expect(await replayed(eventStore, after)).toEqual([]);
    expect(new Set([before, large, after]).size).toBe(3);
  });

  test('a replay whose events are dropped meanwhile rejects, instead of leaving a gap', async () => {
    const { eventStore } = storesAt(redis.url);
    const { id } = newRecord();
    const events: string[] = [];
    for (let n = 0; n < 100; n++) events.push(await eventStore.storeEvent(`${id}:1.0`, message(n)));
    const sent: string[] = [];
    const send = async (eventId: string) => {
      sent.push(eventId);
      if (sent.length === 10) await eventStore.forget(`${id}:`);
    };
    await expect(eventStore.replayEventsAfter(events[0] ?? '', { send })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: 'Events were dropped while they were replayed',
    });
    expect(sent).toEqual(events.slice(1, 1 + sent.length));
  });
});

describe('epochs', () => {
  /** A session that one process has lost to another. */
  async function takenOver() {
    const before = storesAt(redis.url);
    const after = storesAt(redis.url, before.prefix);
    const record = newRecord();
    await before.sessionStore.create(record);
    const event = await before.eventStore.storeEvent(`${record.id}:1.0`, message('before'));
    const claimed = await after.sessionStore.claim(record.id, 1);
    const epoch = claimed.verdict === 'claimed' ? claimed.record.epoch : 0;
    return { before, after, id: record.id, event, epoch };
  }

  test('who has lost the session writes no event any more, on whatever stream, and drops none', async () => {
    const { before, after, id, event, epoch } = await takenOver();
    const fenced = { code: 'STORE_FAILED', message: expect.stringContaining('another incarnation by now') };
    for (const stream of ['1.0', '1.get1', `${epoch}.0`]) {
      await expect(before.eventStore.storeEvent(`${id}:${stream}`, message('late'))).rejects.toMatchObject(fenced);
    }
    await before.eventStore.forget(`${id}:`);
    expect(await replayed(after.eventStore, event)).toEqual([]);
  });

  test('who has it writes on streams of before as well: their calls get their errors', async () => {
    const { after, id, event, epoch } = await takenOver();
    const error = await after.eventStore.storeEvent(`${id}:1.0`, message('cut off'));
    await after.eventStore.storeEvent(`${id}:${epoch}.0`, message('new'));
    expect(await replayed(after.eventStore, event)).toEqual([error]);
    await after.eventStore.forget(`${id}:`);
    expect(await replayed(after.eventStore, event)).toBeUndefined();
  });

  test('somebody who knows nothing of the session is held to the epoch of the stream', async () => {
    const { before, id, epoch } = await takenOver();
    const { eventStore } = storesAt(redis.url, before.prefix);
    await expect(eventStore.storeEvent(`${id}:1.0`, message('late'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await eventStore.storeEvent(`${id}:${epoch}.0`, message('right'))).toMatch(/\d-\d/);
  });

  test('without a record of the session nothing is checked', async () => {
    const { eventStore } = storesAt(redis.url);
    const { id } = newRecord();
    const ids: string[] = [];
    for (const stream of ['1.0', '7.0', '1.0', '0'])
      ids.push(await eventStore.storeEvent(`${id}:${stream}`, message('x')));
    expect(await replayed(eventStore, ids[0] ?? '')).toEqual([ids[2]]);
  });
});

test('streams of the SDK’s own transports have no session, and are kept apart', async () => {
  const { eventStore } = storesAt(redis.url);
  const streams = ['_GET_stream', 'c5b8f1a0-0000-4000-8000-000000000000', '{}', 'a}b', 'ä', 'x'.repeat(5_000)];
  const first = await Promise.all(streams.map((stream) => eventStore.storeEvent(stream, message(1))));
  const second = await Promise.all(streams.map((stream) => eventStore.storeEvent(stream, message(2))));
  for (const [at, id] of first.entries()) {
    expect(await replayed(eventStore, id)).toEqual([second[at]]);
    expect(await eventStore.getStreamIdForEventId(id)).toBe(streams[at]);
  }
});
