/** The contract of a session store that counts: how many sessions there are, and may be. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { SessionCases, SessionSubject } from './sessionSubject.ts';
import { comparable, plainRecord } from './storedRecords.ts';

/** How many sessions there are more than before. */
async function counting(subject: SessionSubject): Promise<() => Promise<[sessions: number, parked: number]>> {
  const before = await subject.store.count();
  return async () => {
    const now = await subject.store.count();
    return [now.sessions - before.sessions, now.parked - before.parked];
  };
}

export const COUNT_CASES: SessionCases = {
  'counts sessions, and those that are parked': async (subject) => {
    const more = await counting(subject);
    const [a, b] = [await subject.create('a'), await subject.create('b')];
    await subject.store.create(a);
    deepStrictEqual(await more(), [2, 0]);
    await subject.park(a, 1);
    await subject.park(a, 2);
    await subject.park(b, 1);
    deepStrictEqual(await more(), [2, 2]);
    const { epoch } = await subject.claim(a.id, 1);
    await subject.store.park(a.id, 1, { at: 9 });
    deepStrictEqual(await more(), [2, 1]);
    await subject.store.remove(a.id, epoch);
    await subject.store.remove(a.id, epoch);
    deepStrictEqual(await more(), [1, 1]);
    await subject.store.remove(b.id, 1);
    deepStrictEqual(await more(), [0, 0]);
  },

  'counts the sessions of each principal, parked ones too': async (subject) => {
    const [one, other] = [subject.principal('one'), subject.principal('other')];
    const limit = { maxPerPrincipal: 2 };
    const create = (name: string, principal: string) =>
      subject.store.create(plainRecord(subject.id(name), { principal }), limit);
    strictEqual(await create('a', one), 'created');
    strictEqual(await create('b', one), 'created');
    strictEqual(await create('c', one), 'principalFull');
    await subject.expectGone(subject.id('c'));
    await subject.park(await subject.record(subject.id('a')), 1);
    strictEqual(await create('c', one), 'principalFull', 'A parked session does not count');
    strictEqual(await create('a', one), 'exists', 'A session that is there was refused for its principal');
    strictEqual(await create('c', other), 'created');
    deepStrictEqual([await subject.store.countOf(one), await subject.store.countOf(other)], [2, 1]);
    await subject.store.remove(subject.id('b'), 1);
    strictEqual(await create('d', one), 'created');
    deepStrictEqual([await subject.store.countOf(one), await subject.store.countOf(subject.principal('none'))], [2, 0]);
  },

  'tells principals apart that are alike, and nobody from all of them': async (subject) => {
    const [a, b] = [subject.principal(''), subject.principal('\0')];
    const others = [a, b, 'null', '', 'undefined', `${a} `, `${'p'.repeat(5_000)}${a}`, `${'p'.repeat(5_000)}${b}`];
    const principals = [null, ...others];
    const before = await Promise.all(principals.map((principal) => subject.store.countOf(principal)));
    for (const [n, principal] of principals.entries()) {
      for (let k = 0; k <= n; k++) await subject.create(`${n}-${k}`, { principal });
    }
    const after = await Promise.all(principals.map((principal) => subject.store.countOf(principal)));
    deepStrictEqual(
      after.map((count, n) => count - (before[n] ?? 0)),
      principals.map((_, n) => n + 1),
    );
  },

  'lets no more in than a principal may have, of those that come at once': async (subject) => {
    const principal = subject.principal('many');
    const records = Array.from({ length: 20 }, (_, n) => plainRecord(subject.id(n), { principal }));
    const verdicts = await Promise.all(records.map((record) => subject.store.create(record, { maxPerPrincipal: 3 })));
    strictEqual(verdicts.filter((verdict) => verdict === 'created').length, 3);
    strictEqual(await subject.store.countOf(principal), 3);
  },

  'ends the longest parked session where one too many is parked, and tells its record': async (subject) => {
    const { parked } = await subject.store.count();
    const live = await subject.create('live', { lastActiveAt: 0 });
    const records = await Promise.all([0, 1, 2, 3].map((n) => subject.create(n, { state: `{"n":${n}}` })));
    const [first = live, second = live, third = live, fourth = live] = records;
    deepStrictEqual(await subject.park(second, 20, parked + 3), []);
    deepStrictEqual(await subject.park(first, 10, parked + 3), []);
    deepStrictEqual(await subject.park(third, 30, parked + 3), []);
    const answer = await subject.store.park(fourth.id, 1, { at: 5, maxParked: parked + 3 });
    const evicted = answer.verdict === 'parked' ? answer.evicted : [];
    deepStrictEqual(
      evicted.map(({ id, record }) => [id, record && comparable(record)]),
      [[first.id, comparable({ ...first, parkedAt: 10 })]],
    );
    await subject.expectGone(first.id);
    for (const { id } of [second, third, fourth, live]) await subject.record(id);
    // Parked anew it is no more than before, and stands behind.
    deepStrictEqual(await subject.park(second, 40, parked + 3), []);
    deepStrictEqual(await subject.park(live, 50, parked + 3), [fourth.id]);
    strictEqual((await subject.store.count()).parked, parked + 3);
  },

  'ends no session that was claimed before': async (subject) => {
    const { parked } = await subject.store.count();
    const records = await Promise.all([0, 1, 2].map((n) => subject.create(n)));
    const [first, second, third] = records;
    if (first === undefined || second === undefined || third === undefined) return;
    await subject.park(first, 1);
    await subject.park(second, 2);
    await subject.claim(first.id, 1);
    deepStrictEqual(await subject.park(third, 3, parked + 1), [second.id]);
    await subject.record(first.id);
  },

  'never ends the session that is being parked': async (subject) => {
    const { parked } = await subject.store.count();
    const records = await Promise.all([0, 1, 2].map((n) => subject.create(n)));
    for (const [n, record] of records.entries()) await subject.park(record, n);
    const [first = plainRecord('none'), second] = records;
    // It is parked longest, and there is one too many.
    deepStrictEqual(await subject.park(first, 0, parked + 2), [second?.id]);
    strictEqual((await subject.record(first.id)).parkedAt, 0);
  },

  'ends 16 parked sessions at a time where far too many are': async (subject) => {
    const { parked } = await subject.store.count();
    const records = await Promise.all(Array.from({ length: 41 }, (_, n) => subject.create(n)));
    for (const [n, record] of records.slice(0, 40).entries()) await subject.park(record, n);
    const last = records[40] ?? plainRecord('none');
    deepStrictEqual(
      await subject.park(last, 99, parked + 2),
      records.slice(0, 16).map(({ id }) => id),
    );
    deepStrictEqual(
      await subject.park(last, 99, parked + 2),
      records.slice(16, 32).map(({ id }) => id),
    );
    strictEqual((await subject.store.count()).parked, parked + 9);
  },
};
