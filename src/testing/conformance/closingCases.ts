/** The contract of a session store: what is left when it is closed. */
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { type SessionCases, SessionSubject } from './sessionSubject.ts';
import { comparable, ODD_RECORDS, plainRecord } from './storedRecords.ts';

export const CLOSING_CASES: SessionCases = {
  'rejects whatever it is asked after it was closed, and may be closed twice': async (subject) => {
    const { store } = subject;
    const record = await subject.create(0);
    await Promise.all([store.close(), store.close()]);
    await store.close();
    const operations: Readonly<Record<string, () => Promise<unknown>>> = {
      create: () => store.create(plainRecord(subject.id(1))),
      load: () => store.load(record.id),
      claim: () => store.claim(record.id, 1),
      update: () => store.update(record.id, 1, { initialized: true }),
      park: () => store.park(record.id, 1, { at: 1 }),
      remove: () => store.remove(record.id, 1),
      expired: () => store.expired(1, 1),
      count: () => store.count(),
      countOf: () => store.countOf(null),
    };
    for (const [name, run] of Object.entries(operations)) {
      await rejects(
        async () => run(),
        () => true,
        `${name} was answered by a store that is closed`,
      );
    }
  },

  'settles what it was given before it was closed': async (subject) => {
    const created = Array.from({ length: 20 }, (_, n) => subject.store.create(plainRecord(subject.id(n))));
    const settled = Promise.allSettled(created);
    await subject.store.close();
    const results = await settled;
    // To be created or to be refused is both well; nobody is left without an answer.
    strictEqual(results.length, 20);
  },

  'has all of it when it is opened again, where it is durable': async (subject) => {
    const { store, reopen } = subject;
    if (!store.durable || reopen === undefined) return;
    const principal = subject.principal('again');
    for (const [n, odd] of ODD_RECORDS.entries()) await subject.create(n, { ...odd, epoch: n + 1 });
    for (const n of [1, 2, 3]) await subject.create(`counted ${n}`.replace(' ', '-'), { principal, idleDeadline: n });
    const parked = await subject.create('parked', { logLevel: 'info' });
    await subject.park(parked, 9);
    const { epoch } = await subject.claim(subject.id('counted-1'), 1);
    await store.remove(subject.id('counted-2'), 1);
    const told = await subject.expired(10);
    const unwaited = store.update(parked.id, 1, { state: '{"last":1}' });
    await store.close();
    const last = await unwaited.then(
      (verdict) => verdict === 'updated',
      () => false,
    );

    const again = new SessionSubject(await reopen());
    for (const [n, odd] of ODD_RECORDS.entries()) {
      await again.expectRecord(plainRecord(subject.id(n), { ...odd, epoch: n + 1 }));
    }
    await again.expectGone(subject.id('counted-2'));
    await again.expectFenced(subject.id('counted-1'), 1);
    const state = last ? '{"last":1}' : '{}';
    deepStrictEqual(comparable(await again.record(parked.id)), comparable({ ...parked, parkedAt: 9, state }));
    const ours = told.map(({ id }) => id);
    deepStrictEqual(
      (await again.store.expired(10, 1_000)).filter(({ id }) => ours.includes(id)),
      told,
    );
    strictEqual(await again.store.countOf(principal), again.store.counts ? 2 : 0);
    ok((await again.claim(subject.id('counted-1'), epoch)).epoch > epoch);
  },
};
