/** Records as the supervisor reads them: how many at a time, for how long, and what is answered to whoever guesses ids. */
import { expect, test } from 'vitest';
import { Records } from '../../src/supervisor/records.ts';
import { sessionRecord } from '../stores/sessionRecords.ts';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { never } from '../support/controlledStore.ts';
import { turns } from '../support/until.ts';
import { TestHost } from './life.ts';

function records() {
  const store = controlledSessionStore();
  const host = new TestHost({ sessionStore: store });
  return {
    host,
    store,
    records: new Records(store, {
      options: host.options,
      log: host.log,
      endedAside: () => {},
      livesHere: () => false,
      owner: () => undefined,
      mayLive: async () => false,
    }),
  };
}

test('10 000 forged ids: none is found, at most 64 are read at a time, and of a crowd 16 384 wait', async () => {
  const { store, records: all } = records();
  let [reading, most] = [0, 0];
  store.before.load = async () => {
    most = Math.max(most, ++reading);
    await turns(1);
    reading--;
  };
  const outcomes: unknown[] = [];
  for (let n = 0; n < 10_000; n += 2_000) {
    const some = Array.from({ length: 2_000 }, (_, m) => all.find(`forged-${n + m}`, undefined));
    outcomes.push(...(await Promise.all(some)));
  }
  expect(new Set(outcomes)).toEqual(new Set(['sessionNotFound']));
  expect(outcomes).toHaveLength(10_000);
  expect(most).toBe(64);
  const crowd = await Promise.all(Array.from({ length: 17_000 }, (_, n) => all.find(`other-${n}`, undefined)));
  const unknown = crowd.filter((outcome) => outcome === 'storeUnavailable').length;
  expect(unknown).toBe(17_000 - 64 - 16_384);
});

test('who waits for its turn while the store hangs waits no longer than a read may take', async () => {
  const { host, store, records: all } = records();
  store.before.load = never;
  const outcomes: unknown[] = [];
  for (let n = 0; n < 200; n++) void all.find(`s${n}`, undefined).then((outcome) => outcomes.push(outcome));
  await turns(2);
  host.clock.increment(4_999);
  await turns(2);
  expect(outcomes).toEqual([]);
  host.clock.increment(1);
  await turns(2);
  expect(outcomes).toEqual(new Array(200).fill('storeUnavailable'));
  delete store.before.load;
  await turns(2);
  expect(await all.find('s1', undefined)).toBe('sessionNotFound');
});

test('a read of a session whose end is being written waits for that', async () => {
  const { store, records: all } = records();
  const record = sessionRecord('a', { idleDeadline: null });
  await store.create(record);
  let go = () => {};
  store.before.remove = () =>
    new Promise<void>((resolve) => {
      go = resolve;
    });
  const ended = all.end(record, 'deleted');
  const read = all.read('a');
  await turns(2);
  expect(store.calls.load).toBe(0);
  go();
  expect([await ended, await read]).toEqual(['removed', 'sessionNotFound']);
});
