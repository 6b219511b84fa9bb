/** The session store in memory: what it refuses, and that it keeps order beside a model that is too simple to be wrong. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemorySessionStore, type ExpiredSession, SupervisorError } from '../../src/index.ts';
import { RECORD_LIMITS } from '../../src/stores/sessionRecord.ts';
import { SharedTexts } from '../../src/stores/sharedTexts.ts';
import { TimeHeap } from '../../src/stores/timeHeap.ts';
import { sessionRecord } from './sessionRecords.ts';

test('handshakes that are alike are kept once, for as long as a session has them', () => {
  const texts = new SharedTexts();
  const [one, same, other] = [texts.take('a'), texts.take(`${'a'}`), texts.take('b')];
  expect(same).toBe(one);
  expect(texts.size).toBe(2);
  texts.giveBack(one);
  texts.giveBack(other);
  expect(texts.size).toBe(1);
  texts.giveBack(same);
  expect(texts.size).toBe(0);
});

test('it is not durable, and counts', () => {
  expect(createMemorySessionStore()).toMatchObject({ durable: false, counts: true });
});

test('what is no record, or too large, is refused, and nothing of it is written', async () => {
  const store = createMemorySessionStore();
  const refused = expect.objectContaining({ name: 'SupervisorError', code: 'INVALID_RECORD' });
  const because = (why: string) => expect.objectContaining({ message: `A session can't be stored: ${why}` });
  const state = JSON.stringify({ large: 'x'.repeat(RECORD_LIMITS.bytes) });
  const wrong = [{ id: '' }, { parkedAt: 1 }, { state }, { token: 'secret' }];
  for (const but of wrong) await expect(store.create({ ...sessionRecord('wrong'), ...but })).rejects.toEqual(refused);
  expect(await store.count()).toEqual({ sessions: 0, parked: 0 });

  const parkedAtOnce = store.create(sessionRecord('wrong', { parkedAt: 1 }));
  await expect(parkedAtOnce).rejects.toEqual(because('it is parked before it was ever open'));

  const record = sessionRecord('id');
  await store.create(record);
  await expect(store.update('id', 1, { logLevel: 'debug', state })).rejects.toEqual(refused);
  await expect(store.update('id', 1, { parkedAt: 1 } as object)).rejects.toEqual(refused);
  await expect(store.park('id', 1, { at: 1, change: { logLevel: 'debug', state } })).rejects.toEqual(refused);
  const parking = store.park('id', 1, { at: 1.5 });
  await expect(parking).rejects.toEqual(because('its parkedAt is not what it has to be'));
  expect(await store.load('id')).toEqual({ verdict: 'found', record });
  expect(await store.count()).toEqual({ sessions: 1, parked: 0 });
});

test('after it was closed it says so', async () => {
  const store = createMemorySessionStore();
  await store.close();
  const error = await store.load('id').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SupervisorError);
  expect(error).toMatchObject({ code: 'STORE_CLOSED', message: 'The session store was closed' });
});

test('a heap has its items in order, whatever comes and goes', () => {
  interface Item {
    readonly id: string;
    at: number;
  }
  const change = fc.tuple(fc.nat(60), fc.option(fc.integer({ min: -3, max: 12 })));
  fc.assert(
    fc.property(fc.array(change, { minLength: 50, maxLength: 300 }), (changes) => {
      const items = Array.from({ length: 61 }, (_, n): Item => ({ id: String(n), at: -1 }));
      const heap = new TimeHeap<Item>({
        get: ({ at }) => at,
        set: (item, at) => {
          item.at = at;
        },
      });
      const times = new Map<Item, number>();
      for (const [n, time] of changes) {
        const item = items[n] as Item;
        if (time === null) heap.delete(item);
        else heap.set(item, time > 10 ? Number.POSITIVE_INFINITY : time);
        if (time === null || time > 10) times.delete(item);
        else times.set(item, time);
      }
      const sorted = [...times].sort(([a, x], [b, y]) => x - y || (a.id < b.id ? -1 : 1)).map(([item]) => item.id);
      expect(heap.size).toBe(sorted.length);
      expect(heap.first?.id).toBe(sorted[0]);
      expect([...heap.upTo(Number.POSITIVE_INFINITY)].map(({ item }) => item.id)).toEqual(sorted);
      // And as a queue.
      for (const id of sorted) {
        expect(heap.first?.id).toBe(id);
        heap.delete(items[Number(id)] as Item);
      }
      heap.set(items[0] as Item, 1);
      heap.clear();
      expect([heap.size, heap.first, ...heap.upTo(Number.POSITIVE_INFINITY)]).toEqual([0, undefined]);
    }),
  );
});

/** What a model knows of a session. */
interface Known {
  readonly id: string;
  epoch: number;
  deadline: number;
  parkedAt: number | undefined;
}

