/** The session store in Redis, beyond its contract: what expires when, and what happens where answers get lost. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GRACE, TOMBSTONE_TIME, UNUSED_TIME } from '../../src/redis/sessionScripts.ts';
import { redisProxy } from './redisProxy.ts';
import { type RedisServer, startRedis } from './redisServer.ts';
import { message, newRecord, storesAt } from './stores.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.dispose());

const HOUR = 3_600_000;
/** How far a time may be off that was measured after it began to run, in ms. */
const SLACK = 10_000;

async function timeLeft(key: string): Promise<number> {
  return Number(await redis.ask('PTTL', key));
}

describe('everything expires', () => {
  test('a record some time after the earlier of its deadlines, and after a month where it has none', async () => {
    const { sessionStore, keys } = storesAt(redis.url);
    const now = Date.now();
    const cases = [
      [{ idleDeadline: now + HOUR, lifetimeDeadline: now + 2 * HOUR }, HOUR + GRACE],
      [{ idleDeadline: now + 2 * HOUR, lifetimeDeadline: now + HOUR }, HOUR + GRACE],
      [{ idleDeadline: null, lifetimeDeadline: now + HOUR }, HOUR + GRACE],
      [{ idleDeadline: now + HOUR, lifetimeDeadline: null }, HOUR + GRACE],
      [{ idleDeadline: null, lifetimeDeadline: null }, UNUSED_TIME],
      // Clocks differ, and who looks for it has to find that it is over.
      [{ idleDeadline: now - HOUR, lifetimeDeadline: null }, GRACE],
      [{ idleDeadline: 8.64e15, lifetimeDeadline: null }, 8.64e15 - now + GRACE],
    ] as const;
    for (const [deadlines, expected] of cases) {
      const record = newRecord(deadlines);
      await sessionStore.create(record);
      const left = await timeLeft(keys(record.id)[0]);
      expect(left, JSON.stringify(deadlines)).toBeLessThanOrEqual(expected + SLACK);
      expect(left, JSON.stringify(deadlines)).toBeGreaterThan(expected - SLACK);
    }
  });

  test('each write prolongs it, and with it the events', async () => {
    const { sessionStore, eventStore, keys } = storesAt(redis.url);
    const record = newRecord({ idleDeadline: Date.now() + HOUR });
    const [key, events] = keys(record.id);
    await sessionStore.create(record);
    await eventStore.storeEvent(`${record.id}:1.0`, message('x'));
    const expectLeft = async (hours: number) => {
      for (const each of [key, events]) {
        expect(Math.abs((await timeLeft(each)) - hours * HOUR - GRACE)).toBeLessThan(SLACK);
      }
    };
    await expectLeft(1);
    await sessionStore.update(record.id, 1, { idleDeadline: Date.now() + 2 * HOUR });
    await expectLeft(2);
    await sessionStore.park(record.id, 1, { at: Date.now(), change: { idleDeadline: Date.now() + 3 * HOUR } });
    await expectLeft(3);
    await redis.ask('PEXPIRE', key, '5000'); // a claim prolongs the record alone
    await sessionStore.claim(record.id, 1);
    await expectLeft(3);
  });

  test('what was removed is known for a day, takes its events along, and never comes back', async () => {
    const { sessionStore, eventStore, keys } = storesAt(redis.url);
    const record = newRecord();
    const [key, events] = keys(record.id);
    await sessionStore.create(record);
    await eventStore.storeEvent(`${record.id}:1.0`, message('x'));
    expect(await sessionStore.remove(record.id, 1)).toBe('removed');
    expect(Math.abs((await timeLeft(key)) - TOMBSTONE_TIME)).toBeLessThan(SLACK);
    expect(await redis.ask('EXISTS', events)).toBe(0);
    expect(await sessionStore.create(record)).toBe('exists');
    expect(await sessionStore.load(record.id)).toEqual({ verdict: 'gone' });
    await expect(eventStore.storeEvent(`${record.id}:1.0`, message('x'))).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: 'The session has ended; its event was not stored',
    });
    expect(await redis.ask('EXISTS', events)).toBe(0);
  });

  test('no key is left without a time', async () => {
    const { sessionStore, eventStore, directory, prefix } = storesAt(redis.url);
    await sessionStore.create(newRecord());
    const { id } = newRecord();
    await eventStore.storeEvent(`${id}:1.0`, message('x'));
    await eventStore.storeEvent('alone', message('x'));
    await directory.join({ id: 'a#1', node: 'a', url: 'http://localhost:1' }, 5_000);
    const keys = (await redis.ask('KEYS', `${prefix}*`)) as string[];
    expect(keys).toHaveLength(4);
    for (const key of keys) expect(await timeLeft(key), key).toBeGreaterThan(0);
  });
});

