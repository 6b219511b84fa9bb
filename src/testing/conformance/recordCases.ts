/** The contract of a session store: what is in a record, and that each session has its own. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { SessionCases } from './sessionSubject.ts';
import { CHANGES, comparable, LARGE, ODD_RECORDS, plainRecord } from './storedRecords.ts';

export const RECORD_CASES: SessionCases = {
  'creates a session only where there is none': async (subject) => {
    const first = await subject.create(0, { logLevel: 'info' });
    strictEqual(await subject.store.create({ ...first, epoch: 7, logLevel: 'debug' }), 'exists');
    await subject.expectRecord(first);
  },

  'gives records back as they were: any JSON, any text': async (subject) => {
    for (const [n, odd] of ODD_RECORDS.entries()) await subject.expectRecord(await subject.create(n, odd));
  },

  'takes a record of nearly 1 MiB': async (subject) => {
    const { id } = await subject.create(0);
    await subject.expectRecord(await subject.create('large', LARGE));
    strictEqual(await subject.store.update(id, 1, { state: LARGE.state ?? '' }), 'updated');
    await subject.expectRecord(plainRecord(id, LARGE));
  },

  'gives copies: what is done with a record changes nothing': async (subject) => {
    const given = { capabilities: { tools: { listChanged: true } }, subscriptions: ['a:b'] };
    const record = await subject.create(0, given);
    given.capabilities.tools.listChanged = false;
    given.subscriptions.push('c:d');
    const kept = plainRecord(record.id, { capabilities: { tools: { listChanged: true } }, subscriptions: ['a:b'] });
    await subject.expectRecord(kept);
    const got = await subject.record(record.id);
    Object.assign(got.initialize, { clientInfo: 'changed' });
    (got.subscriptions as string[]).push('e:f');
    await subject.expectRecord(kept);
  },

  'answers `gone` for every id that it does not have': async (subject) => {
    const { id } = await subject.create(0);
    const alike = [id.slice(0, -1), `${id}0`, ` ${id}`, `${id}\n`, id.toUpperCase(), `${id}\0`, `${id}%`, `${id}*`];
    const odd = ['', ' ', '\0', '*', '%', 'ä', '\ud800', '__proto__', 'constructor', '[]', 'x'.repeat(10_000)];
    for (const other of [...alike, ...odd]) await subject.expectGone(other);
    await subject.expectRecord(plainRecord(id));
  },

  'keeps sessions apart whose ids are alike': async (subject) => {
    const names = ['a', 'A', 'aa', 'a:', 'a_', 'a%', 'a/', 'a*', 'a.', "a'", 'a"', 'a\\', 'x'.repeat(200)];
    const records = await Promise.all(names.map((name, n) => subject.create(name, { lastActiveAt: n })));
    for (const [n, { id }] of records.entries()) {
      if (n % 2 === 0) strictEqual(await subject.store.remove(id, 1), 'removed');
    }
    for (const [n, record] of records.entries()) {
      if (n % 2 === 0) await subject.expectGone(record.id);
      else await subject.expectRecord(record);
    }
  },

  'changes what it is given, and nothing else': async (subject) => {
    let record = await subject.create(0, { state: '{"a":1}', subscriptions: ['a:b'], history: [[0, 'opened', 1]] });
    for (const change of CHANGES) {
      strictEqual(await subject.store.update(record.id, 1, change), 'updated');
      record = { ...record, ...change };
      await subject.expectRecord(record);
    }
    const back = { logLevel: null, idleDeadline: null, subscriptions: [], state: '{}', initialized: false };
    strictEqual(await subject.store.update(record.id, 1, back), 'updated');
    await subject.expectRecord({ ...record, ...back });
    strictEqual(await subject.store.update(record.id, 1, {}), 'updated');
    await subject.expectRecord({ ...record, ...back });
  },

  'loses none of the changes that are made at once': async (subject) => {
    const record = await subject.create(0);
    const verdicts = await Promise.all(CHANGES.map((change) => subject.store.update(record.id, 1, change)));
    deepStrictEqual(new Set(verdicts), new Set(['updated']));
    await subject.expectRecord(Object.assign({ ...record }, ...CHANGES));
  },

  'has every session that was created at once with others': async (subject) => {
    const before = await subject.store.count();
    const records = Array.from({ length: 500 }, (_, n) => plainRecord(subject.id(n), { lastActiveAt: n }));
    const verdicts = await Promise.all(records.map((record) => subject.store.create(record)));
    deepStrictEqual(new Set(verdicts), new Set(['created']));
    const loaded = await Promise.all(records.map(({ id }) => subject.record(id)));
    deepStrictEqual(loaded.map(comparable), records.map(comparable));
    if (subject.store.counts) strictEqual((await subject.store.count()).sessions, before.sessions + 500);
  },
};
