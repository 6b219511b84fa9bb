/**
 * The SDK's own clients, as they are by default, over a server that is gone for a while: their GET stream comes back,
 * because they were told when. Left to themselves they give up after 2.5 seconds. Gaps of 6 and of 20 s are in test/gaps/.
 */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../../src/index.ts';
import { crossGap, SDK_CLIENTS } from '../../support/gap.ts';

/** The longest that a client waits for its second and last try, in ms. */
const SECOND_TRY = 12_000;

const STORES = { 'with an event store': createMemoryEventStore, 'without one': () => undefined };

describe.concurrent.each(SDK_CLIENTS)('the GET stream of a client of SDK %s comes back', (_, connect) => {
  describe.concurrent.each(Object.entries(STORES))('%s', (kind, makeStore) => {
    test.concurrent('over a gap of 500 ms', { timeout: 40_000 }, async () => {
      const told = kind === 'without one' ? ['before', 'after'] : ['before', 'meanwhile', 'after'];
      expect(await crossGap(connect, 500, SECOND_TRY, { eventStore: makeStore() })).toEqual({
        refused: true,
        listens: true,
        told,
      });
    });
  });
});
