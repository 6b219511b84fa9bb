/** When the clients of a session come back: decided by its id, spread over the sessions. */
import { describe, expect, test } from 'vitest';
import { reconnectionDelay } from '../../src/transport/reconnectionDelay.ts';

test('it is the same for the same id, in any process and version', () => {
  const ids = ['', 'session-1', 'session-2', '0b0ae6bb-6c4a-4d3c-9e64-b3cf0b2f7b11'];
  expect(ids.map(reconnectionDelay)).toEqual([5_338, 4_279, 5_229, 5_327]);
});

test.each([
  ['last', (n: number) => `session-${n}`],
  ['first', (n: number) => `${n}-session`],
] as const)('ids that differ in their %s digit are far apart', (_, id) => {
  const delays = Array.from({ length: 10 }, (_, n) => reconnectionDelay(id(n)));
  expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(1_000);
});

describe.each([
  ['random', () => crypto.randomUUID()],
  ['counted', (n: number) => `session-${n}`],
  ['alike but for the last digits', (n: number) => `${'node-7.'.repeat(30)}${n}`],
  ['alike but for the first digits', (n: number) => `${n}${'.node-7'.repeat(30)}`],
])('with ids that are %s', (_, id) => {
  const delays = Array.from({ length: 10_000 }, (_, n) => reconnectionDelay(id(n)));

  test('it is 5 000 ms, give or take a fifth, in whole ms', () => {
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(4_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(6_000);
    expect(delays.every(Number.isInteger)).toBe(true);
  });

  test('as many come in each tenth of that time', () => {
    for (let tenth = 4_000; tenth < 6_000; tenth += 200) {
      const count = delays.filter((delay) => delay >= tenth && delay < tenth + 200).length;
      // Ten standard deviations: what is spread evenly does not fail this.
      expect(Math.abs(count - 1_000)).toBeLessThan(300);
    }
  });
});
