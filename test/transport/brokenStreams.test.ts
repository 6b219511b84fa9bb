/** The streams that a store failed: the latest thousand by number, and before these whatever may have been one. */
import { expect, test } from 'vitest';
import { BrokenStreams } from '../../src/transport/brokenStreams.ts';

/** Of these numbers, those that count as broken. */
const brokenOf = (broken: BrokenStreams, numbers: readonly number[]) => numbers.filter((number) => broken.has(number));

test('a thousand are remembered by number', () => {
  const broken = new BrokenStreams();
  expect(broken.has(0)).toBe(false);
  for (let n = 0; n < 1_000; n++) broken.add(2 * n);
  for (let n = 0; n < 1_000; n++) broken.add(2 * n); // each is remembered once
  expect(brokenOf(broken, [0, 1, 2, 3, 1_998, 1_999, 2_000])).toEqual([0, 2, 1_998]);
});

test('with one more, all up to the first count as broken: none is ever taken for whole that is not', () => {
  const broken = new BrokenStreams();
  for (let n = 5; n <= 1_005; n++) broken.add(2 * n);
  expect(brokenOf(broken, [0, 1, 9, 10, 11, 12, 13, 2_010, 2_011])).toEqual([0, 1, 9, 10, 12, 2_010]);
});

test('they may break in any order', () => {
  const broken = new BrokenStreams();
  broken.add(5_000);
  for (let n = 0; n < 2_000; n++) broken.add(n);
  expect(brokenOf(broken, [0, 999, 1_999, 4_999, 5_000, 5_001])).toEqual([0, 999, 1_999, 4_999, 5_000]);
});
