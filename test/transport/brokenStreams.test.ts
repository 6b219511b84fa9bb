/** The streams that a store failed: remembered, the latest thousand of them. */
import { expect, test } from 'vitest';
import { BrokenStreams } from '../../src/transport/brokenStreams.ts';

test('the latest thousand are remembered, each once', () => {
  const broken = new BrokenStreams();
  expect(broken.has('0')).toBe(false);
  for (let n = 0; n < 1_000; n++) broken.add(String(n));
  expect([broken.has('0'), broken.has('999'), broken.has('1000')]).toEqual([true, true, false]);
  broken.add('1000');
  expect([broken.has('0'), broken.has('1'), broken.has('1000')]).toEqual([false, true, true]);
});