const time = fc.integer({ min: 0, max: 5 });
const name = fc.integer({ min: 0, max: 9 }).map((n) => `s${n}`);
const command = fc.oneof(
  fc.record({ do: fc.constant('create' as const), id: name, time }),
  fc.record({ do: fc.constant('update' as const), id: name, time }),
  fc.record({ do: fc.constant('park' as const), id: name, time, most: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('claim' as const), id: name }),
  fc.record({ do: fc.constant('remove' as const), id: name }),
  fc.record({ do: fc.constant('expired' as const), time, after: fc.option(fc.tuple(time, name)) }),
);

test('whatever is done, it holds what a list of sessions would', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 40, maxLength: 100 }), async (commands) => {
      const store = createMemorySessionStore();
      let known: Known[] = [];
      const parked = () =>
        known
          .filter(({ parkedAt }) => parkedAt !== undefined)
          .toSorted((a, b) => Number(a.parkedAt) - Number(b.parkedAt) || (a.id < b.id ? -1 : 1));
      for (const each of commands) {
        const session = 'id' in each ? known.find(({ id }) => id === each.id) : undefined;
        const epoch = session?.epoch ?? 1;
        if (each.do === 'create') {
          const verdict = await store.create(sessionRecord(each.id, { idleDeadline: each.time }));
          expect(verdict).toBe(session === undefined ? 'created' : 'exists');
          if (session === undefined) known.push({ id: each.id, epoch: 1, deadline: each.time, parkedAt: undefined });
        } else if (each.do === 'update') {
          await store.update(each.id, epoch, { idleDeadline: each.time });
          if (session !== undefined) session.deadline = each.time;
        } else if (each.do === 'park' && session !== undefined) {
          session.parkedAt = undefined;
          const ended = parked().slice(0, Math.max(0, parked().length - each.most + 1));
          known = known.filter((other) => !ended.includes(other));
          session.parkedAt = each.time;
          const answer = await store.park(each.id, epoch, { at: each.time, maxParked: each.most });
          const evicted = answer.verdict === 'parked' ? answer.evicted.map(({ id }) => id) : undefined;
          expect(evicted).toEqual(ended.map(({ id }) => id));
        } else if (each.do === 'claim' && session !== undefined) {
          await store.claim(each.id, epoch);
          session.epoch++;
          session.parkedAt = undefined;
        } else if (each.do === 'remove') {
          await store.remove(each.id, epoch);
          known = known.filter(({ id }) => id !== each.id);
        } else if (each.do === 'expired') {
          const [deadline = -1, id = ''] = each.after ?? [];
          const isBehind = (other: Known) =>
            other.deadline > deadline || (other.deadline === deadline && other.id > id);
          const expired: ExpiredSession[] = known
            .filter((other) => other.deadline <= each.time && (each.after === null || isBehind(other)))
            .toSorted((a, b) => a.deadline - b.deadline || (a.id < b.id ? -1 : 1))
            .map(({ id: of, epoch: at, deadline: by }) => ({ id: of, epoch: at, deadline: by }));
          expect(await store.expired(each.time, 100, each.after === null ? undefined : { deadline, id })).toEqual(
            expired,
          );
        }
        expect(await store.count()).toEqual({ sessions: known.length, parked: parked().length });
      }
    }),
  );
});