test('epochs are times of Redis, so that they grow even where it has lost the last ones', async () => {
  const { sessionStore, keys } = storesAt(redis.url);
  const record = newRecord();
  await sessionStore.create(record);
  const first = await sessionStore.claim(record.id, 1, 'a#1');
  const epoch = first.verdict === 'claimed' ? first.record.epoch : 0;
  expect(Math.abs(epoch - Date.now())).toBeLessThan(SLACK);
  // A clock that stands still: one more than before.
  const [key] = keys(record.id);
  const standing = String(await redis.ask('HGET', key, 'v'));
  await redis.ask('HSET', key, 'v', standing.replace(String(epoch), String(epoch + 10 * HOUR)));
  const second = await sessionStore.claim(record.id, epoch + 10 * HOUR);
  expect(second.verdict === 'claimed' && second.record.epoch).toBe(epoch + 10 * HOUR + 1);
});

describe('an answer that is lost', () => {
  test('a create and a claim are asked again, and know that it was they', async () => {
    const proxy = await redisProxy(redis.port);
    const { sessionStore } = storesAt(proxy.url);
    const record = newRecord();
    proxy.loseAnswers(1);
    expect(await sessionStore.create(record)).toBe('created');
    expect(await sessionStore.create(record)).toBe('exists');
    proxy.loseAnswers(1);
    const claimed = await sessionStore.claim(record.id, 1, 'a#1');
    expect(claimed).toMatchObject({ verdict: 'claimed', record: { owner: 'a#1' } });
    expect(await sessionStore.claim(record.id, 1, 'a#1')).toEqual({ verdict: 'fenced' });
    const epoch = claimed.verdict === 'claimed' ? claimed.record.epoch : 0;
    expect(await sessionStore.load(record.id)).toMatchObject({ record: { epoch } });
    expect(proxy.lost).toBe(2);
  });

  test('of a removal too; another’s is none of one’s own', async () => {
    const proxy = await redisProxy(redis.port);
    const { sessionStore } = storesAt(proxy.url);
    const [mine, another] = [newRecord(), newRecord()];
    for (const record of [mine, another]) await sessionStore.create(record);
    proxy.loseAnswers(1);
    expect(await sessionStore.remove(mine.id, 1)).toBe('removed');
    expect(await sessionStore.remove(mine.id, 1)).toBe('gone');
    expect(proxy.lost).toBe(1);
    proxy.loseAnswers(2);
    await expect(sessionStore.update(another.id, 1, { logLevel: 'info' })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('was lost before it had answered'),
    });
    expect(await sessionStore.load(another.id)).toMatchObject({ record: { logLevel: 'info' } });
  });

  test('a change is written again, and a record is read again', async () => {
    const proxy = await redisProxy(redis.port);
    const { sessionStore } = storesAt(proxy.url);
    const record = newRecord();
    await sessionStore.create(record);
    proxy.loseAnswers(1);
    expect(await sessionStore.update(record.id, 1, { state: '{"n":1}' })).toBe('updated');
    proxy.loseAnswers(1);
    expect(await sessionStore.load(record.id)).toMatchObject({ record: { state: '{"n":1}' } });
    proxy.loseAnswers(1);
    expect(await sessionStore.park(record.id, 1, { at: 7 })).toEqual({ verdict: 'parked', evicted: [] });
    expect(proxy.lost).toBe(3);
    expect(await sessionStore.load(record.id)).toMatchObject({ record: { parkedAt: 7 } });
  });

  test('a node that joins and is not told so has joined', async () => {
    const proxy = await redisProxy(redis.port);
    const { directory } = storesAt(proxy.url);
    proxy.loseAnswers(1);
    const life = { id: 'a#1', node: 'a', url: 'http://localhost:1' };
    expect(await directory.join(life, 5_000)).toBe('joined');
    expect(await directory.join(life, 5_000)).toBe('taken');
    proxy.loseAnswers(1);
    expect(await directory.renew(life.id, 5_000)).toBe('renewed');
  });
});

