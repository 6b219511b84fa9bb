/** The restorer, over a store that never answers: how many requests it holds, and that it lets all of them go. */
import { expect, test } from 'vitest';
import type { RefusalName } from '../../src/errors.ts';
import { Records } from '../../src/supervisor/records.ts';
import { Restorer } from '../../src/supervisor/restorer.ts';
import { sessionRecord } from '../stores/sessionRecords.ts';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { never } from '../support/controlledStore.ts';
import { turns } from '../support/until.ts';
import { TestHost } from './life.ts';

/** A restorer whose sessions can't be claimed, because the store hangs. */
function stuck(maxSessions = 4_096) {
  const store = controlledSessionStore();
  const host = new TestHost({ sessionStore: store, restoreTimeout: 1_000, maxSessions });
  store.before.claim = never;
  const records = new Records(store, {
    options: host.options,
    log: host.log,
    endedAside: () => {},
    livesHere: () => false,
    owner: () => undefined,
    mayLive: async () => false,
  });
  const restorer = new Restorer(
    {
      options: host.options,
      accepting: true,
      log: host.log,
      lacksRoomFor: () => undefined,
      claimed: () => {},
      readmit: () => 'full',
    },
    records,
  );
  const request = { authInfo: undefined, requestInfo: { headers: {}, url: new URL('http://localhost/') } };
  const restore = (n: number, principal = 'ada') =>
    restorer.restore(sessionRecord(`${principal}-${n}`, { principal }), request as never, false);
  return { host, store, restorer, restore };
}

test('at most 4 × maxSessions requests are held; those beyond are refused at once, and those held in time', async () => {
  const { host, store, restore } = stuck();
  const held = Array.from({ length: 8_192 }, (_, n) => restore(n % 100));
  expect(await restore(101)).toBe('tooManyRestores'); // one principal can't have all
  held.push(...Array.from({ length: 1_024 }, () => restore(0, 'bob')));
  expect(await restore(0, 'bob')).toBe('tooManyRestores'); // nor one session
  held.push(...Array.from({ length: 7_168 }, (_, n) => restore(1 + (n % 100), 'bob')));
  await turns(2);
  expect(store.calls.claim).toBe(16);
  expect(await restore(0, 'eve')).toBe('tooManyRestores');
  host.clock.increment(1_000);
  const outcomes = await Promise.all(held);
  expect(new Set<unknown>(outcomes)).toEqual(new Set<RefusalName>(['restoring']));
  const next = restore(0);
  host.clock.increment(1_000);
  expect(await next).toBe('restoring'); // there is room again
});

test.each([
  [1, 1_024],
  [Number.POSITIVE_INFINITY, 65_536],
])('for %d sessions at a time %d requests are held', async (maxSessions, most) => {
  const { host, restore } = stuck(maxSessions);
  const held = Array.from({ length: most }, (_, n) => restore(Math.floor(n / 1_000), n % 2 === 0 ? 'ada' : 'bob'));
  expect(await restore(0, 'eve')).toBe('tooManyRestores');
  await turns(2);
  host.clock.increment(1_000);
  expect(new Set<unknown>(await Promise.all(held))).toEqual(new Set<RefusalName>(['restoring']));
});

test('when nobody is brought back any more, those that had not begun are let go at once', async () => {
  const { restorer, restore, host } = stuck();
  const outcomes: unknown[] = [];
  const held = Array.from({ length: 20 }, (_, n) => restore(n).then((outcome) => outcomes.push(outcome)));
  await turns(2);
  restorer.stop();
  await turns(2);
  expect(outcomes).toEqual(new Array(4).fill('draining'));
  host.clock.increment(1_000);
  await Promise.all(held);
});
