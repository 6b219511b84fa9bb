/**
 * The SDK's own clients over gaps of 6 and 20 s, which take their time. They try twice, so with the default they are through
 * with it after 12 s at the latest: who stays away longer has to say so by `retryInterval`. Calls work again either way.
 */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../src/index.ts';
import { crossGap, SDK_CLIENTS } from '../support/gap.ts';

const GAP = 20_000;

describe.concurrent.each(SDK_CLIENTS)('a client of SDK %s, over a gap of 20 s unless it says another', (_, connect) => {
  test.concurrent.each([
    ['with an event store', createMemoryEventStore, ['before', 'meanwhile', 'after']],
    ['without one', () => undefined, ['before', 'after']],
  ])(
    'its GET stream comes back where retryInterval is 15 s (%s)',
    { timeout: 60_000 },
    async (_kind, makeStore, told) => {
      const options = { eventStore: makeStore(), retryInterval: 15_000 };
      expect(await crossGap(connect, GAP, 15_000, options)).toEqual({ refused: true, listens: true, told });
    },
  );

  test.concurrent.each([
    ['with an event store', createMemoryEventStore, ['before', 'meanwhile', 'after']],
    ['without one', () => undefined, ['before', 'after']],
  ])('its GET stream comes back after 6 s by default (%s)', { timeout: 60_000 }, async (_kind, makeStore, told) => {
    const outcome = await crossGap(connect, 6_000, 12_000, { eventStore: makeStore() });
    expect(outcome).toEqual({ refused: true, listens: true, told });
  });

  test.concurrent('its GET stream does not come back by default, while calls do', { timeout: 60_000 }, async () => {
    expect(await crossGap(connect, GAP, 10_000)).toEqual({ refused: true, listens: false, told: ['before'] });
  });
});