test('a write that was given up, and arrives late, undoes nothing that came after it', async () => {
  const proxy = await redisProxy(redis.port);
  const { prefix, sessionStore: direct } = storesAt(redis.url);
  const { sessionStore: delayed } = storesAt(proxy.url, prefix);
  const record = newRecord();
  await delayed.create(record);
  proxy.hold(true);
  await expect(delayed.update(record.id, 1, { state: '{"n":1}' })).rejects.toMatchObject({ code: 'STORE_FAILED' });
  // The same incarnation, by another connection: its writes are numbered on.
  expect(await direct.update(record.id, 1, { logLevel: 'info' })).toBe('updated');
  for (const n of [2, 3, 4]) expect(await direct.update(record.id, 1, { state: `{"n":${n}}` })).toBe('updated');
  proxy.hold(false);
  // What comes behind it on the same connection is done after it.
  expect(await delayed.load(record.id)).toMatchObject({ record: { state: '{"n":4}', logLevel: 'info' } });
  expect(await delayed.update(record.id, 1, { state: '{"n":5}' })).toBe('updated');
  expect(await direct.load(record.id)).toMatchObject({ record: { state: '{"n":5}' } });
});

describe('what another version or another program has written', () => {
  test('a newer format is left alone', async () => {
    const { sessionStore, keys } = storesAt(redis.url);
    const record = newRecord();
    await sessionStore.create(record);
    const [key] = keys(record.id);
    const [standing, rest] = [await redis.ask('HGET', key, 'v'), await redis.ask('HGET', key, 'r')];
    await redis.ask('HSET', key, 'v', String(standing).replace(/^1/, '2'));
    await redis.ask('HSET', key, 'r', String(rest).replace('"format":1', '"format":2'));
    const unreadable = { verdict: 'unreadable', why: 'newerFormat' };
    expect(await sessionStore.load(record.id)).toEqual(unreadable);
    expect(await sessionStore.claim(record.id, 1)).toEqual(unreadable);
    expect(await sessionStore.update(record.id, 1, { initialized: true })).toBe('fenced');
    expect(await sessionStore.park(record.id, 1, { at: 1 })).toEqual({ verdict: 'fenced' });
    expect(await sessionStore.remove(record.id, 1)).toBe('fenced');
  });

  test('what is no record can be removed, and nothing else', async () => {
    const { sessionStore, keys } = storesAt(redis.url);
    const record = newRecord();
    await sessionStore.create(record);
    await redis.ask('HSET', keys(record.id)[0], 'v', 'nonsense');
    expect(await sessionStore.load(record.id)).toMatchObject({ verdict: 'unreadable' });
    expect(await sessionStore.claim(record.id, 1)).toMatchObject({ verdict: 'unreadable' });
    expect(await sessionStore.update(record.id, 1, { initialized: true })).toBe('fenced');
    expect(await sessionStore.remove(record.id, 1)).toBe('removed');
    expect(await sessionStore.load(record.id)).toEqual({ verdict: 'gone' });
  });

  test('a change that makes a record too large is refused, and nothing is written', async () => {
    const { sessionStore } = storesAt(redis.url);
    const record = newRecord();
    await sessionStore.create(record);
    const state = JSON.stringify({ large: 'x'.repeat(1_048_576) });
    await expect(sessionStore.update(record.id, 1, { state, logLevel: 'info' })).rejects.toMatchObject({
      code: 'INVALID_RECORD',
    });
    expect(await sessionStore.load(record.id)).toEqual({ verdict: 'found', record });
  });
});

test('the store does not count, and says so', async () => {
  const { sessionStore } = storesAt(redis.url);
  await sessionStore.create(newRecord({ principal: 'a' }));
  expect([sessionStore.counts, sessionStore.expires, sessionStore.durable]).toEqual([false, true, true]);
  expect(await sessionStore.count()).toEqual({ sessions: 0, parked: 0 });
  expect(await sessionStore.countOf('a')).toBe(0);
});

test('a session takes less than a kilobyte, as the docs say', async () => {
  const { sessionStore, keys } = storesAt(redis.url);
  const record = newRecord({ idleDeadline: Date.now() + HOUR });
  await sessionStore.create(record);
  const bytes = Number(await redis.ask('MEMORY', 'USAGE', keys(record.id)[0]));
  expect(bytes).toBeLessThan(1_000);
  await sessionStore.remove(record.id, 1);
  expect(Number(await redis.ask('MEMORY', 'USAGE', keys(record.id)[0]))).toBeLessThan(200);
});
