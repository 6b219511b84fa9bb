/** The contract of a session store: which sessions have expired, in what order, and how many are told at once. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import type { SessionCases } from './sessionSubject.ts';
import { plainRecord } from './storedRecords.ts';

/** Before all that a store may hold of others. */
const THEN = 5_000;

export const DEADLINE_CASES: SessionCases = {
  'tells what has expired by a time, at it included': async (subject) => {
    for (const [n, idleDeadline] of [THEN + 1, THEN, THEN - 1, null].entries())
      await subject.create(n, { idleDeadline });
    const [before, at, after] = [2, 1, 0].map((n) => subject.id(n));
    const ids = async (by: number) => (await subject.expired(by)).map(({ id }) => id);
    deepStrictEqual(await ids(THEN - 2), []);
    deepStrictEqual(await ids(THEN), [before, at]);
    deepStrictEqual(await ids(THEN + 1), [before, at, after]);
  },

  'goes by the earlier of the two deadlines': async (subject) => {
    await subject.create('idle', { idleDeadline: THEN, lifetimeDeadline: THEN + 9 });
    await subject.create('lifetime', { idleDeadline: THEN + 9, lifetimeDeadline: THEN - 1 });
    await subject.create('lifetimeAlone', { lifetimeDeadline: THEN - 2 });
    await subject.create('later', { idleDeadline: THEN + 1, lifetimeDeadline: THEN + 1 });
    const told = (await subject.expired(THEN)).map(({ id, deadline }) => [id, deadline]);
    const names = ['lifetimeAlone', 'lifetime', 'idle'].map((name) => subject.id(name));
    deepStrictEqual(
      told,
      [THEN - 2, THEN - 1, THEN].map((deadline, n) => [names[n], deadline]),
    );
  },

  'has them in the order of their deadlines, and of their ids where those are the same': async (subject) => {
    const deadlines = [9, 10, 100, 99, 1_000, 0, 255, 256, 65_536, 4_294_967_296, 5, 5, 5].map((time) => time + THEN);
    await Promise.all(deadlines.map((idleDeadline, n) => subject.create(n, { idleDeadline })));
    const expected = deadlines
      .map((deadline, n) => ({ id: subject.id(n), epoch: 1, deadline }))
      .sort((a, b) => a.deadline - b.deadline || (a.id < b.id ? -1 : 1));
    for (const pages of [1_000, 4, 1]) deepStrictEqual(await subject.expired(2 ** 40, pages), expected);
  },

  'tells as many as it is asked for, and 1 000 at most': async (subject) => {
    const records = Array.from({ length: 1_050 }, (_, n) => plainRecord(subject.id(n), { idleDeadline: n % 7 }));
    await Promise.all(records.map((record) => subject.store.create(record)));
    deepStrictEqual(await subject.store.expired(10, 0), []);
    strictEqual((await subject.store.expired(10, 3)).length, 3);
    ok((await subject.store.expired(10, 5_000)).length <= 1_000, 'More than 1 000 expired sessions came at once');
    const all = await subject.expired(10, 400);
    strictEqual(new Set(all.map(({ id }) => id)).size, 1_050, 'Pages left sessions out');
    strictEqual(all.length, 1_050, 'Pages told sessions twice');
  },

  'follows what becomes of a session: changed, parked, claimed, removed': async (subject) => {
    const { id } = await subject.create(0, { idleDeadline: THEN });
    const told = async () => (await subject.expired(THEN + 10)).map(({ epoch, deadline }) => [epoch, deadline]);
    deepStrictEqual(await told(), [[1, THEN]]);
    await subject.store.update(id, 1, { idleDeadline: THEN + 5 });
    deepStrictEqual(await told(), [[1, THEN + 5]]);
    await subject.store.park(id, 1, { at: 1, change: { idleDeadline: THEN + 6 } });
    deepStrictEqual(await told(), [[1, THEN + 6]]);
    const { epoch } = await subject.claim(id, 1);
    deepStrictEqual(await told(), [[epoch, THEN + 6]]);
    await subject.store.update(id, epoch, { idleDeadline: null });
    deepStrictEqual(await told(), []);
    await subject.store.update(id, epoch, { idleDeadline: THEN - 1 });
    deepStrictEqual(await told(), [[epoch, THEN - 1]]);
    await subject.store.update(id, 1, { idleDeadline: THEN + 7 });
    deepStrictEqual(await told(), [[epoch, THEN - 1]], 'A fenced change moved a deadline');
    await subject.store.remove(id, epoch);
    deepStrictEqual(await told(), []);
  },
};
