/** The contract of a session store: who may write, and what is over for good, also of operations at the same time. */
import { deepStrictEqual, fail, ok, strictEqual } from 'node:assert/strict';
import { label, type SessionCases } from './sessionSubject.ts';
import { plainRecord } from './storedRecords.ts';

/** How often a race is run: some of what goes wrong does so now and then. */
const RACES = 20;

export const EPOCH_CASES: SessionCases = {
  'lets nobody write at another epoch': async (subject) => {
    const { id } = await subject.create(0, { epoch: 5 });
    for (const epoch of [4, 6, 0, -5, 5.5, Number.NaN]) await subject.expectFenced(id, epoch);
    strictEqual(await subject.store.update(id, 5, { initialized: true }), 'updated');
  },

  'makes a greater epoch with each claim, and fences the one before': async (subject) => {
    const { id, epoch: first } = await subject.create(0);
    const epochs = [first];
    for (let n = 0; n < 3; n++) {
      const { epoch } = await subject.claim(id, epochs.at(-1) ?? 0);
      ok(epoch > (epochs.at(-1) ?? 0), `After the epoch ${epochs.at(-1)} came ${epoch}`);
      for (const past of epochs) await subject.expectFenced(id, past);
      epochs.push(epoch);
    }
    const last = epochs.at(-1) ?? 0;
    strictEqual(await subject.store.update(id, last, { logLevel: 'info' }), 'updated');
    await subject.expectRecord(plainRecord(id, { epoch: last, logLevel: 'info' }));
  },

  'claims a session as it is now, and changes nothing of it but its epoch and that it is parked': async (subject) => {
    const record = await subject.create(0, { principal: subject.principal('a'), initialized: true });
    strictEqual(await subject.store.update(record.id, 1, { state: '{"a":1}' }), 'updated');
    await subject.store.park(record.id, 1, { at: 7, change: { subscriptions: ['a:b'] } });
    const parked = { ...record, state: '{"a":1}', subscriptions: ['a:b'], parkedAt: 7 };
    await subject.expectRecord(parked);
    const claimed = await subject.claim(record.id, 1);
    deepStrictEqual(claimed, { ...parked, epoch: claimed.epoch, parkedAt: null });
    await subject.expectRecord(claimed);
  },

  'remembers who has a session: as created, as claimed, and nobody while it is parked': async (subject) => {
    const record = await subject.create(0, { owner: 'a#1' });
    await subject.expectRecord(record);
    strictEqual(await subject.store.update(record.id, 1, { logLevel: 'info' }), 'updated');
    await subject.expectRecord({ ...record, logLevel: 'info' });
    const taken = await subject.store.claim(record.id, 1, 'b#1');
    if (taken.verdict !== 'claimed') return fail(`A session could not be claimed: ${taken.verdict}`);
    strictEqual(taken.record.owner, 'b#1');
    await subject.expectRecord(taken.record);
    await subject.park(taken.record, 5);
    strictEqual((await subject.record(record.id)).owner, undefined, 'A parked session has an owner');
    const free = await subject.claim(record.id, taken.record.epoch);
    strictEqual(free.owner, undefined, 'A session that was claimed for nobody has an owner');
    await subject.expectRecord(free);
    const again = await subject.store.claim(record.id, free.epoch, 'c#1');
    strictEqual(again.verdict === 'claimed' && again.record.owner, 'c#1');
    const unowned = await subject.claim(record.id, again.verdict === 'claimed' ? again.record.epoch : 0);
    strictEqual(unowned.owner, undefined, 'The owner before is still there');
  },

  'gives a session to one of those that claim it at once': async (subject) => {
    for (let n = 0; n < RACES; n++) {
      const { id } = await subject.create(n);
      const claims = await Promise.all(Array.from({ length: 5 }, () => subject.store.claim(id, 1)));
      const claimed = claims.flatMap((claim) => (claim.verdict === 'claimed' ? [claim.record] : []));
      deepStrictEqual(claims.map(({ verdict }) => verdict).sort(), ['claimed', ...Array(4).fill('fenced')]);
      await subject.expectRecord(claimed[0] ?? plainRecord(id));
    }
  },

  'creates a session once, of those that are created at once under one id': async (subject) => {
    for (let n = 0; n < RACES; n++) {
      const records = [0, 1, 2].map((lastActiveAt) => plainRecord(subject.id(n), { lastActiveAt }));
      const verdicts = await Promise.all(records.map((record) => subject.store.create(record)));
      deepStrictEqual(verdicts.toSorted(), ['created', 'exists', 'exists']);
      await subject.expectRecord(records[verdicts.indexOf('created')] ?? plainRecord('none'));
    }
  },

  'brings nothing back that was removed, whatever is done at once': async (subject) => {
    for (let n = 0; n < RACES; n++) {
      const { id } = await subject.create(n, { idleDeadline: 1 });
      const change = { state: '{"late":true}', idleDeadline: 2 };
      const park = () => subject.store.park(id, 1, { at: 1, change });
      const [early, parked, removed, late] = await shuffled(n, [
        () => subject.store.update(id, 1, change),
        async () => (await park()).verdict,
        () => subject.store.remove(id, 1),
        () => subject.store.update(id, 1, change),
      ]);
      strictEqual(removed, 'removed');
      for (const verdict of [early, late]) ok(verdict === 'updated' || verdict === 'gone', String(verdict));
      ok(parked === 'parked' || parked === 'gone', String(parked));
      await subject.expectGone(id);
    }
    deepStrictEqual(await subject.expired(2), [], 'A session that was removed is still among the expired');
  },

  'either claims a session or removes it, of those that do so at once': async (subject) => {
    for (let n = 0; n < RACES; n++) {
      const { id } = await subject.create(n);
      const [claimed, removed] = await shuffled(n, [
        async () => (await subject.store.claim(id, 1)).verdict,
        () => subject.store.remove(id, 1),
      ]);
      const both = `${claimed}, ${removed}`;
      ok(both === 'claimed, fenced' || both === 'gone, removed', `A claim and a removal at once: ${both}`);
      if (removed === 'removed') await subject.expectGone(id);
      else await subject.expectFenced(id, 1);
    }
  },

  'does not write what it says is fenced, nor loses what it says is written': async (subject) => {
    for (let n = 0; n < RACES; n++) {
      const { id } = await subject.create(n);
      const [claimed, updated] = await shuffled(n, [
        () => subject.claim(id, 1),
        () => subject.store.update(id, 1, { logLevel: 'error' }),
      ]);
      const { epoch, logLevel } = await subject.record(id);
      strictEqual(logLevel, updated === 'updated' ? 'error' : null, `The update was ${updated}`);
      strictEqual(epoch, (claimed as { epoch: number }).epoch);
    }
  },

  'has ended for good what it removed': async (subject) => {
    const ids = await Promise.all(Array.from({ length: 10 }, async (_, n) => (await subject.create(n)).id));
    for (const id of ids) strictEqual(await subject.store.remove(id, 1), 'removed', label(id));
    for (const id of ids) await subject.expectGone(id);
  },
};

/** Begins all of them in one turn, in an order that depends on `n`; what they came to, in the order in which they are given. */
async function shuffled(n: number, operations: readonly (() => Promise<unknown>)[]): Promise<unknown[]> {
  const order = operations.map((_, at) => (at + n) % operations.length);
  if (n % 3 === 0) order.reverse();
  const running = new Map(order.map((at) => [at, operations[at]?.()]));
  return Promise.all(operations.map((_, at) => running.get(at)));
}
